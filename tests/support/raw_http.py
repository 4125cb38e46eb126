"""A client of raw bytes over HTTP/1, for what no library would send."""

from __future__ import annotations

import contextlib
import socket


class Raw:
    """`with Raw(port) as raw`; plain, to the proxy itself, from `source` where it is given."""

    def __init__(self, port: int, *, source: str = "", timeout_s: float = 20.0) -> None:
        own = (source, 0) if source else None
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s, source_address=own)
        self.received = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """All of it, or as far as the other end takes it."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def push(self, data: bytes, most_bytes: int, stalled_s: float = 2.0) -> int:
        """Send it again and again; bytes the other end took before it took nothing for a while, or closed."""
        self.socket.settimeout(stalled_s)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < most_bytes:
                sent += self.socket.send(data)
        return sent

    def status(self) -> int:
        """Of the next answer, whose body is read as its length says; 0 when the connection ends before."""
        while b"\r\n\r\n" not in self.received:
            if not self._read():
                return 0
        head, _, rest = self.received.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        self.received = rest
        while len(self.received) < length and self._read():
            pass
        self.received = self.received[length:]
        return int(lines[0].split(b" ")[1])

    def rest(self, within_s: float) -> bytes:
        """Everything until the other end closes; raises TimeoutError when it does not in time."""
        self.socket.settimeout(within_s)
        while self._read():
            pass
        return self.received

    def is_closed(self, within_s: float) -> bool:
        """Whether the other end closes the connection in time."""
        try:
            self.rest(within_s)
        except TimeoutError:
            return False
        return True

    def _read(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise
        except OSError:
            return False
        self.received += data
        return bool(data)
