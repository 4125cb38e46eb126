"""BCJ2, 7-Zip's filter for x86 programs: jump targets in streams of their own. Source: Bcj2.txt of the LZMA SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.errors import MalformedError
from gateway.limits import MIB

_JUMP = re.compile(rb"[\xe8\xe9]|(?<=\x0f)[\x80-\x8f]", re.DOTALL)
_TOP = 1 << 24
_HALF, _BITS, _RATE = 1 << 10, 11, 5
"""Start, width and speed of a probability in the range coder."""
_CALL, _NEAR_JUMP = 0xE8, 0xE9
_WHAT = "7z"


class _Range:
    """The range decoder that says which jumps were taken out; a probability per kind and byte before."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 5 or data[0]:
            raise MalformedError(_WHAT, "the jumps are damaged")
        self.data, self.position = data, 5
        self.range, self.code = 0xFFFFFFFF, int.from_bytes(data[1:5], "big")
        self.odds = [_HALF] * 258

    def bit(self, index: int) -> bool:
        if self.range < _TOP:
            if self.position >= len(self.data):
                raise MalformedError(_WHAT, "the jumps end too early")
            self.range = self.range << 8 & 0xFFFFFFFF
            self.code = (self.code << 8 | self.data[self.position]) & 0xFFFFFFFF
            self.position += 1
        odds = self.odds[index]
        bound = (self.range >> _BITS) * odds
        if self.code < bound:
            self.range = bound
            self.odds[index] = odds + (((1 << _BITS) - odds) >> _RATE)
            return False
        self.range -= bound
        self.code -= bound
        self.odds[index] = odds - (odds >> _RATE)
        return True


class _Targets:
    """Absolute jump targets, four bytes each."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def next(self) -> int:
        raw = self.data[self.position : self.position + 4]
        if len(raw) != 4:
            raise MalformedError(_WHAT, "the jumps end too early")
        self.position += 4
        return int.from_bytes(raw, "big")


def bcj2(main: bytes, calls: bytes, jumps: bytes, choices: bytes, size_bytes: int) -> Iterator[bytes]:
    """The program in chunks of about a MiB. Raises MalformedError when a stream ends before `size_bytes` are there.

    >>> b"".join(bcj2(b"plain", b"", b"", bytes(5), 5))
    b'plain'
    """
    coder, near, far = _Range(choices), _Targets(calls), _Targets(jumps)
    out = bytearray()
    given = position = before = 0
    while given + len(out) < size_bytes:
        # a target that ends in 0F makes a jump of the byte after it; the search cannot see it
        at = position if before == 0x0F and main[position : position + 1] in _SECOND else _next(main, position)
        if at < 0:
            out += main[position : position + size_bytes - given - len(out)]
            if given + len(out) < size_bytes:
                raise MalformedError(_WHAT, "the program ends too early")
            break
        if at > position:
            before = main[at - 1]
        out += main[position : at + 1]
        position, byte = at + 1, main[at]
        if given + len(out) >= size_bytes:
            break
        if coder.bit(before if byte == _CALL else 256 if byte == _NEAR_JUMP else 257):
            target = (near if byte == _CALL else far).next() - (given + len(out) + 4) & 0xFFFFFFFF
            out += target.to_bytes(4, "little")
            before = target >> 24
        else:
            before = byte
        if len(out) >= MIB:
            yield bytes(out)
            given += len(out)
            out.clear()
    yield bytes(out[: size_bytes - given])


_SECOND = frozenset(bytes([byte]) for byte in range(0x80, 0x90))


def _next(main: bytes, position: int) -> int:
    match = _JUMP.search(main, position)
    return match.start() if match else -1
