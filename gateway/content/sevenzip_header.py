"""The header of a 7z archive: streams, folders (solid blocks) and files. Source: 7zFormat.txt of the LZMA SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content.runs import text_runs
from gateway.errors import MalformedError, UnsupportedError

WHAT = "7z"
MAX_FOLDERS = 10_000
MAX_STREAMS = 1_000_000
"""Most files a header may count before the limit on members has its say."""
MAX_CODERS = 8
"""More than any 7-Zip writes (seven: BCJ2 with its four streams encrypted)."""
MAX_CODER_STREAMS = 32
END, ARCHIVE_PROPERTIES, ADDITIONAL, MAIN_STREAMS, FILES = 0x00, 0x02, 0x03, 0x04, 0x05
PACK_INFO, UNPACK_INFO, SUB_STREAMS = 0x06, 0x07, 0x08
SIZES, DIGESTS, FOLDER, UNPACK_SIZES, STREAM_COUNTS = 0x09, 0x0A, 0x0B, 0x0C, 0x0D
EMPTY_STREAM, EMPTY_FILE, ANTI, NAMES = 0x0E, 0x0F, 0x10, 0x11
_SILENT = frozenset({0x12, 0x13, 0x14, 0x15, 0x18})
"""Properties of numbers: times, attributes, start positions."""
AES = bytes.fromhex("06f10701")


@dataclass(frozen=True, slots=True)
class Coder:
    """One method of a folder, with its place in the graph: `inputs` streams on the packed side, one on the other."""

    method: bytes
    properties: bytes
    inputs: int
    outputs: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A graph of coders that unpacks one solid block."""

    coders: tuple[Coder, ...]
    bonds: dict[int, int]
    """Input stream → output stream that feeds it."""
    packed: tuple[int, ...]
    """Input streams that are fed from the archive, in the order of its packed streams."""

    @property
    def is_closed(self) -> bool:
        """Whether any of the coders is a cipher."""
        return any(coder.method == AES for coder in self.coders)


@dataclass(slots=True)
class Streams:
    """What a StreamsInfo block says."""

    pack_start: int = 0
    pack_sizes: list[int] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    sizes: list[list[int]] = field(default_factory=list)
    """Per folder: length of each coder's output."""
    digests: list[int | None] = field(default_factory=list)
    """Per folder: CRC-32 of its content."""
    parts: list[list[tuple[int, int | None]]] = field(default_factory=list)
    """Per folder: length and CRC-32 of each file in it."""


@dataclass(slots=True)
class Listed:
    """What a FilesInfo block says."""

    names: list[str] = field(default_factory=list)
    has_stream: list[bool] = field(default_factory=list)
    is_empty_file: list[bool] = field(default_factory=list)
    """Of those without a stream, which are files; the others are directories."""
    words: list[str] = field(default_factory=list)
    """Text in properties that hold none by the format."""


