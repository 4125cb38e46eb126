"""Deltas of git packs: a content told as what it has of another and what it adds.

Source: https://git-scm.com/docs/gitformat-pack, "Deltified representation".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError

if TYPE_CHECKING:
    from gateway.transfer import Buffer

MAX_COPY_BYTES = 0x10000
"""What a copy of size 0 means."""

type Step = tuple[int, int] | memoryview
"""Offset and length in the base, or bytes to add."""


def applied(delta: memoryview, base: Buffer, *, max_bytes: int) -> bytes:
    r"""The content that `delta` makes of `base`.

    Raises MalformedError when the delta is broken or for another base, LimitError when the content is over `max_bytes`.

    >>> applied(memoryview(b"\3\5\x90\3\2de"), b"abc", max_bytes=9)
    b'abcde'
    """
    base_bytes, position = size(delta, 0)
    result_bytes, position = size(delta, position)
    if result_bytes > max_bytes:
        raise LimitError("max_member_bytes", allowed=max_bytes, actual=result_bytes)
    view, output = memoryview(base), bytearray()
    for step in _steps(delta, position):
        output += step if isinstance(step, memoryview) else view[step[0] : step[0] + step[1]]
        if len(output) > result_bytes or (isinstance(step, tuple) and step[0] + step[1] > len(view)):
            raise MalformedError("git", "a delta is broken")
    if base_bytes != len(view) or result_bytes != len(output):
        raise MalformedError("git", "a delta is broken")
    return bytes(output)


def inserted(delta: memoryview) -> bytes:
    r"""What `delta` adds to a base that is not here, a line end between what was not added in one go.

    Raises MalformedError when the delta is broken.

    >>> inserted(memoryview(b"\3\7\1d\x90\3\2ef\1g"))
    b'd\nefg'
    """
    _, position = size(delta, 0)
    _, position = size(delta, position)
    output = bytearray()
    for step in _steps(delta, position):
        if isinstance(step, memoryview):
            output += step
        elif output and output[-1] != 10:
            output += b"\n"
    return bytes(output)


def size(data: memoryview, position: int) -> tuple[int, int]:
    """The number that starts at `position`, seven bits a byte, least first; and where it ends."""
    value = 0
    for shift, byte in enumerate(data[position : position + 9]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    raise MalformedError("git", "a size is broken")


def _steps(delta: memoryview, position: int) -> Iterator[Step]:
    while position < len(delta):
        code = delta[position]
        position += 1
        if code & 0x80:
            # Bits say which of four bytes of the offset and three of the length are there.
            there = [bit for bit in range(7) if code >> bit & 1]
            if position + len(there) > len(delta):
                raise MalformedError("git", "a delta is broken")
            value = sum(delta[position + at] << 8 * bit for at, bit in enumerate(there))
            position += len(there)
            yield value & 0xFFFFFFFF, value >> 32 or MAX_COPY_BYTES
        elif code == 0 or position + code > len(delta):
            raise MalformedError("git", "a delta is broken")
        else:
            yield delta[position : position + code]
            position += code
