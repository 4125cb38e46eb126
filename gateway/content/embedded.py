"""Archives and documents that lie inside or behind another content: the second reading of a polyglot.

A mark alone proves nothing, programs that handle archives hold all of them as constants: only what bears a check counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import cast

import hyperscan

from gateway.content import magics
from gateway.content.buffers import find, rfind
from gateway.content.encodings import is_textual
from gateway.content.inflate import ZlibDecoder, gathered, metered
from gateway.content.names import decodings
from gateway.content.ole import opens_as_ole
from gateway.content.pdf import opens_as_pdf
from gateway.content.rar import is_rar
from gateway.content.reading import Member, Source
from gateway.content.streams import first_stream
from gateway.content.types import ole_type, package_type
from gateway.content.zip_records import END_SIGNATURE, has_end_record
from gateway.errors import LimitError
from gateway.transfer import Buffer

ZIP_MARK, PDF_MARK, SEVEN_ZIP_MARK, RAR_MARK = b"PK\x03\x04", b"%PDF-", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"
PDF_END = b"%%EOF"
OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
STREAM_MARKS = {
    b"\x1f\x8b\x08": magics.GZIP,
    b"\xfd7zXZ\x00": magics.XZ,
    b"1AY&SY": magics.BZIP2,
    b"\x28\xb5\x2f\xfd": magics.ZSTD,
}
"""How compressed streams open; bzip2 by its first block, because `BZh` is in many texts."""
_BZIP2_HEADER_BYTES = 4
MIN_CUT_BYTES = 64
"""Shortest text that counts as the content of a stream whose end is missing."""
MARKS = (ZIP_MARK, PDF_MARK, SEVEN_ZIP_MARK, RAR_MARK, OLE_MARK, END_SIGNATURE, *STREAM_MARKS)
MAX_MARKS = 100_000
"""Most marks looked at in one content; over it the rest counts as unread."""
MAX_TRIALS = 64
"""Most trials that cost more than a look: opening a PDF, unpacking an entry without a directory."""
DEFLATED = 8
_METHODS = {0, 8, 9, 12, 14, 93, 95, 98, 99}
_LOCAL = struct.Struct("<4s5H3L2H")
_END_BYTES = 22


class Marks:
    """Finds all marks in one pass; the database takes a millisecond to build, so keep one per process."""

    def __init__(self) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[b"".join(b"\\x%02x" % byte for byte in mark) for mark in MARKS],
            ids=list(range(len(MARKS))),
            elements=len(MARKS),
            flags=[0] * len(MARKS),
        )

    def of(self, data: Buffer) -> list[tuple[int, bytes]]:
        """Offset and mark of each find, in order; one more than `MAX_MARKS` at most.

        >>> Marks().of(b"..%PDF-")
        [(2, b'%PDF-')]
        """
        found: list[tuple[int, bytes]] = []

        def on_match(mark: int, _: int, end: int, __: int, ___: object) -> bool:
            found.append((end - len(MARKS[mark]), MARKS[mark]))
            return len(found) > MAX_MARKS

        with suppress(hyperscan.ScanTerminated):  # enough found
            # any buffer will do, the stub only knows two kinds
            self._database.scan(cast(bytes, data), match_event_handler=on_match)
        return found


def embedded(source: Source, marks: Marks) -> Iterator[Member]:
    """Every archive or PDF inside a content whose own format has no place for one."""
    data = source.data
    found = marks.of(data)
    if has_end_record(data) and any(mark == ZIP_MARK for _, mark in found):
        yield Member("(archive at the end)", data, media_type=package_type(data))
        found = [each for each in found if each[1] != ZIP_MARK]
    yield from _Search(source, found).members()


def behind(source: Source) -> Iterator[Member]:
    """The archive that closes a document: what a reader of archives sees in a file that a reader of documents opens."""
    if has_end_record(source.data):
        yield Member("(archive at the end)", source.data, media_type=package_type(source.data))
    elif source.media_type == magics.PDF:
        yield from _around_pdf(source.data)


def _around_pdf(data: Buffer) -> Iterator[Member]:
    """What stands before the header and behind the end mark, unless that is padding only."""
    end = rfind(data, PDF_END)
    around = {"(before the start)": data[: find(data, PDF_MARK)]}
    if end >= 0:
        around["(behind the end)"] = data[end + len(PDF_END) :]
    for name, rest in around.items():
        if bytes(rest).strip(b"\x00\t\n\x0c\r "):
            yield Member(name, rest)


class _Search:
    """One pass over the marks of one content."""

    def __init__(self, source: Source, found: list[tuple[int, bytes]]) -> None:
        self.source, self.found = source, found
        self.data = memoryview(source.data)
        """A view, because slices of bytes would be copies, one per mark."""
        self.ends = [offset for offset, mark in found if mark == END_SIGNATURE]
        self.trials = 0
        self.covered = 0
        """Offset up to which everything has been given out."""

    def members(self) -> Iterator[Member]:
        for number, (offset, mark) in enumerate(self.found):
            if number >= MAX_MARKS or self.trials > MAX_TRIALS:
                name = "max_embedded_marks" if number >= MAX_MARKS else "max_embedded_trials"
                allowed = MAX_MARKS if number >= MAX_MARKS else MAX_TRIALS
                yield Member("(more inside)", opaque=LimitError(name, allowed=allowed, actual=allowed + 1))
                return
            if offset >= self.covered:
                member = self._try(offset, mark)
                if member is not None:
                    yield member

    def _try(self, offset: int, mark: bytes) -> Member | None:
        rest = self.data[offset:]
        if mark == ZIP_MARK:
            return self._zip(offset)
        if mark == PDF_MARK:
            self.trials += 1
            return Member(f"(PDF at {offset})", rest, media_type=magics.PDF) if opens_as_pdf(rest) else None
        if mark == OLE_MARK:
            self.trials += 1
            return Member(f"(OLE at {offset})", rest, media_type=ole_type(rest)) if opens_as_ole(rest) else None
        if mark == SEVEN_ZIP_MARK and magics.is_seven_zip(bytes(rest[:32])):
            self.covered = offset + 32 + int.from_bytes(rest[12:20], "little") + int.from_bytes(rest[20:28], "little")
            return Member(f"(7z at {offset})", self.data[offset : self.covered], media_type=magics.SEVEN_ZIP)
        if mark == RAR_MARK and is_rar(rest):
            self.covered = len(self.data)  # nothing but reading it all tells where it ends
            return Member(f"(RAR at {offset})", rest, media_type=magics.RAR)
        return self._stream(offset, mark) if mark in STREAM_MARKS else None

    def _zip(self, offset: int) -> Member | None:
        header = _local_header(self.data, offset)
        if header is None:
            return None
        for end in islice((each for each in self.ends if each > offset), MAX_TRIALS):
            if _directory_fits(self.data, offset, end):
                self.covered = end + _END_BYTES + int.from_bytes(self.data[end + 20 : end + 22], "little")
                archive = self.data[offset : self.covered]
                return Member(f"(zip at {offset})", archive, media_type=package_type(archive))
        return self._lone_entry(header)

    def _stream(self, offset: int, mark: bytes) -> Member | None:
        """A compressed stream; None unless it unpacks to its end, to a limit, or to text: most marks are chance."""
        media_type = STREAM_MARKS[mark]
        start = offset - _BZIP2_HEADER_BYTES if media_type == magics.BZIP2 else offset
        if start < 0 or not _opens_stream(bytes(self.data[start : start + 12]), media_type):
            return None
        self.trials += 1
        source = Source(self.data[start:], "", media_type, self.source.limits, self.source.budget)
        content, problem, length = first_stream(source)
        name = f"({media_type.rpartition('/')[2]} at {start})"
        if problem is not None and not isinstance(problem, LimitError):
            return Member(name, content) if len(content) >= MIN_CUT_BYTES and is_textual(content) else None
        self.covered = start + length
        return Member(name, content, opaque=problem) if content else None

    def _lone_entry(self, header: _LocalHeader) -> Member | None:
        """An entry without a directory, as a reader of streams would see it; None unless it unpacks to its end."""
        if header.method != DEFLATED or header.is_encrypted:
            return None
        self.trials += 1
        decoder = ZlibDecoder("zip", -15)
        packed = self.data[header.start :]
        source = self.source
        chunks = metered(decoder.chunks(packed), packed_bytes=len(packed), limits=source.limits, budget=source.budget)
        content, problem = gathered(chunks)
        if isinstance(problem, LimitError):
            return Member(header.name, content, opaque=problem)
        if problem or not content:
            return None
        self.covered = header.start + decoder.consumed_bytes
        return Member(header.name, content)


@dataclass(frozen=True, slots=True)
class _LocalHeader:
    name: str
    method: int
    is_encrypted: bool
    start: int


def _opens_stream(head: bytes, media_type: str) -> bool:
    """What can be told of a header by looking at it."""
    if media_type == magics.GZIP:  # flags, then the extra flags and the system (RFC 1952 §2.3)
        return len(head) > 9 and not head[3] & 0xE0 and head[8] in {0, 2, 4} and (head[9] <= 19 or head[9] == 255)
    return head[:2] == b"BZ" if media_type == magics.BZIP2 else True


def _local_header(data: Buffer, offset: int) -> _LocalHeader | None:
    """The local header of a zip entry at `offset`, None when it cannot be one."""
    if offset + _LOCAL.size > len(data):
        return None
    _, version, flags, method, _, _, _, _, _, name_bytes, extra_bytes = _LOCAL.unpack_from(data, offset)
    name = bytes(data[offset + _LOCAL.size : offset + _LOCAL.size + name_bytes])
    start = offset + _LOCAL.size + name_bytes + extra_bytes
    is_sane = version & 0xFF <= 63 and method in _METHODS and 0 < name_bytes <= 1024 and start <= len(data)
    if not is_sane or name.translate(None, bytes(range(32))) != name:
        return None
    return _LocalHeader(decodings(name)[0], method, bool(flags & 1), start)


def _directory_fits(data: Buffer, start: int, end: int) -> bool:
    """Whether the end record at `end` closes an archive that starts at `start`, offsets counted from there."""
    if end + _END_BYTES > len(data):
        return False
    size, offset = struct.unpack_from("<2L", data, end + 12)
    return start + offset + size == end and bytes(data[start + offset : start + offset + 4]) == b"PK\x01\x02"
