"""Clients of the memory rows: one upload over a tunnel of its own, in either version, that may stop at any point."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.settings

STEP_BYTES = 64 * 1024
WINDOW_BYTES = 2**31 - 1
"""What an HTTP/2 client says it will take: the most, so that only its socket holds an answer back."""
TIMEOUT_S = 600.0


def context_for(ca: Path, alpn: str) -> ssl.SSLContext:
    """A client's TLS that offers one version."""
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols([alpn])
    return context


def tunnel(proxy_port: int, context: ssl.SSLContext, target: str) -> ssl.SSLSocket:
    """TLS to `HOST:PORT` through the proxy."""
    raw = socket.create_connection(("127.0.0.1", proxy_port), timeout=TIMEOUT_S)
    raw.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += raw.recv(4096)
    if b" 200 " not in answer:
        raise OSError(answer.decode("latin-1"))
    return context.wrap_socket(raw, server_hostname=target.partition(":")[0])


@dataclass
class Http1:
    """One request over HTTP/1.1."""

    sock: ssl.SSLSocket
    target: str

    def send(self, method: str, path: str, fields: dict[str, str], body: bytes, upto: int) -> None:
        """The head of the whole, and the first `upto` bytes of the body."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.target}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        with memoryview(body) as view:
            for start in range(0, upto, STEP_BYTES):
                self.sock.sendall(view[start : min(start + STEP_BYTES, upto)])

    def status(self) -> int:
        """Of the answer, the rest of which is read and thrown away."""
        with self.sock.makefile("rb") as file:
            status = int(file.readline().split()[1])
            length = 0
            while (line := file.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            while length > 0:
                length -= len(file.read(min(length, STEP_BYTES)))
        return status


@dataclass
class Http2:
    """One request over HTTP/2; answers to later ones come in turn."""

    sock: ssl.SSLSocket
    target: str
    stream: int = -1
    _seen: dict[int, int] = field(default_factory=dict)
    _ended: bool = False

    def __post_init__(self) -> None:
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.conn.initiate_connection()
        self.conn.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES})
        self.conn.increment_flow_control_window(WINDOW_BYTES - 65535)
        self._flush()
        # The proxy's settings come before anything can be sent at length.
        self._read()

    def send(self, method: str, path: str, fields: dict[str, str], body: bytes, upto: int) -> None:
        """The head of the whole, and the first `upto` bytes of the body."""
        self.stream, self._ended = self.conn.get_next_available_stream_id(), False
        head = [
            (":method", method),
            (":scheme", "https"),
            (":authority", self.target),
            (":path", path),
            ("content-length", str(len(body))),
            *((name.lower(), value) for name, value in fields.items()),
        ]
        self.conn.send_headers(self.stream, head, end_stream=not body)
        self._flush()
        start = 0
        while start < upto:
            step = min(
                self.conn.local_flow_control_window(self.stream), self.conn.max_outbound_frame_size, upto - start
            )
            if not step:
                self._read()
                continue
            start += step
            self.conn.send_data(self.stream, body[start - step : start], end_stream=start == len(body))
            self._flush()

    def status(self) -> int:
        """Of the answer, the rest of which is read and thrown away; 0 when the stream was reset."""
        while not self._ended:
            self._read()
        return self._seen.get(self.stream, 0)

    def _flush(self) -> None:
        self.sock.sendall(self.conn.data_to_send())

    def _read(self) -> None:
        data = self.sock.recv(STEP_BYTES)
        if not data:
            raise ConnectionResetError
        for event in self.conn.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self._seen[event.stream_id] = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                self._ended = self._ended or event.stream_id == self.stream
        self._flush()


def client(version: str, proxy_port: int, ca: Path, target: str) -> Http1 | Http2:
    """A client in `http/1.1` or `h2`, connected to `HOST:PORT`."""
    sock = tunnel(proxy_port, context_for(ca, version), target)
    return Http2(sock, target) if version == "h2" else Http1(sock, target)
