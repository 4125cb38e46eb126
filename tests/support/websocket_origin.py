"""An origin for WebSockets on loopback, plain and TLS: real library or raw sockets, and a log of what reached it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import trustme
import websockets
from websockets.asyncio.server import ServerConnection, serve

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Arrived:
    """One connection as the origin saw it."""

    path: str
    headers: dict[str, str]
    messages: list[str | bytes] = field(default_factory=list)
    raw: bytes = b""
    """Everything after the handshake, as it came; only of the raw origin."""
    close_code: int = 0
    is_closed: bool = False


type Handler = Callable[[ServerConnection, Arrived], Awaitable[None]]


async def echo(socket: ServerConnection, arrived: Arrived) -> None:
    async for message in socket:
        arrived.messages.append(message)
        await socket.send(message)


@dataclass
class WebSocketOrigin:
    """`with WebSocketOrigin(folder) as origin`; the library on `port` (TLS) and `plain_port`, raw on `raw_port`."""

    folder: Path
    names: tuple[str, ...] = ("localhost",)
    handler: Handler = echo
    raw_answer: bytes = b""
    """What the raw origin sends after its 101."""
    raw_head: bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s\r\n"
    raw_reads: bool = True
    arrived: list[Arrived] = field(default_factory=list)

    def __enter__(self) -> WebSocketOrigin:
        authority = trustme.CA()
        self.ca = self.folder / "origin-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self.names).configure_cert(self._context)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        options = {"max_size": None, "close_timeout": 1}
        raw = await asyncio.start_server(self._raw, "127.0.0.1", 0)
        async with (
            serve(self._connected, "127.0.0.1", 0, ssl=self._context, **options) as tls,
            serve(self._connected, "127.0.0.1", 0, **options) as plain,
        ):
            self.port, self.plain_port, self.raw_port = (
                next(iter(server.sockets)).getsockname()[1] for server in (tls, plain, raw)
            )
            self._started.set()
            await self._stop.wait()
            raw.close()

    async def _connected(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        arrived = Arrived(socket.request.path, {k.lower(): v for k, v in socket.request.headers.raw_items()})
        self.arrived.append(arrived)
        try:
            await self.handler(socket, arrived)
        except websockets.ConnectionClosed:
            pass
        finally:
            await socket.wait_closed()
            arrived.close_code, arrived.is_closed = socket.close_code or 0, True

    async def _raw(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        arrived = Arrived(lines[0].split(" ")[1], headers)
        self.arrived.append(arrived)
        key = headers.get("sec-websocket-key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(self.raw_head % (b"Sec-WebSocket-Accept: " + accept + b"\r\n") + self.raw_answer)
        try:
            while self.raw_reads and (data := await reader.read(65536)):
                arrived.raw += data
            if not self.raw_reads:
                await self._stop.wait()
        except OSError:
            pass
        arrived.is_closed = True
        writer.close()
