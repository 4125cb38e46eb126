"""A name server: A and AAAA records from a table that the test may change between two questions."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class NameServer:
    """`with NameServer(("203.0.113.53",), {"a.example": ["203.0.113.10"]}) as names`; runs in a thread of its own."""

    listen: tuple[str, ...]
    table: Mapping[str, list[str]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(name, type) of every question, in order."""

    def __enter__(self) -> NameServer:
        self._sockets = []
        for address in self.listen:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            opened = socket.socket(family, socket.SOCK_DGRAM)
            self._sockets.append(opened)
            opened.bind((address, 53))
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.send(b"x")
        self._thread.join(10)
        for opened in (*self._sockets, self._stop, self._stopped):
            opened.close()

    def _run(self) -> None:
        while True:
            for ready in select.select([*self._sockets, self._stopped], [], [])[0]:
                if ready is self._stopped:
                    return
                question, sender = ready.recvfrom(4096)
                ready.sendto(self.answer(question), sender)

    def answer(self, question: bytes) -> bytes:
        """The response message (RFC 1035, 4.1) to a question of one name."""
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode("ascii").lower())
            at += 1 + length
        name, end = ".".join(labels), at + 5
        kind = {1: "A", 28: "AAAA"}.get(struct.unpack_from("!H", question, at + 1)[0], "other")
        self.asked.append((name, kind))
        addresses = [ipaddress.ip_address(text) for text in self.table.get(name, [])]
        fitting = [address for address in addresses if {4: "A", 6: "AAAA"}[address.version] == kind]
        flags = 0x8580 if addresses else 0x8583
        records = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", {4: 1, 6: 28}[each.version], 1, 0, len(each.packed)) + each.packed
            for each in fitting
        )
        return question[:2] + struct.pack("!HHHHH", flags, 1, len(fitting), 0, 0) + question[12:end] + records
