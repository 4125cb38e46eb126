"""cpio archives: the new and the old portable form, and the binary one. Source: cpio(5) of FreeBSD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.content.magics import is_cpio
from gateway.content.names import decodings, names_text
from gateway.content.reading import Member, Reading, Source
from gateway.content.solid import outside
from gateway.errors import LimitError, MalformedError
from gateway.transfer import Buffer

END_NAME = b"TRAILER!!!"
MAX_NAME_BYTES = 64 * 1024
_WHAT = "cpio"


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int
    """Offset of the header."""
    name: bytes
    start: int
    end: int
    after: int
    """Offset behind the padding."""
    is_directory: bool


def read_cpio(source: Source) -> Reading:
    """Reading of a cpio archive. Raises LimitError or MalformedError when a header is damaged or a member cut off."""
    entries = list(_entries(source))
    names = [name for entry in entries for name in decodings(entry.name)]
    return Reading(names_text(names), members=_members(source, entries))


def _members(source: Source, entries: list[_Entry]) -> Iterator[Member]:
    for entry in entries:
        is_end = entry.name == END_NAME and entry.start == entry.end
        if not is_end and not (entry.is_directory and entry.start == entry.end):
            yield Member(decodings(entry.name)[0], source.data[entry.start : entry.end])
    yield from outside(source.data, [(entry.at, entry.after) for entry in entries])


def _entries(source: Source) -> Iterator[_Entry]:
    position = count = 0
    while True:
        entry = _entry(source.data, position)
        count += 1
        if count > source.limits.max_members:
            raise LimitError("max_members", allowed=source.limits.max_members, actual=count)
        yield entry
        if entry.name == END_NAME:
            return
        position = entry.after


def _entry(data: Buffer, at: int) -> _Entry:
    """The member whose header is at `at`. Raises MalformedError."""
    head = bytes(data[at : at + 110 + MAX_NAME_BYTES])
    if not is_cpio(head):
        raise MalformedError(_WHAT, "a header is damaged or cut off")
    if head[:6] in {b"070701", b"070702"}:
        fields = [int(head[6 + 8 * index : 14 + 8 * index], 16) for index in range(13)]
        mode, size, name_bytes, header_bytes, unit = fields[1], fields[6], fields[11], 110, 4
    elif head[:6] == b"070707":
        mode, name_bytes, size = int(head[18:24], 8), int(head[59:65], 8), int(head[65:76], 8)
        header_bytes, unit = 76, 1
    else:
        order = "little" if head[:2] == b"\xc7\x71" else "big"
        words = [int.from_bytes(head[2 * index : 2 * index + 2], order) for index in range(13)]  # type: ignore[arg-type]
        mode, name_bytes, size, header_bytes, unit = words[3], words[10], words[11] << 16 | words[12], 26, 2
    name = head[header_bytes : header_bytes + name_bytes]
    start = at + _padded(header_bytes + name_bytes, unit)
    end = start + size
    if not 0 < name_bytes <= MAX_NAME_BYTES or name[-1:] != b"\x00" or end > len(data):
        raise MalformedError(_WHAT, "a member is cut off")
    after = min(start + _padded(size, unit), len(data))
    return _Entry(at, name[:-1], start, end, after, mode & 0o170000 == 0o040000)


def _padded(size: int, unit: int) -> int:
    return -(-size // unit) * unit
