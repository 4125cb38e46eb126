"""Cabinet archives: stored and MSZIP folders; Quantum and LZX are refused by name. Sources: MS-CAB, MS-MCI."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content import magics
from gateway.content.inflate import metered
from gateway.content.names import decodings, names_text
from gateway.content.reading import Member, Reading, Source
from gateway.content.solid import Cutter, outside
from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.transfer import Buffer

HEADER_BYTES, FOLDER_BYTES, FILE_BYTES, BLOCK_BYTES = 36, 8, 16, 8
HAS_PREVIOUS, HAS_NEXT, HAS_RESERVE = 1, 2, 4
UTF8_NAME = 0x80
FIRST_CONTINUED = 0xFFFD
"""Folder numbers from here on: the file goes on in another cabinet."""
WINDOW_BYTES = 32 * 1024
"""Most bytes a block unpacks to, and how far back the next may refer."""
STORED, MSZIP = 0, 1
METHOD_NAMES = {2: "Quantum", 3: "LZX"}
_WHAT = "cab"


@dataclass(frozen=True, slots=True)
class _Folder:
    start: int
    blocks: int
    method: int


@dataclass(frozen=True, slots=True)
class _File:
    name: bytes
    offset: int
    """In the content of its folder."""
    size: int
    folder: int
    is_utf8: bool

    def names(self) -> tuple[str, ...]:
        return (self.name.decode("utf-8", "replace"),) if self.is_utf8 else decodings(self.name)


@dataclass(slots=True)
class _Cabinet:
    """What the headers say."""

    words: list[bytes] = field(default_factory=list)
    """Names of the cabinets before and after, and reserved areas."""
    folders: list[_Folder] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    block_reserve: int = 0
    used: list[tuple[int, int]] = field(default_factory=list)
    is_volume: bool = False


def read_cab(source: Source) -> Reading:
    """Reading of a cabinet. Raises LimitError or MalformedError when the headers are damaged."""
    cabinet = _headers(source)
    words = [reading for word in cabinet.words for reading in decodings(word)]
    names = [name for each in cabinet.files for name in each.names()]
    problem: ContentError | None = None
    missing = [folder.method for folder in cabinet.folders if folder.method not in {STORED, MSZIP}]
    if cabinet.is_volume:
        problem = UnsupportedError(f"{magics.CAB}; one of several volumes")
    elif missing:
        problem = UnsupportedError(f"{magics.CAB}; method={METHOD_NAMES.get(missing[0], missing[0])}")
    return Reading(names_text([*names, *words]), opaque=problem, members=_members(source, cabinet))


def _headers(source: Source) -> _Cabinet:
    data, cabinet = source.data, _Cabinet()
    head = _taken(data, 0, HEADER_BYTES)
    flags = int.from_bytes(head[30:32], "little")
    position, folder_reserve = HEADER_BYTES, 0
    if flags & HAS_RESERVE:
        sizes = _taken(data, position, 4)
        folder_reserve, cabinet.block_reserve = sizes[2], sizes[3]
        cabinet.words.append(_taken(data, position + 4, int.from_bytes(sizes[:2], "little")))
        position += 4 + len(cabinet.words[0])
    cabinet.is_volume = bool(flags & (HAS_PREVIOUS | HAS_NEXT))
    for _ in range(2 * (bool(flags & HAS_PREVIOUS) + bool(flags & HAS_NEXT))):
        word, position = _string(data, position)
        cabinet.words.append(word)
    for _ in range(int.from_bytes(head[26:28], "little")):
        entry = _taken(data, position, FOLDER_BYTES + folder_reserve)
        start, blocks = int.from_bytes(entry[:4], "little"), int.from_bytes(entry[4:6], "little")
        cabinet.folders.append(_Folder(start, blocks, entry[6] & 0x0F))
        position += len(entry)
    cabinet.used.append((0, position))
    _files(source, cabinet, int.from_bytes(head[16:20], "little"), int.from_bytes(head[28:30], "little"))
    return cabinet


def _files(source: Source, cabinet: _Cabinet, position: int, count: int) -> None:
    if count > source.limits.max_members:
        raise LimitError("max_members", allowed=source.limits.max_members, actual=count)
    first = position
    for _ in range(count):
        entry = _taken(source.data, position, FILE_BYTES)
        name, position = _string(source.data, position + FILE_BYTES)
        size, offset = int.from_bytes(entry[:4], "little"), int.from_bytes(entry[4:8], "little")
        number = int.from_bytes(entry[8:10], "little")
        cabinet.is_volume = cabinet.is_volume or number >= FIRST_CONTINUED
        if number >= len(cabinet.folders) and number < FIRST_CONTINUED:
            raise MalformedError(_WHAT, "a file is in no folder")
        cabinet.files.append(_File(name, offset, size, number, bool(entry[14] & UTF8_NAME)))
    cabinet.used.append((first, position))


def _taken(data: Buffer, position: int, count: int) -> bytes:
    piece = bytes(data[position : position + count])
    if len(piece) != count:
        raise MalformedError(_WHAT, "a header is cut off")
    return piece


def _string(data: Buffer, position: int) -> tuple[bytes, int]:
    """A string that a zero ends, and the offset behind it."""
    head, end, _ = bytes(data[position : position + 1024]).partition(b"\x00")
    if not end:
        raise MalformedError(_WHAT, "a name is too long or cut off")
    return head, position + len(head) + 1


def _members(source: Source, cabinet: _Cabinet) -> Iterator[Member]:
    """The files of each folder that can be read, then what lies outside."""
    for number, folder in enumerate(cabinet.folders):
        files = sorted((each for each in cabinet.files if each.folder == number), key=lambda each: each.offset)
        readable = folder.method in {STORED, MSZIP} and not cabinet.is_volume
        if readable:
            yield from _opened(source, cabinet, folder, files)
        else:
            _end_of(source.data, cabinet, folder)
    yield from outside(source.data, cabinet.used)


def _opened(source: Source, cabinet: _Cabinet, folder: _Folder, files: list[_File]) -> Iterator[Member]:
    packed_bytes = _end_of(source.data, cabinet, folder) - folder.start
    chunks = _content(source.data, cabinet, folder)
    cutter = Cutter(
        metered(chunks, packed_bytes=packed_bytes, limits=source.limits, budget=source.budget), source.limits
    )
    position = 0
    problem: ContentError | None = None
    for each in files:
        content = b""
        if not problem and each.offset < position:
            problem = MalformedError(_WHAT, "files overlap")
        if not problem and each.offset > position:
            between, problem = cutter.next(each.offset - position)
            yield Member("(between files)", between, opaque=problem)
        if not problem:
            content, problem = cutter.next(each.size)
        position = each.offset + each.size
        yield Member(each.names()[0], content, opaque=problem)
    rest, problem = (b"", None) if problem else cutter.rest()
    if rest or problem:
        yield Member("(behind the files)", rest, opaque=problem)


def _content(data: Buffer, cabinet: _Cabinet, folder: _Folder) -> Iterator[bytes]:
    """Content of a folder, block by block. Raises MalformedError."""
    window = b""
    for start, size, unpacked in _blocks(data, cabinet, folder):
        packed = _taken(data, start, size)
        if folder.method == STORED:
            out = packed
        elif packed[:2] != b"CK":
            raise MalformedError(_WHAT, "a block is damaged")
        else:
            codec = zlib.decompressobj(-15, zdict=window)
            try:
                out = codec.decompress(packed[2:], WINDOW_BYTES + 1)
            except zlib.error as error:
                raise MalformedError(_WHAT, "a block is damaged") from error
        if len(out) != unpacked or unpacked > WINDOW_BYTES + 6144:
            raise MalformedError(_WHAT, "a block does not fit its length")
        window = (window + out)[-WINDOW_BYTES:]
        if out:
            yield out


def _blocks(data: Buffer, cabinet: _Cabinet, folder: _Folder) -> Iterator[tuple[int, int, int]]:
    """Start, length and unpacked length of each block."""
    position = folder.start
    for _ in range(folder.blocks):
        head = _taken(data, position, BLOCK_BYTES)
        start, size = position + BLOCK_BYTES + cabinet.block_reserve, int.from_bytes(head[4:6], "little")
        yield start, size, int.from_bytes(head[6:8], "little")
        position = start + size


def _end_of(data: Buffer, cabinet: _Cabinet, folder: _Folder) -> int:
    """Offset behind the last block of a folder; its bytes count as used from here on."""
    end = folder.start
    for start, size, _ in _blocks(data, cabinet, folder):
        end = start + size
    cabinet.used.append((folder.start, end))
    return end
