"""Protocol Buffers and gRPC frames built by hand, independent of the reader under test."""

from __future__ import annotations


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """Fields as (number, value): bytes are length-delimited, integers varints."""
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


def frame(data: bytes, flags: int = 0) -> bytes:
    """One message of a gRPC stream."""
    return bytes([flags]) + len(data).to_bytes(4, "big") + data
