"""The directory of a zip file, read strictly: where two readers could see two archives, it is malformed.

Source: PKWARE APPNOTE 6.3.10, and the ways readers are known to differ (last or first end record, directory or local
headers, offsets counted from the file or from the archive).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gateway.content.zip_records import FULL_32, directory_start, end_record
from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from gateway.transfer import Buffer

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
AES_METHOD = 99
ENCRYPTED_FLAG, DESCRIPTOR_FLAG, UTF8_FLAG, MASKED_FLAG = 0x0001, 0x0008, 0x0800, 0x2000
_WHAT = "zip"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the central directory tells it, with what the local header adds or denies."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    header_start: int
    """Offset of the local header in the buffer."""
    start: int
    """Offset of the packed data."""
    extra: bytes
    comment: bytes
    problem: MalformedError | None = None
    """Set when the local header tells another story."""

    @property
    def end(self) -> int:
        """Offset after the packed data."""
        return self.start + self.packed_bytes

    @property
    def is_flagged_encrypted(self) -> bool:
        """Whether the headers claim encryption; see `zip_encryption` for whether it is true."""
        return bool(self.flags & ENCRYPTED_FLAG)

    def extra_field(self, wanted: int) -> bytes | None:
        """Content of the first extra field with that id, None when there is none."""
        for field, content in extra_fields(self.extra):
            if field == wanted:
                return content
        return None


@dataclass(frozen=True, slots=True)
class Directory:
    """All entries of one archive, in directory order."""

    entries: tuple[Entry, ...]
    comment: bytes
    gaps: tuple[tuple[int, int], ...]
    """Stretches (start, end) of the buffer that no entry, descriptor or record covers."""


def extra_fields(extra: bytes) -> list[tuple[int, bytes]]:
    """(id, content) of each extra field; a broken tail is left out, as all readers do."""
    fields = []
    position = 0
    while position + 4 <= len(extra):
        field, length = struct.unpack_from("<2H", extra, position)
        fields.append((field, extra[position + 4 : position + 4 + length]))
        position += 4 + length
    return fields


def read_directory(data: Buffer, limits: Limits) -> Directory:
    """The archive's directory, checked against the local headers and against itself.

    Raises MalformedError, LimitError (`max_members`) or UnsupportedError (volumes); what is wrong with one entry only
    is that entry's `problem`.
    """
    record = end_record(data)
    if record.total > limits.max_members:
        raise LimitError("max_members", allowed=limits.max_members, actual=record.total)
    start = directory_start(data, record)
    prefix = start - record.offset
    block = bytes(data[start : record.directory_end])
    entries = []
    position = 0
    for _ in range(record.total):
        entry, position = _central_entry(data, block, position, prefix=prefix, limit=start)
        entries.append(entry)
    if position != len(block) and block[position : position + 4] != b"PK\x05\x05":
        raise MalformedError(_WHAT, "the directory holds more than it counts")
    return Directory(tuple(entries), record.comment, _gaps(data, entries, start, record.end))


def _central_entry(data: Buffer, block: bytes, position: int, *, prefix: int, limit: int) -> tuple[Entry, int]:
    """The entry at `position` of the directory block, and the position after it."""
    if position + _CENTRAL.size > len(block):
        raise MalformedError(_WHAT, "the directory holds less than it counts")
    fields = _CENTRAL.unpack_from(block, position)
    flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
    name, extra, comment, end = _central_words(block, position + _CENTRAL.size, *fields[10:13])
    offset = fields[16]
    if fields[0] != b"PK\x01\x02" or end > len(block):
        raise MalformedError(_WHAT, "the directory is damaged")
    if FULL_32 in {size, packed, offset}:
        size, packed, offset = _widen(extra, size, packed, offset)
    header = prefix + offset
    if header + _LOCAL.size > limit:
        raise MalformedError(_WHAT, "an entry lies outside the file")
    start, problem = _local_header(data, header, name, (flags, method, crc, packed, size))
    if start + packed > limit:
        raise MalformedError(_WHAT, "an entry lies outside the file")
    return Entry(name, flags, method, crc, packed, size, header, start, extra, comment, problem), end


def _central_words(
    block: bytes, start: int, name_bytes: int, extra_bytes: int, comment_bytes: int
) -> tuple[bytes, bytes, bytes, int]:
    """Name, extra fields and comment of an entry, which follow its fixed fields, and the position after them."""
    extra = start + name_bytes
    comment = extra + extra_bytes
    end = comment + comment_bytes
    return block[start:extra], block[extra:comment], block[comment:end], end


def _widen(extra: bytes, *narrow: int) -> tuple[int, int, int]:
    """Size, packed size and offset with the zip64 extra field applied to those that are full."""
    wide = next((content for field, content in extra_fields(extra) if field == 1), b"")
    values = []
    for value in narrow:
        if value == FULL_32:
            if len(wide) < 8:
                raise MalformedError(_WHAT, "a zip64 value is missing")
            values.append(int.from_bytes(wide[:8], "little"))
            wide = wide[8:]
        else:
            values.append(value)
    return values[0], values[1], values[2]


def _local_header(
    data: Buffer, header: int, name: bytes, central: tuple[int, int, int, int, int]
) -> tuple[int, MalformedError | None]:
    """Offset of the packed data, and what the local header says otherwise than the directory."""
    flags, method, crc, packed, size = central
    fields = _LOCAL.unpack_from(data, header)
    signature, _, local_flags, local_method, _, _, local_crc, local_packed, local_size, name_bytes, extra_bytes = fields
    if signature != b"PK\x03\x04":
        raise MalformedError(_WHAT, "an entry has no local header")
    name_start = header + _LOCAL.size
    start = name_start + name_bytes + extra_bytes
    local_name = bytes(data[name_start : name_start + name_bytes])
    unknown = {0, FULL_32} if (flags | local_flags) & DESCRIPTOR_FLAG else {FULL_32}
    differing = None
    if local_name.replace(b"\\", b"/") != name.replace(b"\\", b"/"):
        differing = "the name"
    elif local_method != method:
        differing = "the method"
    elif (local_flags ^ flags) & ENCRYPTED_FLAG:
        differing = "whether it is encrypted"
    elif any(
        local not in {*unknown, told} for local, told in ((local_crc, crc), (local_packed, packed), (local_size, size))
    ):
        differing = "sizes or checksum"
    problem = MalformedError(_WHAT, f"directory and local header differ in {differing}") if differing else None
    return start, problem


def _gaps(data: Buffer, entries: list[Entry], directory_start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Stretches that belong to nothing. Raises MalformedError when entries overlap."""
    gaps = []
    position = 0
    for entry in sorted(entries, key=lambda each: each.header_start):
        if entry.header_start < position:
            raise MalformedError(_WHAT, "entries overlap")
        if entry.header_start > position:
            gaps.append((position, entry.header_start))
        position = entry.end + _descriptor_bytes(data, entry)
    if directory_start > position:
        gaps.append((position, directory_start))
    if len(data) > end:
        gaps.append((end, len(data)))
    return tuple(gaps)


def _descriptor_bytes(data: Buffer, entry: Entry) -> int:
    """Length of the data descriptor after an entry, 0 when there is none that fits.

    The signature is optional, the sizes have 4 or 8 bytes, some writers announce it in one header only: what stands
    there decides. AE-2 leaves the checksum out, so that of an AES entry may be anything.
    """
    tail = bytes(data[entry.end : entry.end + 24])
    marked = 4 if tail.startswith(b"PK\x07\x08") else 0
    for lead in {marked, 0}:
        crc = int.from_bytes(tail[lead : lead + 4], "little")
        if crc != entry.crc and entry.method != AES_METHOD:
            continue
        for width in (4, 8):
            told = (tail[lead + 4 : lead + 4 + width], tail[lead + 4 + width : lead + 4 + 2 * width])
            if [int.from_bytes(each, "little") for each in told] == [entry.packed_bytes, entry.size_bytes]:
                return lead + 4 + 2 * width
    return 0
