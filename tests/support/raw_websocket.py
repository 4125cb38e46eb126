"""A WebSocket client of raw bytes through the gateway: for frames that no library would send."""

from __future__ import annotations

import socket
import time

from gateway.wire.frames.frame import FrameReader, Opcode, control_frame, frames_of
from tests.support.gateway import Gateway

KEY = b"\x0a\x0b\x0c\x0d"
NONCE = "AAAAAAAAAAAAAAAAAAAAAA=="


def message(data: bytes, *lengths: int, opcode: Opcode = Opcode.TEXT) -> bytes:
    """One masked message, in frames of these lengths."""
    return b"".join(frames_of([data] if data else [], lengths or [len(data)], opcode, lambda: KEY))


def frames(data: bytes, *, masked: bool) -> list[tuple[str, bytes]]:
    """Kind and payload of each whole frame."""
    found, payload = [], b""
    for chunk in FrameReader(masked=masked).feed(data):
        payload = chunk.data if chunk.is_start else payload + chunk.data
        if chunk.is_end:
            found.append((chunk.opcode.name, payload))
    return found


class RawWebSocket:
    """`with RawWebSocket(gateway, "raw.example.com") as client`; plain, with a handshake of its own making."""

    def __init__(
        self, gateway: Gateway, host: str, path: str = "/", *, headers: str = "", upgrade: bool = True
    ) -> None:
        fields = f"Host: {host}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {NONCE}\r\n{headers}"
        fields += "Upgrade: websocket\r\nConnection: Upgrade\r\n" if upgrade else ""
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
        self.socket.sendall(f"GET http://{host}{path} HTTP/1.1\r\n{fields}\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received and (data := self.socket.recv(65536)):
            received += data
        head, _, self.received = received.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")

    def __enter__(self) -> RawWebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    def send(self, data: bytes, step: int = 0) -> None:
        """All of it, or as far as the other end takes it."""
        try:
            for start in range(0, len(data), step or len(data)):
                self.socket.sendall(data[start : start + (step or len(data))])
        except OSError:
            pass

    def until(self, count: int) -> list[tuple[str, bytes]]:
        """Frames received, once there are so many."""
        while len(frames(self.received, masked=False)) < count and (data := self.socket.recv(65536)):
            self.received += data
        return frames(self.received, masked=False)

    def rest(self, within_s: float = 10.0) -> list[tuple[str, bytes]]:
        """All frames until the other end closes, its close frame answered; AssertionError when it does not."""
        deadline, is_answered = time.monotonic() + within_s, False
        while True:
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError("the connection was not closed") from None
            except OSError:
                break
            if not data:
                break
            self.received += data
            if not is_answered and any(kind == "CLOSE" for kind, _ in frames(self.received, masked=False)):
                is_answered = True
                self.send(control_frame(Opcode.CLOSE, b"", KEY))
        return frames(self.received, masked=False)
