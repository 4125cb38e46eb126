"""`python -m gateway.console [--config FILE]`: the console as a process, started by the supervisor."""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn

from gateway.config import load_settings
from gateway.console.app import build_app
from gateway.console.health import Health
from gateway.errors import ConfigError, SluiceError
from gateway.inspectors.client import InspectorClient
from gateway.process import die_with_parent
from gateway.records.store import Store


def main() -> int:
    """Serve until SIGTERM; 1 when it could not start, 2 for a bad configuration."""
    parser = argparse.ArgumentParser(prog="python -m gateway.console")
    parser.add_argument("--config")
    arguments = parser.parse_args()
    die_with_parent()
    try:
        settings = load_settings(arguments.config, os.environ)
        store = Store.open(settings.state_dir / "sluice.db")
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except SluiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    pool = InspectorClient(str(settings.state_dir / "run" / "inspectors.sock"), settings.inspectors.timeout_s)
    app = build_app(Health(settings, store, pool))
    uvicorn.run(
        app, host=settings.console.listen.host, port=settings.console.listen.port, log_level="error", access_log=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
