"""7z archives: recognised, graded and listed, not opened. Source: 7zFormat.txt of the LZMA SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.content import magics
from gateway.content.inflate import gathered, metered, raw_lzma, raw_lzma2
from gateway.content.names import names_text
from gateway.content.randomness import looks_random
from gateway.content.reading import Reading, Source
from gateway.content.runs import text_runs
from gateway.errors import EncryptedError, MalformedError, UnsupportedError
from gateway.limits import MIB
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from gateway.transfer import Buffer

SIGNATURE_BYTES = 32
MAX_HEADER_BYTES = 64 * MIB
"""Largest header that is unpacked; ten thousand names take one."""
MAX_FOLDERS = 10_000
MAX_CODERS = 8
"""More than any 7-Zip writes (four)."""
HEADER, PACKED_HEADER = 0x01, 0x17
END, ARCHIVE_PROPERTIES, ADDITIONAL, MAIN_STREAMS = 0x00, 0x02, 0x03, 0x04
PACK_INFO, UNPACK_INFO, SIZES, DIGESTS, FOLDER, UNPACK_SIZES = 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0C
AES, LZMA1, LZMA2 = bytes.fromhex("06f10701"), bytes.fromhex("030101"), b"\x21"
AES_ENCRYPTION = Encryption("7z-aes", Grade.STRONG)
"""AES-256, with 2^19 rounds of SHA-256 unless somebody asked for less."""
_WHAT = "7z"


@dataclass(frozen=True, slots=True)
class _Coder:
    method: bytes
    properties: bytes


@dataclass(frozen=True, slots=True)
class _Streams:
    """What a StreamsInfo block says, as far as it is needed."""

    pack_start: int
    pack_sizes: tuple[int, ...]
    folders: tuple[tuple[_Coder, ...], ...]
    unpack_sizes: tuple[int, ...]


class _Cursor:
    """Reads numbers off a header. Raises MalformedError at its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        piece = self.data[self.position : self.position + count]
        if len(piece) != count:
            raise MalformedError(_WHAT, "the header ends too early")
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
            raise MalformedError(_WHAT, "the header counts too much")
        return value


def read_seven_zip(source: Source) -> Reading:
    """Reading of a 7z archive: its names where they can be read, its grade, and why it was not opened."""
    header = bytes(source.data[:SIGNATURE_BYTES])
    if not magics.is_seven_zip(header):
        raise MalformedError(_WHAT, "the start header is damaged")
    offset, size = int.from_bytes(header[12:20], "little"), int.from_bytes(header[20:28], "little")
    block = bytes(source.data[SIGNATURE_BYTES + offset : SIGNATURE_BYTES + offset + size])
    if len(block) != size or size > MAX_HEADER_BYTES:
        raise MalformedError(_WHAT, "the header is cut off or too large")
    packed = source.data[SIGNATURE_BYTES : SIGNATURE_BYTES + offset]
    cursor = _Cursor(block)
    kind = cursor.byte() if block else END
    while kind == PACKED_HEADER:
        streams = _streams(cursor)
        if any(_is_closed(folder) for folder in streams.folders):
            _refuse_plain(packed)
            return Reading(encryption=AES_ENCRYPTION, opaque=EncryptedError(AES_ENCRYPTION.scheme))
        cursor = _Cursor(_unpacked_header(source, streams))
        kind = cursor.byte()
    if kind != HEADER:
        return Reading(opaque=UnsupportedError(magics.SEVEN_ZIP))
    return _listed(cursor, packed)


def _listed(cursor: _Cursor, packed: Buffer) -> Reading:
    encryption = _grade(cursor)
    names = names_text([text_runs(cursor.data[cursor.position :])])
    closed = encryption.grade is Grade.STRONG
    if closed:
        _refuse_plain(packed)
    return Reading(
        names, encryption, EncryptedError(encryption.scheme) if closed else UnsupportedError(magics.SEVEN_ZIP)
    )


def _refuse_plain(packed: Buffer) -> None:
    if not looks_random(packed):
        raise MalformedError(_WHAT, "it claims encryption and its bytes are plain")


