"""Archives and documents that a text holds in base64 or hexadecimal, as `base64 roster.zip > note.txt` makes them.

Detection reads text in base64 by itself; here is what has to be unpacked before it can be read, and text in more layers.
"""

from __future__ import annotations

import base64
import re
from binascii import a2b_base64, unhexlify
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import cast

import hyperscan

from gateway.content import armours, magics
from gateway.content.armours import armoured
from gateway.content.encodings import is_textual
from gateway.content.reading import Member, Source
from gateway.transfer import Buffer

OPENINGS = (
    b"PK\x03\x04", b"%PDF-", b"7z\xbc\xaf\x27", b"Rar!\x1a", b"\xd0\xcf\x11\xe0\xa1\xb1", b"\x1f\x8b\x08",
    b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
"""How the contents open that are looked for."""
MIN_BYTES = 32
"""Shortest content; no archive with something in it is shorter."""
MAX_LAYERS = 3
"""How often a content may be encoded over and over."""

_BASE64, _HEXADECIMAL, _LAYERED, _ARMOURED = range(4)
_SEPARATOR = rb"(?:[ \t:,;-]|\\x|0x|%)*"
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"))
_URL_ALPHABET = bytes.maketrans(b"-_", b"+/")
_BASE64_RUN = re.compile(
    rb"[A-Za-z0-9+/_-]++(?:(?:[ \t]*+(?:\\?\r?\n|\\r\\n|\\n)[ \t>\"'+]*+|[ \t]++)[A-Za-z0-9+/_-]++)*+"
)
_HEXADECIMAL_RUN = re.compile(rb"[0-9A-Fa-f]{2}(?:(?:[ \t:,;\r\n-]|\\x|0x|%)*+[0-9A-Fa-f]{2})*+")
_STARTS = {
    _HEXADECIMAL: re.compile(rb"(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ \t\r\n:,;-]{0,3}){32}"),
    _BASE64: re.compile(rb"(?:[A-Za-z0-9+/_=-]\r?\n?){64}"),
}
"""The start of a text that is nothing but encoded."""
_PREFIXES = re.compile(rb"\\x|0x")
_NOT_HEXADECIMAL = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_INSIDE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")


def encoded(source: Source) -> Iterator[Member]:
    """The contents that a text encodes. What merely looks like one gives nothing when it is unpacked.

    >>> from gateway.content.reading import Budget
    >>> from gateway.limits import Limits
    >>> text = b"see UEsDBAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    >>> [member.name for member in encoded(Source(text, "", "text/plain", Limits(), Budget()))]
    ['(base64 at 4)']
    """
    yield from _whole(source.data)
    covered = tried = 0
    for start, kind in _openings(source.data):
        if kind == _ARMOURED and start >= tried:
            # what an armour seems to hold is still looked through for the other encodings
            content, tried = armoured(source.data, start)
            if len(content) >= MIN_BYTES:
                yield Member(f"(armour at {start})", content)
        if kind == _ARMOURED or start < covered or _is_inside(source.data, start, kind):
            continue
        run = (_HEXADECIMAL_RUN if kind == _HEXADECIMAL else _BASE64_RUN).match(source.data, start)
        assert run is not None, "a mark opens with characters of its run"
        content = _decoded(run[0], kind)
        if len(content) >= MIN_BYTES:
            covered = run.end()
            name = "hexadecimal" if kind == _HEXADECIMAL else "base64"
            # Of no type yet: what is in it has to prove itself, since a mark of three bytes is in many texts by chance.
            yield Member(f"({name} at {start})", content, media_type="" if kind == _LAYERED else magics.UNKNOWN)


def _whole(data: Buffer) -> Iterator[Member]:
    """The text that a text encodes which is nothing but hexadecimal, or base64 in more than one layer."""
    for kind, pattern in ((_HEXADECIMAL, _HEXADECIMAL_RUN), (_BASE64, _BASE64_RUN)):
        run = pattern.match(data) if _STARTS[kind].match(data) else None
        if run is not None and not bytes(data[run.end() :]).strip(b"=,;: \t\r\n"):
            content = _decoded(run[0], kind)
            # Of base64 only what is encoded once more: detection reads the first layer itself.
            is_more = kind == _HEXADECIMAL or any(start.match(content) for start in _STARTS.values())
            if is_more and is_textual(content):
                yield Member("(hexadecimal text)" if kind == _HEXADECIMAL else "(base64 text)", content)
            return


def _decoded(run: bytes, kind: int) -> bytes:
    if kind == _HEXADECIMAL:
        digits = _PREFIXES.sub(b"", run).translate(None, _NOT_HEXADECIMAL)
        return unhexlify(digits[: len(digits) & ~1])
    text = run.replace(rb"\r", b"").replace(rb"\n", b"").translate(_URL_ALPHABET, _NOT_BASE64)
    text = text[: len(text) - (len(text) % 4 == 1)]
    return a2b_base64(text + b"=" * (-len(text) % 4))


def _is_inside(data: Buffer, start: int, kind: int) -> bool:
    """Whether the mark lies in the middle of a longer run, where it cannot be an opening."""
    before = data[start - 1] if start else 0
    if kind == _HEXADECIMAL:
        return before in b"0123456789abcdefABCDEF"
    is_line = start > 1 and bytes(data[start - 2 : start]) == rb"\n"
    return before in _INSIDE and not is_line


def _openings(data: Buffer) -> Iterator[tuple[int, int]]:
    """Offset and kind of each mark, in order, each offset once."""
    found: list[tuple[int, int]] = []

    def on_match(kind: int, start: int, _end: int, _flags: int, _context: object) -> None:
        found.append((start, kind))

    for database in _databases():
        database.scan(cast(bytes, data), match_event_handler=on_match)
    found.sort()
    if found:
        yield found[0]
        yield from (after for before, after in pairwise(found) if before[0] != after[0])


@cache
def _databases() -> tuple[hyperscan.Database, ...]:
    """The marks of all openings in every encoding; built in milliseconds, once per process.

    Apart they run half as fast again as together.
    """
    start = hyperscan.HS_FLAG_SOM_LEFTMOST
    hexadecimal, coded = [], []
    for opening in OPENINGS:
        mark = _SEPARATOR.join(b"%02x" % byte for byte in opening)
        hexadecimal.append((mark, _HEXADECIMAL, hyperscan.HS_FLAG_CASELESS | start))
        text = opening
        for layer in range(MAX_LAYERS):
            text = _certain(text)
            kind = _LAYERED if layer else _BASE64
            coded.append((re.escape(text).replace(rb"\-", b"[-+]"), kind, start))
    coded.extend((pattern, _ARMOURED, start) for pattern in armours.OPENINGS)
    return _compiled(hexadecimal), _compiled(coded)


def _compiled(marks: list[tuple[bytes, int, int]]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions, ids, flags = zip(*marks, strict=True)
    database.compile(expressions=list(expressions), ids=list(ids), elements=len(marks), flags=list(flags))
    return database


def _certain(opening: bytes) -> bytes:
    """The base64 characters that depend on nothing but the opening."""
    return base64.b64encode(opening + b"\x00\x00")[: len(opening) * 8 // 6]
