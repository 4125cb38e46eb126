"""7z archives: listed, graded per folder (solid block), and opened as a stream of files. Source: 7zFormat.txt, LZMA SDK."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate

from gateway.content import magics
from gateway.content.inflate import gathered
from gateway.content.names import names_text
from gateway.content.randomness import looks_random
from gateway.content.reading import Budget, Member, Reading, Source
from gateway.content.runs import text_runs
from gateway.content.sevenzip_folder import FolderReader, missing_method, opens_without_key
from gateway.content.sevenzip_header import (
    ADDITIONAL,
    ARCHIVE_PROPERTIES,
    END,
    FILES,
    MAIN_STREAMS,
    WHAT,
    Cursor,
    Listed,
    Streams,
    folder_size,
    read_files,
    read_streams,
)
from gateway.content.solid import Cutter, outside
from gateway.errors import ContentError, EncryptedError, LimitError, MalformedError, UnsupportedError
from gateway.limits import MIB
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from gateway.transfer import Buffer

SIGNATURE_BYTES = 32
MAX_HEADER_BYTES = 64 * MIB
"""Largest header that is unpacked; ten thousand names take one."""
MAX_HEADERS = 4
"""Most headers packed in one another; 7-Zip packs one."""
HEADER, PACKED_HEADER = 0x01, 0x17
AES_ENCRYPTION = Encryption("7z-aes", Grade.STRONG)
"""AES-256, with 2^19 rounds of SHA-256 unless somebody asked for less."""


class _Archive:
    """An archive, some of whose header has been read."""

    def __init__(self, source: Source, streams: Streams) -> None:
        self.source, self.streams = source, streams
        sizes = streams.pack_sizes
        self._starts = [*accumulate(sizes, initial=SIGNATURE_BYTES + streams.pack_start)]
        self._first = [*accumulate((len(folder.packed) for folder in streams.folders), initial=0)]

    def packed(self, number: int) -> list[Buffer]:
        """Packed streams of a folder. Raises MalformedError when one is not there."""
        return [self._packed(index) for index in range(self._first[number], self._first[number + 1])]

    def _packed(self, index: int) -> Buffer:
        start, size = self._starts[index], self.streams.pack_sizes[index]
        piece = self.source.data[start : start + size]
        if len(piece) != size:
            raise MalformedError(WHAT, "a packed stream is cut off")
        return piece

    def extent(self) -> tuple[int, int]:
        """Start and end of all packed streams."""
        return self._starts[0], self._starts[-1]

    def refuse_plain(self, number: int) -> None:
        """Raises MalformedError when a folder that claims encryption has a packed stream that is plain."""
        packed, streams = self.packed(number), self.streams
        is_open = opens_without_key(streams.folders[number], packed, streams.sizes[number])
        if is_open or not all(map(looks_random, packed)):
            raise MalformedError(WHAT, "it claims encryption and its bytes are plain")

    def content(self, number: int, budget: Budget) -> Iterator[bytes]:
        """Content of a folder in chunks; see `FolderReader.chunks`."""
        folder, sizes = self.streams.folders[number], self.streams.sizes[number]
        return FolderReader(folder, self.packed(number), sizes, self.source.limits).chunks(budget)


@dataclass(slots=True)
class _Found:
    """What the headers led to."""

    used: list[tuple[int, int]]
    """Start and end of all that belongs to the archive."""
    archive: _Archive
    listed: Listed = field(default_factory=Listed)


def read_seven_zip(source: Source) -> Reading:
    """Reading of a 7z archive: names, grade, and its files one by one.

    Raises MalformedError, LimitError or UnsupportedError when the header cannot be read.
    """
    block, end = _header_block(source)
    found = _Found([(0, SIGNATURE_BYTES), (end - len(block), end)], _Archive(source, Streams()))
    cursor = Cursor(block)
    for _ in range(MAX_HEADERS):
        kind = cursor.byte() if cursor.data else HEADER
        if kind != PACKED_HEADER:
            break
        packer = _Archive(source, read_streams(cursor))
        closed = [number for number, folder in enumerate(packer.streams.folders) if folder.is_closed]
        for number in closed:
            packer.refuse_plain(number)
        if closed:
            return Reading(encryption=AES_ENCRYPTION, opaque=EncryptedError(AES_ENCRYPTION.scheme))
        found.used.append(packer.extent())
        cursor = Cursor(_unpacked_header(packer))
    if kind != HEADER:
        raise MalformedError(WHAT, "the header is of no known kind")
    _list(found, cursor)
    return _reading(found)


def _header_block(source: Source) -> tuple[bytes, int]:
    """The header at the end, and the offset behind it."""
    header = bytes(source.data[:SIGNATURE_BYTES])
    if not magics.is_seven_zip(header):
        raise MalformedError(WHAT, "the start header is damaged")
    offset, size = int.from_bytes(header[12:20], "little"), int.from_bytes(header[20:28], "little")
    start = SIGNATURE_BYTES + offset
    if size > MAX_HEADER_BYTES or start + size > len(source.data):
        raise MalformedError(WHAT, "the header is cut off or too large")
    block = bytes(source.data[start : start + size])
    if zlib.crc32(block) != int.from_bytes(header[28:32], "little"):
        raise MalformedError(WHAT, "the header does not fit its checksum")
    return block, start + size


def _unpacked_header(packer: _Archive) -> bytes:
    """A header that was packed itself. Raises LimitError, MalformedError or UnsupportedError."""
    streams = packer.streams
    if len(streams.folders) != 1:
        raise UnsupportedError(f"{magics.SEVEN_ZIP}; header in several folders")
    ((size, crc),) = streams.parts[0] if len(streams.parts[0]) == 1 else [(MAX_HEADER_BYTES + 1, None)]
    if not 0 < size <= MAX_HEADER_BYTES:
        raise MalformedError(WHAT, "the header is empty or too large")
    content, problem = gathered(packer.content(0, packer.source.budget))
    if problem or crc not in {None, zlib.crc32(content)}:
        raise problem or MalformedError(WHAT, "the header does not fit its checksum")
    return content


def _list(found: _Found, cursor: Cursor) -> None:
    """Take in what the header lists."""
    words: list[str] = []
    kind = cursor.byte() if cursor.data else END
    if kind == ARCHIVE_PROPERTIES:
        while cursor.byte() != END:
            words.append(text_runs(cursor.take(cursor.number())))
        kind = cursor.byte()
    if kind == ADDITIONAL:
        raise UnsupportedError(f"{magics.SEVEN_ZIP}; additional streams")
    if kind == MAIN_STREAMS:
        found.archive = _Archive(found.archive.source, read_streams(cursor))
        found.used.append(found.archive.extent())
        kind = cursor.byte()
    if kind == FILES:
        found.listed = read_files(cursor)
        kind = cursor.byte()
    if kind != END:
        raise MalformedError(WHAT, "the header does not end where it should")
    found.listed.words += [*words, text_runs(cursor.data[cursor.position :])]


def _reading(found: _Found) -> Reading:
    texts = names_text([*found.listed.names, *found.listed.words])
    archive = found.archive
    closed = [number for number, folder in enumerate(archive.streams.folders) if folder.is_closed]
    if closed and len(closed) == len(archive.streams.folders):
        for number in closed:
            archive.refuse_plain(number)
        encryption = replace(AES_ENCRYPTION, names_visible=True)
        return Reading(texts, encryption, EncryptedError(encryption.scheme), outside(archive.source.data, found.used))
    partial = Encryption(AES_ENCRYPTION.scheme, Grade.PARTIAL, names_visible=True)
    missing = [missing_method(folder) for folder in archive.streams.folders]
    problem = next((UnsupportedError(f"{magics.SEVEN_ZIP}; method={method}") for method in missing if method), None)
    return Reading(texts, partial if closed else NOT_ENCRYPTED, problem, _members(found))


def _members(found: _Found) -> Iterator[Member]:
    """Every file, in the order of the folders; then files of nothing, and what lies outside the archive."""
    listed, archive = found.listed, found.archive
    count = sum(map(len, archive.streams.parts))
    all_names = listed.names or [""] * len(listed.has_stream)
    named = [name for name, has_stream in zip(all_names, listed.has_stream, strict=True) if has_stream]
    names = iter(named)
    for number, folder in enumerate(archive.streams.folders):
        parts = archive.streams.parts[number] or [(folder_size(archive.streams, number), None)]
        own = [next(names, "") or f"(file {index} of block {number})" for index in range(len(parts))]
        if folder.is_closed:
            yield from _closed(archive, number, own)
        elif not missing_method(folder):  # the archive itself tells of the others
            yield from _opened(archive, number, parts, own)
    for name in named[count:]:
        yield Member(name, opaque=MalformedError(WHAT, "a file has no content"))
    empty = [name for name, has_stream in zip(all_names, listed.has_stream, strict=True) if not has_stream]
    for name, is_file in zip(empty, listed.is_empty_file, strict=True):
        if is_file:
            yield Member(name)
    yield from outside(archive.source.data, found.used)


def _closed(archive: _Archive, number: int, names: list[str]) -> Iterator[Member]:
    """The files of an encrypted folder: one has the packed bytes, the others their names."""
    error: ContentError = EncryptedError(AES_ENCRYPTION.scheme)
    packed: Buffer = b""
    try:
        packed = b"".join(archive.packed(number))
        archive.refuse_plain(number)
    except ContentError as problem:
        yield Member(names[0], packed, opaque=problem)
        return
    for name in names:
        yield Member(name, packed, magics.UNKNOWN, AES_ENCRYPTION, error)
        packed = b""


def _opened(archive: _Archive, number: int, parts: _Parts, names: list[str]) -> Iterator[Member]:
    """The files of a folder as they come out of it; when it breaks off, the later ones are opaque."""
    source = archive.source
    problem: ContentError | None = None
    cutter = Cutter(iter(()), source.limits)
    try:
        cutter = Cutter(archive.content(number, source.budget), source.limits)
    except ContentError as error:
        problem = error
    for name, (size, crc) in zip(names, parts, strict=True):
        content, failed = (b"", None) if problem else cutter.next(size)
        problem = problem or failed
        own: ContentError | None = problem
        if size > source.limits.max_member_bytes:
            own = LimitError("max_member_bytes", allowed=source.limits.max_member_bytes, actual=size)
        elif not problem and crc not in {None, zlib.crc32(content)}:
            own = MalformedError(WHAT, "a file does not fit its checksum")
        yield Member(name, content, opaque=own)


type _Parts = list[tuple[int, int | None]]
