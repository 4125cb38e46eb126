"""Tar archives: v7, ustar, GNU and pax, read block by block; what a tolerant reader would skip is malformed here.

Source: POSIX.1-2017 `pax`, GNU tar manual §"Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content.magics import is_tar
from gateway.content.names import decodings, names_text
from gateway.content.reading import Member, Reading, Source
from gateway.errors import ContentError, LimitError, MalformedError
from gateway.transfer import Buffer

BLOCK_BYTES = 512
_SIZELESS = {b"1", b"2", b"3", b"4", b"5", b"6"}
"""Links, devices, directories, pipes: readers differ on whether data follow them."""
_SPARSE = b"S"


@dataclass(slots=True)
class _Header:
    """One header block, with what extended headers before it say."""

    kind: bytes
    size_bytes: int
    start: int
    name: bytes
    link: bytes


@dataclass(slots=True)
class _Walk:
    """Where a walk through the archive stands."""

    position: int = 0
    name: bytes = b""
    size_bytes: int | None = None
    words: list[str] = field(default_factory=list)
    """Names, link targets and pax values, in order."""
    entries: list[tuple[str, int, int]] = field(default_factory=list)
    """Name, start and end of each file."""


def read_tar(source: Source) -> Reading:
    """Reading of a tar archive; when it breaks off, what came before is there and the archive is opaque."""
    walk = _Walk()
    problem: ContentError | None = None
    try:
        while _step(source, walk):
            pass
    except ContentError as error:
        problem = error
    return Reading(texts=names_text(walk.words), opaque=problem, members=_members(source, walk, problem))


def _members(source: Source, walk: _Walk, problem: ContentError | None) -> Iterator[Member]:
    for name, start, end in walk.entries:
        yield Member(name, source.data[start:end])
    rest = source.data[walk.position :]
    if problem is None and bytes(rest).strip(b"\x00"):
        yield Member("(trailing data)", rest)


def _step(source: Source, walk: _Walk) -> bool:
    """Read one header; False at the end of the archive. Raises MalformedError or LimitError."""
    data = source.data
    block = bytes(data[walk.position : walk.position + BLOCK_BYTES])
    if not block.strip(b"\x00"):
        return False
    if not is_tar(block):
        raise MalformedError("tar", "a header is damaged or cut off")
    header = _header(block, walk)
    if header.kind == _SPARSE:
        header.start = _after_sparse_map(block, data, header.start)
    if len(walk.entries) >= source.limits.max_members:
        raise LimitError("max_members", allowed=source.limits.max_members, actual=len(walk.entries) + 1)
    end = header.start + header.size_bytes
    if end > len(data):
        raise MalformedError("tar", "a member is cut off")
    if header.kind in _SIZELESS and header.size_bytes:
        raise MalformedError("tar", "a link or directory with data")
    walk.position = header.start + -(-header.size_bytes // BLOCK_BYTES) * BLOCK_BYTES
    content = data[header.start : end]
    if header.kind in {b"x", b"g", b"L", b"K"}:
        _extended(header.kind, bytes(content), walk)
        return True
    walk.words.extend((*decodings(walk.name or header.name), *decodings(header.link)))
    if header.kind not in _SIZELESS:
        walk.entries.append((decodings(walk.name or header.name)[0], header.start, end))
    walk.name, walk.size_bytes = b"", None
    return True


def _header(block: bytes, walk: _Walk) -> _Header:
    kind = block[156:157]
    size = _number(block[124:136])
    if walk.size_bytes is not None and kind not in {b"x", b"g", b"L", b"K"}:
        size = walk.size_bytes
    name = block[:100].rstrip(b"\x00").partition(b"\x00")[0]
    prefix = block[345:500].partition(b"\x00")[0]
    if prefix and block[257:263] == b"ustar\x00":
        name = prefix + b"/" + name
    link = block[157:257].partition(b"\x00")[0]
    return _Header(kind, size, walk.position + BLOCK_BYTES, name, link)


def _number(octal: bytes) -> int:
    """A size: octal digits, or base 256 when the first bit is set. Raises MalformedError for anything else."""
    if octal[0] & 0x80:
        return int.from_bytes(octal, "big") & ~(0xFF << 88)
    digits = octal.strip(b" \x00")
    if digits.strip(b"01234567"):
        raise MalformedError("tar", "a size is not a number")
    return int(digits or b"0", 8)


def _extended(kind: bytes, content: bytes, walk: _Walk) -> None:
    """Take in a long name, a long link target, or pax records."""
    if kind == b"L":
        walk.name = content.rstrip(b"\x00")
    elif kind == b"K":
        walk.words.extend(decodings(content.rstrip(b"\x00")))
    else:
        for key, value in _pax_records(content):
            walk.words.extend(decodings(value))
            if key in {b"path", b"GNU.sparse.name"}:
                walk.name = value
            elif key == b"size" and kind == b"x":
                if not value.isdigit() or len(value) > 18:
                    raise MalformedError("tar", "a size is not a number")
                walk.size_bytes = int(value)


def _pax_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each `LENGTH KEY=VALUE` record. Raises MalformedError when a length is wrong."""
    position = 0
    while position < len(content) and content[position]:
        length, _, _ = content[position : position + 20].partition(b" ")
        end = position + int(length) if length.isdigit() else 0
        if not position + len(length) < end <= len(content):
            raise MalformedError("tar", "an extended header is damaged")
        key, _, value = content[position + len(length) + 1 : end].rstrip(b"\n").partition(b"=")
        yield key, value
        position = end


def _after_sparse_map(block: bytes, data: Buffer, start: int) -> int:
    """Where the content of a GNU sparse file starts: after the blocks that continue its map."""
    continued = block[482]
    while continued and start + BLOCK_BYTES <= len(data):
        continued = data[start + 504]
        start += BLOCK_BYTES
    return start
