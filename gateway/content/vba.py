"""Source of VBA macros, which is compressed inside the streams of a project (MS-OVBA §2.4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.content.encodings import is_textual
from gateway.content.text import decode
from gateway.errors import LimitError
from gateway.limits import MIB

MAX_MACRO_BYTES = 16 * MIB
"""Most bytes unpacked from one stream, tries that gave nothing among them."""
MIN_BYTES = 8
"""Shortest source that says anything."""
_START = re.compile(rb"\x01.[\x30-\x3f\xb0-\xbf].[\t\r\n -~\x80-\xfe]", re.DOTALL)
"""Mark of a container, head of its first chunk, flags, and a character: the first token is always one."""
_CHUNK_BYTES = 4096
_HEAD_BYTES, _SIGNATURE, _IS_PACKED = 2, 0x3000, 0x8000


def macro_texts(stream: bytes) -> Iterator[str]:
    """Every plausible reading of each source in a stream. Raises LimitError.

    Sources follow compiled code of unknown length, so they are looked for.
    """
    position = spent = 0
    while match := _START.search(stream, position):
        source, end = _unpacked(stream, match.start() + 1)
        spent += len(source)
        if spent > MAX_MACRO_BYTES:
            raise LimitError("max_macro_bytes", allowed=MAX_MACRO_BYTES, actual=spent)
        position = match.start() + 1
        if len(source) >= MIN_BYTES and is_textual(source):
            position = end
            yield from decode(source)


def _unpacked(stream: bytes, position: int) -> tuple[bytes, int]:
    """Content of the chunks from `position` on, as far as they make sense, and where they end."""
    out = bytearray()
    while position + _HEAD_BYTES < len(stream):
        head = int.from_bytes(stream[position : position + _HEAD_BYTES], "little")
        if head & 0x7000 != _SIGNATURE:
            break
        body = stream[position + _HEAD_BYTES : position + 3 + (head & 0x0FFF)]
        chunk = _chunk(body) if head & _IS_PACKED else body[:_CHUNK_BYTES]
        if chunk is None:
            break
        out += chunk
        position += _HEAD_BYTES + len(body)
    return bytes(out), position


def _chunk(body: bytes) -> bytes | None:
    """One chunk unpacked; None for tokens that no writer makes."""
    out = bytearray()
    position = 0
    while position < len(body):
        flags = body[position]
        position += 1
        for bit in range(8):
            if position >= len(body):
                break
            if not flags >> bit & 1:
                out.append(body[position])
                position += 1
                continue
            length_bits = 16 - max(4, (len(out) - 1).bit_length()) if out else 0
            token = int.from_bytes(body[position : position + 2], "little")
            offset = (token >> length_bits) + 1
            if not out or offset > len(out) or len(out) > _CHUNK_BYTES:
                return None
            for _ in range((token & ((1 << length_bits) - 1)) + 3):
                out.append(out[-offset])
            position += 2
    return bytes(out)