def _grade(cursor: _Cursor) -> Encryption:
    """Grade by the folders (solid blocks) of the main streams."""
    kind = cursor.byte()
    if kind == ARCHIVE_PROPERTIES:
        while cursor.byte() != END:
            cursor.take(cursor.number())
        kind = cursor.byte()
    if kind != MAIN_STREAMS:
        return NOT_ENCRYPTED  # only empty files
    folders = _streams(cursor).folders
    closed = sum(_is_closed(folder) for folder in folders)
    if not closed:
        return NOT_ENCRYPTED
    grade = Grade.STRONG if closed == len(folders) else Grade.PARTIAL
    return Encryption(AES_ENCRYPTION.scheme, grade, names_visible=True)


def _is_closed(folder: tuple[_Coder, ...]) -> bool:
    return any(coder.method == AES for coder in folder)


def _streams(cursor: _Cursor) -> _Streams:
    """Reads up to and with the unpack info; what follows is not needed."""
    pack_start = 0
    pack_sizes: tuple[int, ...] = ()
    kind = cursor.byte()
    if kind == PACK_INFO:
        pack_start = cursor.number()
        pack_sizes = tuple(_pack_sizes(cursor, cursor.number(MAX_FOLDERS)))
        kind = cursor.byte()
    if kind != UNPACK_INFO or cursor.byte() != FOLDER:
        raise MalformedError(_WHAT, "the header has no folders")
    count = cursor.number(MAX_FOLDERS)
    if cursor.byte() != 0:
        raise UnsupportedError(f"{magics.SEVEN_ZIP}; external header")
    folders = [_folder(cursor) for _ in range(count)]
    if cursor.byte() != UNPACK_SIZES:
        raise MalformedError(_WHAT, "the header has no sizes")
    sizes = [cursor.number() for _, outputs in folders for _ in range(outputs)]
    return _Streams(pack_start, pack_sizes, tuple(coders for coders, _ in folders), tuple(sizes))


def _pack_sizes(cursor: _Cursor, count: int) -> Iterator[int]:
    while (kind := cursor.byte()) != END:
        if kind == SIZES:
            for _ in range(count):
                yield cursor.number()
        elif kind == DIGESTS:
            defined = count if cursor.byte() else sum(each.bit_count() for each in cursor.take(-(-count // 8)))
            cursor.take(4 * defined)
        else:
            raise MalformedError(_WHAT, "the pack info is damaged")


def _folder(cursor: _Cursor) -> tuple[tuple[_Coder, ...], int]:
    """Coders of a folder and the number of its outputs."""
    coders = []
    inputs = outputs = 0
    for _ in range(cursor.number(MAX_CODERS)):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        is_complex = flags & 0x10
        inputs += cursor.number(32) if is_complex else 1
        outputs += cursor.number(32) if is_complex else 1
        properties = cursor.take(cursor.number()) if flags & 0x20 else b""
        coders.append(_Coder(method, properties))
    for _ in range(2 * (outputs - 1)):
        cursor.number()
    packed = inputs - outputs + 1
    for _ in range(packed if packed > 1 else 0):
        cursor.number()
    return tuple(coders), outputs


def _unpacked_header(source: Source, streams: _Streams) -> bytes:
    """The header that LZMA packed. Raises UnsupportedError for another coder, MalformedError or LimitError."""
    if len(streams.folders) != 1 or len(streams.pack_sizes) != 1 or len(streams.unpack_sizes) != 1:
        raise UnsupportedError(f"{magics.SEVEN_ZIP}; header in several streams")
    coders, size = streams.folders[0], streams.unpack_sizes[0]
    if [(coder.method, len(coder.properties)) for coder in coders] not in ([(LZMA1, 5)], [(LZMA2, 1)]):
        raise UnsupportedError(f"{magics.SEVEN_ZIP}; header coder")
    if size > MAX_HEADER_BYTES:
        raise MalformedError(_WHAT, "the header is too large")
    start = SIGNATURE_BYTES + streams.pack_start
    packed: Buffer = source.data[start : start + streams.pack_sizes[0]]
    raw_decoder = raw_lzma if coders[0].method == LZMA1 else raw_lzma2
    decoder = raw_decoder(_WHAT, coders[0].properties, size)
    chunks = metered(decoder.chunks(packed), packed_bytes=len(packed), limits=source.limits, budget=source.budget)
    content, problem = gathered(chunks)
    if problem or len(content) < size or not size:
        raise problem or MalformedError(_WHAT, "the header is cut off")
    return content[:size]
