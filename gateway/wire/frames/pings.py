"""Pings on their way through: no byte that a client wrote into one reaches the server, and each is still answered."""

from __future__ import annotations

from collections import OrderedDict

MAX_PINGS = 32
"""Pings of either side that are remembered until they are answered."""


class Pings:
    """The pings under way on one connection."""

    def __init__(self) -> None:
        self._count = 0
        self._of_client: OrderedDict[bytes, bytes] = OrderedDict()
        """Number that went to the server → payload of the client's ping."""
        self._of_server: OrderedDict[bytes, bytes] = OrderedDict()

    def from_client(self, payload: bytes) -> bytes:
        """What goes to the server in place of the payload: a number."""
        self._count += 1
        number = self._count.to_bytes(8)
        _remember(self._of_client, number, payload)
        return number

    def answer_of_server(self, number: bytes) -> bytes | None:
        """The payload that the client waits for, None for an answer to nothing.

        >>> pings = Pings()
        >>> pings.answer_of_server(pings.from_client(b"hello"))
        b'hello'
        """
        return self._of_client.pop(number, None)

    def from_server(self, payload: bytes) -> None:
        """Remember it, so that the answer can be told from what a client makes up."""
        _remember(self._of_server, payload, payload)

    def is_answer_of_client(self, payload: bytes) -> bool:
        """Whether the client answers a ping of the server, once.

        >>> Pings().is_answer_of_client(b"made up")
        False
        """
        return self._of_server.pop(payload, None) is not None


def _remember(pings: OrderedDict[bytes, bytes], key: bytes, value: bytes) -> None:
    pings[key] = value
    while len(pings) > MAX_PINGS:
        pings.popitem(last=False)
