"""The recorder's process: `python -m gateway.records [--config FILE] [rebuild]`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

from gateway.config import load_settings
from gateway.errors import ConfigError, RecordError, StartError
from gateway.process import PARENT, die_with_parent
from gateway.records.rebuild import rebuild
from gateway.records.recorder import Places, run

_EXAMPLE = "example: python -m gateway.records --config sluice.yaml rebuild"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after SIGTERM or SIGINT and a drain, 1 when it could not start, 2 for wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m gateway.records", description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("--config", metavar="FILE", help="settings; default ./sluice.yaml where it exists")
    parser.add_argument("task", nargs="?", choices=("run", "rebuild"), default="run", help="default: run")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s recorder: %(message)s", stream=sys.stderr)
    try:
        settings = load_settings(given.config, os.environ)
        places = Places.of(settings.state_dir, store=settings.store, events=settings.events.jsonl)
        if given.task == "rebuild":
            _tell(rebuild(places))
        else:
            run(places, stop_on_signals())
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (StartError, RecordError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM sets, and SIGINT unless a supervisor runs: it stops the recorder last, workers first."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if PARENT in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent()
    else:
        signal.signal(signal.SIGINT, lambda *_: stop.set())
    return stop


def _tell(moved: object) -> None:
    if moved:
        sys.stdout.write(f"the old store could not be read and is now {moved}; states of incidents are lost\n")
    sys.stdout.write("the store was built again from the journals\n")


if __name__ == "__main__":
    sys.exit(main())
