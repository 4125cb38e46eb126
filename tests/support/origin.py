"""A TLS origin on loopback, HTTP/1.1 and HTTP/2, that logs every connection and every request it sees."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import trustme


@dataclass
class Seen:
    """One request as it reached the origin."""

    method: str
    path: str
    headers: dict[str, str]
    version: str
    bytes: int = 0
    sha256: str = ""
    complete: bool = False
    body: bytes = b""
    fields: list[tuple[str, str]] = field(default_factory=list)
    """The header fields as they came, lower-case names; a name that came twice is there twice."""


def default_reply(seen: Seen) -> tuple[int, dict[str, str], bytes]:
    """An answer that every SDK of the tests takes for success."""
    body = {
        "ok": True,
        "code": 0,
        "errcode": 0,
        "errmsg": "ok",
        "msg": "success",
        "data": {"file_key": "k", "image_key": "k"},
    }
    body |= {"bytes": seen.bytes, "sha256": seen.sha256, "media_id": "m", "type": "file", "created_at": "1"}
    return 200, {"content-type": "application/json"}, json.dumps(body).encode()


@dataclass
class Origin:
    """Runs in a thread of its own; `with Origin(folder) as origin`."""

    folder: Path
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    alpn: tuple[str, ...] = ("http/1.1",)
    reply: Callable[[Seen], tuple[int, dict[str, str], bytes]] = default_reply
    read_delay_s: float = 0.0
    """Wait before each read of a body, for slow origins."""
    keep_bodies: bool = False
    host: str | None = "127.0.0.1"
    """Address it listens on; None is every address of the machine, IPv4 and IPv6."""
    ports: tuple[int, int] = (0, 0)
    """For TLS and for plain HTTP; 0 is a free one."""
    connections: int = 0
    requests: list[Seen] = field(default_factory=list)

    def __enter__(self) -> Origin:
        authority = trustme.CA()
        self.ca = self.folder / "origin-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self.names).configure_cert(self._context)
        self._context.set_alpn_protocols(list(self.alpn))
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

    def clear(self) -> None:
        self.connections = 0
        self.requests.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        own = self.ports
        tls = await asyncio.start_server(self._connected, self.host, own[0], ssl=self._context, limit=1 << 20)
        plain = await asyncio.start_server(self._connected, self.host, own[1], limit=1 << 20)
        self.port, self.plain_port = (server.sockets[0].getsockname()[1] for server in (tls, plain))
        self._started.set()
        await self._stop.wait()
        for server in (tls, plain):
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in (tls, plain):
            await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            tls = writer.get_extra_info("ssl_object")
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await self._http2(reader, writer)
            else:
                await self._http1(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _http1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, version = head[0].split(" ", 2)
            lines = (line.split(":", 1) for line in head[1:] if ":" in line)
            fields = [(name.strip().lower(), value.strip()) for name, value in lines]
            headers = dict(fields)
            seen = Seen(method, path, headers, version, fields=fields)
            self.requests.append(seen)
            digest = hashlib.sha256()
            if "chunked" in headers.get("transfer-encoding", ""):
                while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    await self._take(reader, size, seen, digest)
                    await reader.readexactly(2)
                await reader.readuntil(b"\r\n")
            else:
                await self._take(reader, int(headers.get("content-length", 0)), seen, digest)
            seen.sha256, seen.complete = digest.hexdigest(), True
            status, fields, body = self.reply(seen)
            lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in fields.items()), f"content-length: {len(body)}"]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()

    async def _take(self, reader: asyncio.StreamReader, size: int, seen: Seen, digest: object) -> None:
        while size:
            if self.read_delay_s:
                await asyncio.sleep(self.read_delay_s)
            data = await reader.read(min(size, 65536))
            if not data:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(data)
            seen.bytes += len(data)
            digest.update(data)  # type: ignore[attr-defined]
            if self.keep_bodies:
                seen.body += data

    async def _http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        conn.initiate_connection()
        writer.write(conn.data_to_send())
        open_: dict[int, tuple[Seen, object]] = {}
        unsent: dict[int, bytes] = {}
        while data := await reader.read(65536):
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = dict(event.headers)
                    seen = Seen(headers[":method"], headers[":path"], headers, "HTTP/2", fields=list(event.headers))
                    self.requests.append(seen)
                    open_[event.stream_id] = (seen, hashlib.sha256())
                elif isinstance(event, h2.events.DataReceived):
                    if self.read_delay_s:
                        await asyncio.sleep(self.read_delay_s)
                    seen, digest = open_[event.stream_id]
                    seen.bytes += len(event.data)
                    digest.update(event.data)  # type: ignore[attr-defined]
                    conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.TrailersReceived):
                    open_[event.stream_id][0].headers.update(
                        {f"trailer:{name}": value for name, value in event.headers}
                    )
                elif isinstance(event, h2.events.StreamEnded):
                    seen, digest = open_.pop(event.stream_id)
                    seen.sha256, seen.complete = digest.hexdigest(), True  # type: ignore[attr-defined]
                    status, fields, body = self.reply(seen)
                    conn.send_headers(event.stream_id, [(":status", str(status)), *fields.items()])
                    unsent[event.stream_id] = body
                elif isinstance(event, h2.events.StreamReset):
                    open_.pop(event.stream_id, None)
                    unsent.pop(event.stream_id, None)
            for stream_id in list(unsent):
                _send_more(conn, stream_id, unsent)
            writer.write(conn.data_to_send())
            await writer.drain()


def _send_more(conn: h2.connection.H2Connection, stream_id: int, unsent: dict[int, bytes]) -> None:
    """As much of an answer as the window of its stream takes; nothing stays behind when that is all of it."""
    rest = unsent.pop(stream_id)
    while True:
        step = min(conn.local_flow_control_window(stream_id), conn.max_outbound_frame_size, len(rest))
        if rest and not step:
            unsent[stream_id] = rest
            return
        conn.send_data(stream_id, rest[:step], end_stream=step == len(rest))
        rest = rest[step:]
        if not rest:
            return
