"""`python -m gateway.console [--config FILE]`: the console as a process, started by the supervisor."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import uvicorn

from gateway.config import load_settings
from gateway.console.app import build_app
from gateway.console.health import Health
from gateway.console.status import is_loopback
from gateway.errors import ConfigError, SluiceError, StartError
from gateway.inspectors.client import InspectorClient
from gateway.process import die_with_parent
from gateway.records.store import Store
from gateway.settings import Address

EXPOSED = (
    "sluice: the console has no login yet and listens on {address}: whoever can reach that address can read every "
    "incident; set console.listen to 127.0.0.1, or let a firewall decide who may connect\n"
)
"""Told at start when others than this machine can connect."""
DRAIN_S = 3
"""Longest wait for answers under way at SIGTERM; the supervisor kills after five."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; 1 when it could not start, 2 for a bad configuration."""
    parser = argparse.ArgumentParser(prog="python -m gateway.console")
    parser.add_argument("--config")
    given = parser.parse_args(arguments)
    die_with_parent()
    try:
        settings = load_settings(given.config, os.environ)
        listen = settings.console.listen
        with Store.open(settings.state_dir / "sluice.db") as store, bind(listen) as listener:
            if not is_loopback(listen.host):
                sys.stderr.write(EXPOSED.format(address=listen))
            socket_path = str(settings.state_dir / "run" / "inspectors.sock")
            health = Health(settings, store, InspectorClient(socket_path, settings.inspectors.timeout_s))
            serve(health, listener)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except SluiceError as error:
        sys.stderr.write(f"sluice: {error}\n")
        return 1
    return 0


def bind(address: Address) -> socket.socket:
    """A listening socket; raises StartError with a sentence when the address cannot be had."""
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family, backlog=128)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).partition(" (while")[0]  # the library names the address too
        raise StartError(
            f"the console cannot listen on {address} ({reason}); stop what uses that address, or set another one as "
            "console.listen"
        ) from None


def serve(health: Health, listener: socket.socket) -> None:
    """Answer on the socket until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)  # the server takes its own, and hands the signal on when it has drained
    config = uvicorn.Config(
        build_app(health),
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=DRAIN_S,
    )
    with suppress(SystemExit):
        uvicorn.Server(config).run(sockets=[listener])


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
