"""Files that JSON holds as lists of numbers: `[80,75,3,4,…]`, and `{"0":80,"1":75,…}` as a typed array is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_NUMBERS = 64
"""Shortest list taken for bytes."""

_ARRAY = re.compile(rb"\[((?:[ \t\r\n]*+-?[0-9]{1,3}[ \t\r\n]*+,){63,}+[ \t\r\n]*+-?[0-9]{1,3})[ \t\r\n]*+\]")
_TYPED_ARRAY = re.compile(
    rb'\{((?:[ \t\r\n]*+"[0-9]{1,9}"[ \t\r\n]*+:[ \t\r\n]*+[0-9]{1,3}[ \t\r\n]*+,){63,}+'
    rb'[ \t\r\n]*+"[0-9]{1,9}"[ \t\r\n]*+:[ \t\r\n]*+[0-9]{1,3})[ \t\r\n]*+\}'
)
_VALUE = re.compile(rb":[ \t\r\n]*+([0-9]{1,3})")


def byte_arrays(view: memoryview) -> Iterator[bytes]:
    """The bytes of every long list of numbers of 0 to 255, or of -128 to 127 as Java has them, in their order.

    >>> list(byte_arrays(memoryview(b"[" + b"65," * 63 + b"66]"))) == [b"A" * 63 + b"B"]
    True
    >>> list(byte_arrays(memoryview(b"[65,66]")))
    []
    """
    for match in _ARRAY.finditer(view):
        yield from _bytes(match[1].split(b","))
    for match in _TYPED_ARRAY.finditer(view):
        yield from _bytes(_VALUE.findall(match[1]))


def _bytes(numbers: list[bytes]) -> Iterator[bytes]:
    values = [int(number) for number in numbers]
    if min(values) >= -128 and max(values) <= 255:
        yield bytes(value & 0xFF for value in values)
