"""`python -m gateway.console [--config FILE]`: the console as a process, started by the supervisor."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from types import FrameType
from typing import Any

import uvicorn

from gateway.config import load_settings
from gateway.console.addresses import AddressBook
from gateway.console.app import build_app
from gateway.console.health import Health
from gateway.console.status import is_loopback
from gateway.errors import ConfigError, RecordError, SluiceError, StartError
from gateway.identity.leases import FILE, Leases
from gateway.identity_settings import read_token
from gateway.inspectors.client import InspectorClient
from gateway.process import die_with_parent
from gateway.records.journal import Journal
from gateway.records.store import Store, utc_now
from gateway.settings import Address, Settings

EXPOSED = (
    "sluice: the console has no login yet and listens on {address}: whoever can reach that address can read every "
    "incident; set console.listen to 127.0.0.1, or let a firewall decide who may connect\n"
)
"""Told at start when others than this machine can connect."""
RECORD_S = 20.0
"""Longest wait for the journal; over it a change is refused."""
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
            with open_book(settings) as book:
                serve(health, listener, book)
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


@contextmanager
def open_book(settings: Settings) -> Iterator[AddressBook | None]:
    """The addresses that may be changed here, with a journal for the changes; None when no token is set."""
    path = settings.identity.api_token_file
    if path is None:
        yield None
        return
    token = read_token(path)
    journal = Journal.open(
        settings.state_dir / "journal",
        node=socket.gethostname(),
        worker="console",
        version=version("sluice-dlp"),
        now=utc_now,
    )
    try:
        with closing(Leases(settings.state_dir / FILE, time.time)) as leases:
            yield AddressBook(leases, token, lambda body: write(journal, body), utc_now)
    finally:
        journal.close()


def write(journal: Journal, body: Mapping[str, Any]) -> None:
    """Wait until the journal holds the record; raises RecordError when it does not."""
    try:
        journal.append("system", body).result(RECORD_S)
    except TimeoutError:
        raise RecordError("the change could not be recorded") from None


def serve(health: Health, listener: socket.socket, book: AddressBook | None) -> None:
    """Answer on the socket until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)  # the server takes its own, and hands the signal on when it has drained
    config = uvicorn.Config(
        build_app(health, book=book),
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
