"""Compressed single streams. Several in a row are one content, as their tools read them.

gzip, bzip2, xz, zstd, lz4, compress (`.Z`), lzip, LZMA by itself, zlib.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator

from gateway.content import magics
from gateway.content.inflate import (
    MAX_DICTIONARY_BYTES,
    Decoder,
    StreamDecoder,
    ZlibDecoder,
    ZstdDecoder,
    gathered,
    metered,
)
from gateway.content.lz4 import LEGACY_MAGIC, Lz4Decoder
from gateway.content.lzip import LzipDecoder
from gateway.content.lzw import LzwDecoder
from gateway.content.names import decodings, names_text
from gateway.content.reading import Member, Reading, Source
from gateway.errors import ContentError, LimitError, MalformedError
from gateway.transfer import Buffer

_SUFFIXES = {
    magics.GZIP: (".gz", ".tgz"),
    magics.BZIP2: (".bz2", ".tbz2"),
    magics.XZ: (".xz", ".txz"),
    magics.ZSTD: (".zst",),
    magics.LZ4: (".lz4",),
    magics.COMPRESS: (".z", ".taz"),
    magics.LZIP: (".lz", ".tlz"),
    magics.LZMA: (".lzma",),
    magics.ZLIB: (),
}
_SHORTENED = {".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".taz": ".tar", ".tlz": ".tar"}
MAX_STREAMS = 100_000
"""Most streams in a row; block gzip writes one for 64 KiB."""
_EXTRA, _NAME, _COMMENT = 4, 8, 16
"""Flags of a gzip header (RFC 1952 §2.3.1)."""


def _decoder(media_type: str) -> Decoder:
    match media_type:
        case magics.GZIP:
            return ZlibDecoder("gzip", 31)
        case magics.BZIP2:
            return StreamDecoder("bzip2", bz2.BZ2Decompressor())
        case magics.XZ:
            return StreamDecoder("xz", lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY_BYTES))
        case magics.LZ4:
            return Lz4Decoder("lz4")
        case magics.COMPRESS:
            return LzwDecoder("compress")
        case magics.LZIP:
            return LzipDecoder("lzip")
        case magics.LZMA:
            return StreamDecoder("lzma", lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_DICTIONARY_BYTES))
        case magics.ZLIB:
            return ZlibDecoder("zlib", 15)
        case _:
            return ZstdDecoder("zstd")


_SKIPPABLE = tuple(bytes([0x50 + n, 0x2A, 0x4D, 0x18]) for n in range(16))
"""Frames of zstd and lz4 that hold something else."""
STREAM_MAGICS = {
    magics.GZIP: (b"\x1f\x8b\x08",),
    magics.BZIP2: (b"BZh",),
    magics.XZ: (b"\xfd7zXZ\x00",),
    magics.ZSTD: (b"\x28\xb5\x2f\xfd", *_SKIPPABLE),
    magics.LZ4: (b"\x04\x22\x4d\x18", LEGACY_MAGIC, *_SKIPPABLE),
    magics.LZIP: (b"LZIP",),
}
"""How a stream opens; one that follows another has to open like this too. The others never follow one another."""


def read_stream(source: Source) -> Reading:
    """Reading of a compressed stream: one member, and what trails behind it."""
    header = _gzip_words(bytes(source.data[: 64 * 1024])) if source.media_type == magics.GZIP else ()
    words = [reading for raw in header for reading in decodings(raw)]
    return Reading(texts=names_text(words), members=_members(source))


def _members(source: Source) -> Iterator[Member]:
    end = [0]
    skipped: list[Buffer] = []
    chunks = _chunks(source, end, skipped)
    metered_chunks = metered(chunks, packed_bytes=len(source.data), limits=source.limits, budget=source.budget)
    content, problem = gathered(metered_chunks)
    yield Member(_inner_name(source), content, opaque=problem)
    for frame in skipped:
        yield Member("(skipped frame)", frame)
    rest = source.data[end[0] :]
    if problem is None and bytes(rest).strip(b"\x00"):  # tapes and blocks are padded with zeros
        yield Member("(trailing data)", rest)


def first_stream(source: Source) -> tuple[bytes, ContentError | None, int]:
    """Content of the stream that opens `source.data`, what is wrong with it, and its packed length.

    For streams in the middle of something else.
    """
    decoder = _decoder(source.media_type)
    packed = memoryview(source.data)
    content, problem = gathered(
        metered(decoder.chunks(packed), packed_bytes=len(packed), limits=source.limits, budget=source.budget)
    )
    return content, problem, decoder.consumed_bytes


def _chunks(source: Source, end: list[int], skipped: list[Buffer]) -> Iterator[bytes]:
    """Chunks of all streams in a row; `end[0]` becomes the offset after the last; frames that tools skip are set aside."""
    data = memoryview(source.data)  # slices of bytes would be copies, one per stream
    can_skip = source.media_type in {magics.ZSTD, magics.LZ4}
    for _ in range(MAX_STREAMS):
        head = bytes(data[end[0] : end[0] + 8])
        if can_skip and head[1:4] == _SKIPPABLE[0][1:] and head[0] & 0xF0 == 0x50:
            stop = end[0] + 8 + int.from_bytes(head[4:], "little")
            if stop > len(data):
                raise MalformedError(source.media_type, "a frame is cut off")
            skipped.append(data[end[0] + 8 : stop])
            end[0] = stop
        else:
            decoder = _decoder(source.media_type)
            yield from decoder.chunks(data[end[0] :])
            end[0] += decoder.consumed_bytes
        if not bytes(data[end[0] : end[0] + 8]).startswith(STREAM_MAGICS.get(source.media_type, ())):
            return
    raise LimitError("max_streams", allowed=MAX_STREAMS, actual=MAX_STREAMS + 1)


def _inner_name(source: Source) -> str:
    """Name of the content: the container's without its suffix."""
    for suffix in _SUFFIXES[source.media_type]:
        if source.name.lower().endswith(suffix):
            return source.name[: -len(suffix)] + _SHORTENED.get(suffix, "")
    return "(content)"


def _gzip_words(head: bytes) -> Iterator[bytes]:
    """File name, comment and extra field of a gzip header, those that are there."""
    flags, position = head[3] if len(head) > 3 else 0, 10
    if flags & _EXTRA:
        length = int.from_bytes(head[position : position + 2], "little")
        yield head[position + 2 : position + 2 + length]
        position += 2 + length
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            word, _, _ = head[position:].partition(b"\x00")
            yield word
            position += len(word) + 1
