"""An HTTP/2 client through the proxy that may send any frame, also what no library would."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import h2.connection
import h2.events
from hyperframe.frame import Frame


class Wire:
    """`with Wire(port, ca) as wire`: a tunnel to `localhost:443` unless named, HTTP/2 begun and settings exchanged."""

    def __init__(
        self, port: int, ca: Path, target: str = "localhost:443", *, source: str = "", timeout_s: float = 20.0
    ) -> None:
        own = (source, 0) if source else None
        raw = socket.create_connection(("127.0.0.1", port), timeout=timeout_s, source_address=own)
        raw.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += raw.recv(4096)
        assert b" 200 " in answer
        context = ssl.create_default_context(cafile=str(ca))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.set_alpn_protocols(["h2"])
        self.target = target
        self.socket = context.wrap_socket(raw, server_hostname=target.partition(":")[0])
        self.conn = h2.connection.H2Connection()
        self.events: list[h2.events.Event] = []
        self.is_over = False
        self.conn.initiate_connection()
        self.flush()
        self.acknowledged(1)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Send what the library has to send; what does not go is lost with the connection."""
        data = self.conn.data_to_send()
        if data:
            self._send(data)

    def send(self, *frames: Frame) -> None:
        """Send frames past the library."""
        self.flush()
        self._send(b"".join(frame.serialize() for frame in frames))

    def _send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            self.is_over = True

    def request(self, method: str, path: str, *, end: bool, host: str = "") -> int:
        """Begin a request; its stream."""
        stream = self.conn.get_next_available_stream_id()
        authority = host or self.target.removesuffix(":443")
        head = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)]
        self.conn.send_headers(stream, head, end_stream=end)
        return stream

    def read(self) -> bool:
        """Take in what comes next; False when nothing does any more."""
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            self.is_over = True
            return False
        self.events += self.conn.receive_data(data)
        self.flush()
        return True

    def acknowledged(self, times: int) -> None:
        """Wait until our settings were acknowledged so often."""
        while sum(isinstance(event, h2.events.SettingsAcknowledged) for event in self.events) < times:
            assert self.read()

    def end(self) -> int | None:
        """Code of the GOAWAY that ends the connection; None when it ends without."""
        while True:
            for event in self.events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    return event.error_code
            if not self.read():
                return None

    def status(self, stream: int) -> int | None:
        """Of the answer on that stream; None when it was reset or the connection closed."""
        while True:
            for event in self.events:
                if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                    fields = {bytes(name): bytes(value) for name, value in event.headers}
                    return int(fields[b":status"])
                if isinstance(event, h2.events.StreamReset) and event.stream_id == stream:
                    return None
            if not self.read():
                return None

    def is_closed(self, within_s: float) -> bool:
        """Whether the other end closes the connection in time."""
        deadline = time.monotonic() + within_s
        while not self.is_over and (left_s := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left_s)
            try:
                self.read()
            except TimeoutError:
                return False
        return self.is_over