class Cursor:
    """Reads numbers off a header. Raises MalformedError at its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        piece = self.data[self.position : self.position + count]
        if len(piece) != count:
            raise MalformedError(WHAT, "the header ends too early")
        self.position += count
        return piece

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def number(self, allowed: int = 1 << 63) -> int:
        """The next number: the leading ones of its first byte say how many bytes follow."""
        first = self.byte()
        mask, value = 0x80, 0
        for shift in range(0, 64, 8):
            if not first & mask:
                value |= (first & (mask - 1)) << shift
                break
            value |= self.byte() << shift
            mask >>= 1
        if value > allowed:
            raise MalformedError(WHAT, "the header counts too much")
        return value

    def bits(self, count: int) -> list[bool]:
        """The next `count` bits, the highest of each byte first."""
        raw = self.take(-(-count // 8))
        return [bool(raw[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def digests(self, count: int) -> list[int | None]:
        """`count` CRC-32, None where one is not defined."""
        defined = [True] * count if self.byte() else self.bits(count)
        return [int.from_bytes(self.take(4), "little") if each else None for each in defined]


def read_streams(cursor: Cursor) -> Streams:
    """A StreamsInfo block up to and with its end. Raises MalformedError or UnsupportedError."""
    streams = Streams()
    kind = cursor.byte()
    if kind == PACK_INFO:
        _pack_info(cursor, streams)
        kind = cursor.byte()
    if kind == UNPACK_INFO:
        _unpack_info(cursor, streams)
        kind = cursor.byte()
    counts = [1] * len(streams.folders)
    if kind == SUB_STREAMS:
        counts = _sub_streams(cursor, streams)
        kind = cursor.byte()
    else:
        streams.parts = [[(folder_size(streams, index), streams.digests[index])] for index in range(len(counts))]
    if kind != END:
        raise MalformedError(WHAT, "the stream info is damaged")
    if sum(len(folder.packed) for folder in streams.folders) != len(streams.pack_sizes):
        raise MalformedError(WHAT, "the folders do not fit the packed streams")
    return streams


def _pack_info(cursor: Cursor, streams: Streams) -> None:
    streams.pack_start = cursor.number()
    count = cursor.number(MAX_FOLDERS * 4)
    for kind in _kinds(cursor):
        if kind == SIZES:
            streams.pack_sizes = [cursor.number() for _ in range(count)]
        elif kind == DIGESTS:
            cursor.digests(count)
        else:
            raise MalformedError(WHAT, "the pack info is damaged")


def _unpack_info(cursor: Cursor, streams: Streams) -> None:
    if cursor.byte() != FOLDER:
        raise MalformedError(WHAT, "the header has no folders")
    count = cursor.number(MAX_FOLDERS)
    if cursor.byte() != 0:
        raise UnsupportedError("application/x-7z-compressed; external header")
    streams.folders = [_folder(cursor) for _ in range(count)]
    if cursor.byte() != UNPACK_SIZES:
        raise MalformedError(WHAT, "the header has no sizes")
    streams.sizes = [[cursor.number() for _ in folder.coders] for folder in streams.folders]
    streams.digests = [None] * count
    for kind in _kinds(cursor):
        if kind != DIGESTS:
            raise MalformedError(WHAT, "the folders are damaged")
        streams.digests = cursor.digests(count)


def _kinds(cursor: Cursor) -> Iterator[int]:
    """Property numbers up to the end mark."""
    while (kind := cursor.byte()) != END:
        yield kind


def _folder(cursor: Cursor) -> Folder:
    coders = []
    for _ in range(cursor.number(MAX_CODERS)):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        inputs = cursor.number(MAX_CODER_STREAMS) if flags & 0x10 else 1
        outputs = cursor.number(MAX_CODER_STREAMS) if flags & 0x10 else 1
        properties = cursor.take(cursor.number()) if flags & 0x20 else b""
        coders.append(Coder(method, properties, inputs, outputs))
    if not coders or any(coder.outputs != 1 for coder in coders):
        raise UnsupportedError("application/x-7z-compressed; coder with several outputs")
    inputs = sum(coder.inputs for coder in coders)
    pairs = [(cursor.number(), cursor.number()) for _ in range(len(coders) - 1)]
    bonds = dict(pairs)
    free = [index for index in range(inputs) if index not in bonds]
    packed = [cursor.number() for _ in free] if len(free) > 1 else free
    if sorted(packed) != free or len(free) != inputs - len(pairs) or len({*bonds.values()}) != len(pairs):
        raise MalformedError(WHAT, "the coders are not connected")
    if any(each >= inputs for each in bonds) or any(each >= len(coders) for each in bonds.values()):
        raise MalformedError(WHAT, "the coders are not connected")
    return Folder(tuple(coders), bonds, tuple(packed))


def main_coder(folder: Folder) -> int:
    """Number of the coder whose output is the content: the one that feeds no other."""
    return next(index for index in range(len(folder.coders)) if index not in folder.bonds.values())


def folder_size(streams: Streams, index: int) -> int:
    """Length of what a folder unpacks to."""
    return streams.sizes[index][main_coder(streams.folders[index])]


def _sub_streams(cursor: Cursor, streams: Streams) -> list[int]:
    """Take in which files each folder holds; gives their numbers."""
    counts = [1] * len(streams.folders)
    kind = cursor.byte()
    if kind == STREAM_COUNTS:
        counts = [cursor.number(MAX_STREAMS) for _ in streams.folders]
        kind = cursor.byte()
    if sum(counts) > MAX_STREAMS:
        raise MalformedError(WHAT, "the header counts too much")
    sizes: list[list[int]] = []
    for index, count in enumerate(counts):
        told = [cursor.number() for _ in range(count - 1)] if kind == SIZES else []
        rest = folder_size(streams, index) - sum(told)
        if rest < 0 or (kind != SIZES and count > 1):
            raise MalformedError(WHAT, "the files are longer than their folder")
        sizes.append([*told, rest] if count else [])
    if kind == SIZES:
        kind = cursor.byte()
    known = [count == 1 and streams.digests[index] is not None for index, count in enumerate(counts)]
    digests: Iterator[int | None] = iter(())
    if kind == DIGESTS:
        missing = sum(count for count, is_known in zip(counts, known, strict=True) if not is_known)
        digests = iter(cursor.digests(missing))
        kind = cursor.byte()
    for index, lengths in enumerate(sizes):
        crcs = [streams.digests[index]] if known[index] else [next(digests, None) for _ in lengths]
        streams.parts.append(list(zip(lengths, crcs, strict=True)))
    if kind != END:
        raise MalformedError(WHAT, "the file sizes are damaged")
    return counts


def read_files(cursor: Cursor) -> Listed:
    """A FilesInfo block. Raises MalformedError or UnsupportedError."""
    count = cursor.number(MAX_STREAMS)
    listed = Listed(has_stream=[True] * count)
    for kind in _kinds(cursor):
        inner = Cursor(cursor.take(cursor.number()))
        if kind == NAMES:
            _not_external(inner)
            listed.names = _names(inner, count)
        elif kind == EMPTY_STREAM:
            listed.has_stream = [not empty for empty in inner.bits(count)]
        elif kind == EMPTY_FILE:
            listed.is_empty_file = inner.bits(listed.has_stream.count(False))
        elif kind not in _SILENT and kind != ANTI:
            listed.words.append(text_runs(inner.data))
    empty = listed.has_stream.count(False)
    listed.is_empty_file = (listed.is_empty_file + [False] * empty)[:empty]
    return listed


def _not_external(cursor: Cursor) -> None:
    if cursor.byte() != 0:
        raise UnsupportedError("application/x-7z-compressed; external names")


def _names(cursor: Cursor, count: int) -> list[str]:
    raw = cursor.data[cursor.position :]
    text = raw.decode("utf-16-le", "replace")
    names = text.split("\x00")
    if len(raw) % 2 or len(names) != count + 1 or names[-1]:
        raise MalformedError(WHAT, "the names do not fit the files")
    return names[:-1]
