"""One line of a journal: how it is written, hashed and read back.

A line is one compact JSON object in UTF-8 and one line feed, its members always in this order:

    {"seq":2,"prev":"<64 hex>","kind":"verdict","at":"<RFC 3339>","body":{…},"hash":"<64 hex>"}

`hash` is the SHA-256 of the same bytes without the `hash` member: cut the last 75 bytes before the line feed
(`,"hash":"<64 hex>"}`) and put one `}` in their place. `prev` is the `hash` of the line before; the first line of a
file carries the last hash of the file before it in the same worker slot, or 64 zeros. An auditor needs no more than:

    import hashlib, sys
    prev = None
    for line in open(sys.argv[1], "rb"):
        line = line.strip()
        digest = hashlib.sha256(line[:-75] + b"}").hexdigest().encode()
        assert line[-75:] == b',"hash":"' + digest + b'"}', line[:40]
        assert prev is None or b'"prev":"' + prev + b'"' in line[:110], line[:40]
        prev = digest

The chain has no key: who can write the journal, its head files and the store can write another history. It shows
edits of one of them; copies of the last hashes kept elsewhere (`events.jsonl` on another machine) show the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO, Literal

from gateway.errors import MalformedError, RecordError

type Kind = Literal["open", "verdict", "outcome", "system", "close"]
"""What a line tells: a file begins, a verdict, what became of a transfer, an act of an operator, a file ends."""

ZERO_HASH = "0" * 64
"""`prev` of the first line of the first file of a worker slot."""
MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longest line read; the largest record (1000 parts with 40 findings each) has about 10 MB."""

_TAIL_BYTES = len(',"hash":"') + 64 + len('"}')
_START = re.compile(
    rb'\{"seq":([1-9][0-9]{0,17}),"prev":"([0-9a-f]{64})","kind":"(open|verdict|outcome|system|close)",'
    rb'"at":"([0-9TZ:.+-]{1,40})","body":(?=\{)'
)
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_ASCII = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose own hash is right."""

    seq: int
    """1 for the first line of a file, then one more each."""
    prev: str
    kind: str
    at: str
    """RFC 3339, UTC, milliseconds: when it was written."""
    body: bytes
    """The JSON of `body` as it stands in the file."""
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a journal that somebody vouches for: the store, a head file, or the next file's first line."""

    file: str
    """Name without directory."""
    seq: int
    hash: str
    size: int
    """Bytes from the start of the file to the end of that line."""


def rfc3339(moment: datetime) -> str:
    """UTC time with milliseconds, as every record spells it.

    >>> from datetime import UTC
    >>> rfc3339(datetime(2026, 3, 1, 8, 5, 0, 7000, tzinfo=UTC))
    '2026-03-01T08:05:00.007Z'
    """
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def encode(body: Mapping[str, Any]) -> bytes:
    """Compact JSON in UTF-8; raises RecordError when `body` holds what JSON cannot say.

    >>> encode({"name": "合同", "bytes": 3}).decode()
    '{"name":"合同","bytes":3}'
    """
    try:
        try:
            return _PLAIN.encode(body).encode()
        except UnicodeEncodeError:
            # Half of a surrogate pair, from a hostile file name, has no UTF-8; escaped it can be kept and read back.
            return _ASCII.encode(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"a record cannot be written as JSON ({type(error).__name__})") from None


def seal(seq: int, prev: str, kind: Kind, at: str, body: bytes) -> tuple[bytes, str]:
    """The whole line with its line feed, and its hash."""
    start = b'{"seq":%d,"prev":"%s","kind":"%s","at":"%s","body":%s' % (
        seq,
        prev.encode(),
        kind.encode(),
        at.encode(),
        body,
    )
    digest = sha256(start + b"}").hexdigest()
    return b'%s,"hash":"%s"}\n' % (start, digest.encode()), digest


def parse_line(raw: bytes) -> Line:
    """The line in `raw`, which ends in its line feed.

    Raises MalformedError when the bytes are not a line of a journal or do not have the hash they carry.
    """
    if not raw.endswith(b"\n"):
        raise MalformedError("record", "the line does not end")
    start, tail = raw[: -_TAIL_BYTES - 1], raw[-_TAIL_BYTES - 1 : -1]
    match = _START.match(start)
    if match is None or tail[:9] != b',"hash":"' or tail[-2:] != b'"}':
        raise MalformedError("record", "the line is not a journal record")
    digest = sha256(start + b"}").hexdigest()
    if tail[9:-2] != digest.encode():
        raise MalformedError("record", "its hash does not match its content")
    seq, prev, kind, at = (match[group].decode() for group in (1, 2, 3, 4))
    return Line(int(seq), prev, kind, at, start[match.end() :], digest)


def lines_from(file: BinaryIO, offset: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line from `offset` on, line feed included; the last one may lack it.

    A line longer than `MAX_LINE_BYTES` comes in pieces, none of which is a record.
    """
    file.seek(offset)
    while raw := file.readline(MAX_LINE_BYTES):
        yield offset, raw
        offset += len(raw)
