"""A second proxy behind the gateway: CONNECT and absolute targets, with a login if asked, all led to one origin."""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.support.origin import Origin


@dataclass
class Asked:
    """One request to the proxy itself."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass
class ParentProxy:
    """Runs in a thread of its own; `with ParentProxy(folder, origin) as parent`."""

    folder: Path
    origin: Origin
    login: str = ""
    """Value of Proxy-Authorization it wants; empty for none."""
    tls: bool = False
    requests: list[Asked] = field(default_factory=list)
    connections: int = 0
    carried_bytes: int = 0
    """From the gateway to the origin."""

    def __enter__(self) -> ParentProxy:
        authority = trustme.CA()
        self.ca = self.folder / "parent-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if self.tls else None
        if self._context is not None:
            authority.issue_cert("localhost").configure_cert(self._context)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    def clear(self) -> None:
        self.requests.clear()
        self.connections = self.carried_bytes = 0

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._request(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        lines = [line for line in head[1:] if ":" in line]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.requests.append(Asked(method, target, headers))
        if self.login and headers.get("proxy-authorization") != self.login:
            answer = b'HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic realm="parent"\r\nContent-Length: 0\r\n\r\n'
            writer.write(answer)
            # Closing over what was not read would be a reset, and the answer might be lost with it.
            while await reader.read(65536):
                pass
            return
        port = self.origin.port if method == "CONNECT" else self.origin.plain_port
        onward, towards = await asyncio.open_connection("127.0.0.1", port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            kept = [line for line in lines if not line.lower().startswith("proxy-")]
            path = "/" + target.split("/", 3)[3]
            towards.write("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "", ""]).encode("latin-1"))
        try:
            await asyncio.gather(self._pump(reader, towards, counts=True), self._pump(onward, writer))
        finally:
            towards.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool = False) -> None:
        while data := await reader.read(65536):
            if counts:
                self.carried_bytes += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()
