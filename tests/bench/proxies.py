"""The proxies that are measured side by side: bare mitmdump, mitmdump streaming, Sluice."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gateway import Gateway, free_port
from tests.support.origin import Origin
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Proxy:
    """One running proxy."""

    name: str
    port: int
    ca: Path
    pid: int


@contextlib.contextmanager
def mitmdump(name: str, folder: Path, origin: Origin, *options: str) -> Iterator[Proxy]:
    """mitmproxy's own command with nothing added."""
    port = free_port()
    folder.mkdir()
    command = [str(Path(sys.executable).with_name("mitmdump")), "-q", "--listen-host", "127.0.0.1", "-p", str(port)]
    command += ["--set", f"confdir={folder}", "--set", f"ssl_verify_upstream_trusted_ca={origin.ca}", *options]
    process = subprocess.Popen(command)

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listening, 60)
        yield Proxy(name, port, folder / "mitmproxy-ca-cert.pem", process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def sluice(folder: Path, origin: Origin, **settings: Any) -> Iterator[Proxy]:
    """The gateway with the shipped policy; `settings` go over those of the tests."""
    folder.mkdir()
    route = {f"localhost:{origin.port}": f"127.0.0.1:{origin.port}"}
    with Gateway(folder, origin_ca=origin.ca, connect_to=route, settings={"inspectors": {}} | settings) as gateway:
        yield Proxy("sluice", gateway.port, gateway.ca, gateway.process.pid)


@contextlib.contextmanager
def all_proxies(folder: Path, origin: Origin) -> Iterator[list[Proxy]]:
    """All of them up at once, so that every case runs through each back to back."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(mitmdump("mitmdump", folder / "bare", origin)),
            stack.enter_context(mitmdump("streaming", folder / "streaming", origin, "--set", "stream_large_bodies=1")),
            stack.enter_context(sluice(folder / "sluice", origin)),
        ]
