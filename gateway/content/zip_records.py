"""Where a zip file says its directory is: end record, zip64 record, and what is wrong when there are two of them.

Source: PKWARE APPNOTE 6.3.10, §4.3.14 to §4.3.16.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gateway.content.buffers import rfind
from gateway.errors import MalformedError, UnsupportedError
from gateway.transfer import Buffer

END_SIGNATURE = b"PK\x05\x06"
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
MAX_COMMENT_BYTES = 0xFFFF
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
"""Values that say `look in the zip64 record`."""
_WHAT = "zip"


@dataclass(frozen=True, slots=True)
class EndRecord:
    """What the end record says, with the zip64 record applied."""

    total: int
    size_bytes: int
    offset: int
    directory_end: int
    """Where the directory must end: at the end record, or at the zip64 one before it."""
    comment: bytes
    end: int


def has_end_record(data: Buffer) -> bool:
    r"""Whether an end record closes the buffer exactly; cheap, for telling types.

    >>> has_end_record(b"GIF89a" + b"PK\x05\x06" + bytes(18))
    True
    >>> has_end_record(b"PK\x05\x06")
    False
    """
    return bool(_closing_records(data))


def _closing_records(data: Buffer) -> list[int]:
    """Offsets of the end records whose comment reaches the last byte; nearly always one or none."""
    tail_start = max(0, len(data) - _END.size - MAX_COMMENT_BYTES)
    tail = bytes(data[tail_start:])
    found = []
    position = tail.find(END_SIGNATURE)
    while 0 <= position <= len(tail) - _END.size:
        if position + _END.size + int.from_bytes(tail[position + 20 : position + 22], "little") == len(tail):
            found.append(tail_start + position)
        position = tail.find(END_SIGNATURE, position + 1)
    return found


def _end_offset(data: Buffer) -> int:
    """Offset of the one end record. Raises MalformedError when there is none, or more than one reading."""
    closing = _closing_records(data)
    last = rfind(data, END_SIGNATURE)
    if len(closing) > 1 or (closing and last > closing[0]):
        raise MalformedError(_WHAT, "two end records compete")
    position = closing[0] if closing else last
    if position < 0 or position + _END.size > len(data):
        raise MalformedError(_WHAT, "there is no end record")
    return position


def end_record(data: Buffer) -> EndRecord:
    """The end record. Raises MalformedError when there is none or more than one, UnsupportedError for volumes."""
    position = _end_offset(data)
    _, disk, first_disk, here, total, size, offset, comment_bytes = _END.unpack_from(data, position)
    end = position + _END.size + comment_bytes
    if end > len(data):
        raise MalformedError(_WHAT, "the comment ends after the file")
    comment = bytes(data[position + _END.size : end])
    directory_end = position
    at = position - _LOCATOR.size
    if at >= 0 and data[at : at + 4] == b"PK\x06\x07":
        directory_end, here, total, size, offset = _zip64(data, at, (here, total, size, offset))
    if (disk not in {0, FULL_16}) or (first_disk not in {0, FULL_16}) or here != total:
        raise UnsupportedError("application/zip; volumes")
    return EndRecord(total, size, offset, directory_end, comment, end)


def _zip64(data: Buffer, locator: int, narrow: tuple[int, int, int, int]) -> tuple[int, int, int, int, int]:
    """(offset of the zip64 record, its entries on this disk, in all, directory bytes, directory offset)."""
    stated = int.from_bytes(data[locator + 8 : locator + 16], "little")
    usual = locator - _END64.size
    places = {
        place
        for place in (stated, usual)
        if 0 <= place <= locator - _END64.size and data[place : place + 4] == b"PK\x06\x06"
    }
    if len(places) != 1:
        raise MalformedError(_WHAT, "the zip64 record is not where its locator says")
    place = places.pop()
    fields = _END64.unpack_from(data, place)
    if fields[4] or fields[5]:
        raise UnsupportedError("application/zip; volumes")
    wide = fields[6:10]
    for small, full, large in zip(narrow, (FULL_16, FULL_16, FULL_32, FULL_32), wide, strict=True):
        if small not in {full, large}:
            raise MalformedError(_WHAT, "the end record and its zip64 record disagree")
    return (place, *wide)


def directory_start(data: Buffer, record: EndRecord) -> int:
    """Offset of the directory. Raises MalformedError when counting from the file and from the archive both fit."""
    start = record.directory_end - record.size_bytes
    if start < 0 or record.offset > start:
        raise MalformedError(_WHAT, "the directory does not fit before its end record")
    if record.total and record.offset != start and data[record.offset : record.offset + 4] == b"PK\x01\x02":
        raise MalformedError(_WHAT, "two directories compete")
    return start
