"""`python -m gateway.inspectors --config FILE`: the pool as a process, started by the supervisor."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from gateway.config import load_settings
from gateway.errors import ConfigError, StartError
from gateway.inspectors.bounds import bounds_of
from gateway.inspectors.pool import Pool
from gateway.logs import log_to_stderr
from gateway.process import PARENT, die_with_parent

if TYPE_CHECKING:
    from gateway.inspectors.worker import Inspect
    from gateway.settings import Settings

log = structlog.get_logger("inspectors")


def socket_path(settings: Settings) -> str:
    """Where the pool listens and its clients connect."""
    return str(settings.state_dir / "run" / "inspectors.sock")


def _build(config: str | None) -> Inspect:
    """The inspection function of the settings as they are now; raises ConfigError."""
    # Imported by the generation and not by the pool: signatures and readers weigh, and a reload is to read them anew.
    from gateway.inspectors.build import build_inspect  # noqa: PLC0415

    return build_inspect(load_settings(config, os.environ))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM. Exit code: 0 after it, 1 when the start failed, 2 for wrong usage or configuration."""
    parser = argparse.ArgumentParser(prog="python -m gateway.inspectors", description=__doc__)
    parser.add_argument("--config", metavar="FILE", help="settings; as for `sluice run`")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when the process that started this ends")
    given = parser.parse_args(arguments)
    log_to_stderr()
    if given.die_with_parent or PARENT in os.environ:
        die_with_parent()
    try:
        settings = load_settings(given.config, os.environ)
        pool = Pool(lambda: _build(given.config), socket_path=socket_path(settings), bounds=bounds_of(settings))
        return pool.run()
    except ConfigError as error:
        for problem in error.problems:
            log.error("inspectors.problem", problem=str(problem))
        return 2
    except StartError as error:
        log.error("inspectors.start-failed", error=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
