"""One growing output under the limits that every decoder of the wire shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.limits import MIB, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.transfer import Buffer

RATIO_FLOOR_BYTES = MIB
"""Output below which the growth is not judged: a short repetitive text may well shrink a thousandfold."""


def collect(chunks: Iterable[bytes], *, encoded_bytes: int, limits: Limits) -> Buffer:
    """The chunks as one read-only buffer.

    Raises LimitError as soon as the output passes `max_decoded_bytes`, or, above the floor, `max_decode_ratio` times
    `encoded_bytes`; whatever `chunks` raises passes through.

    >>> bytes(collect([b"ab", b"c"], encoded_bytes=3, limits=Limits()))
    b'abc'
    """
    # A bytearray grows in place; joining a list of chunks would hold the output twice.
    output = bytearray()
    ratio_bytes = max(RATIO_FLOOR_BYTES, limits.max_decode_ratio * encoded_bytes)
    for chunk in chunks:
        size = len(output) + len(chunk)
        if size > limits.max_decoded_bytes:
            raise LimitError("max_decoded_bytes", allowed=limits.max_decoded_bytes, actual=size)
        if size > ratio_bytes:
            raise LimitError("max_decode_ratio", allowed=limits.max_decode_ratio, actual=size / encoded_bytes)
        output += chunk
    return memoryview(output).toreadonly()
