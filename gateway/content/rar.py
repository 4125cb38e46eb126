"""RAR archives, versions 4 and 5: recognised, graded and listed, not opened.

Sources: RAR 5.0 archive format (rarlab technote), unrar's headers for the older one.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from gateway.content.magics import RAR
from gateway.content.names import decodings, names_text
from gateway.content.randomness import looks_random
from gateway.content.reading import Reading, Source
from gateway.errors import EncryptedError, MalformedError, UnsupportedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from gateway.transfer import Buffer

SIGNATURE_4, SIGNATURE_5 = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
MAIN_4, FILE_4, END_4 = 0x73, 0x74, 0x7B
FILE_5, ENCRYPTION_5, END_5 = 2, 4, 5
CLOSED_HEADERS_4, CLOSED_FILE_4, LARGE_4, HAS_DATA_4 = 0x0080, 0x0004, 0x0100, 0x8000
HAS_EXTRA_5, HAS_DATA_5 = 0x0001, 0x0002
IS_DIRECTORY_5, HAS_TIME_5, HAS_CHECKSUM_5 = 0x0001, 0x0002, 0x0004
ENCRYPTION_RECORD_5 = 1
AES_SINCE_VERSION = 29
"""RAR 2.9 brought AES-128; before it the ciphers were home-made."""
_WHAT = "rar"


@dataclass(slots=True)
class _Listing:
    names: list[str] = field(default_factory=list)
    files: int = 0
    closed: list[Encryption] = field(default_factory=list)
    is_last_closed: bool = False
    """Whether the file listed last claims encryption."""
    all_closed: Encryption | None = None
    """Set when even the headers are encrypted."""


def is_rar(head: Buffer) -> bool:
    r"""Whether a RAR signature is a real one: its first header has a checksum.

    >>> is_rar(b"Rar!\x1a\x07\x00" + bytes(13))
    False
    """
    raw = bytes(head[:4096])
    if raw.startswith(SIGNATURE_5) and len(raw) >= 16:
        size, start = _number(raw, 12)
        return size > 0 and zlib.crc32(raw[12 : start + size]) == int.from_bytes(raw[8:12], "little")
    if raw.startswith(SIGNATURE_4) and len(raw) >= 14:
        size = int.from_bytes(raw[12:14], "little")
        return size >= 7 and zlib.crc32(raw[9 : 7 + size]) & 0xFFFF == int.from_bytes(raw[7:9], "little")
    return False


def read_rar(source: Source) -> Reading:
    """Reading of a RAR archive: its names where they can be read, its grade, and why it was not opened."""
    if not is_rar(source.data):
        raise MalformedError(_WHAT, "the first header is damaged")
    listing = _Listing()
    if bytes(source.data[: len(SIGNATURE_5)]) == SIGNATURE_5:
        _walk_5(source, listing)
    else:
        _walk_4(source, listing)
    encryption = listing.all_closed or _grade(listing)
    closed = encryption.grade in {Grade.STRONG, Grade.WEAK}
    opaque = EncryptedError(encryption.scheme) if closed else UnsupportedError(RAR)
    return Reading(names_text(listing.names), encryption, opaque)


def _grade(listing: _Listing) -> Encryption:
    if not listing.closed:
        return NOT_ENCRYPTED
    worst = min(listing.closed, key=lambda each: [Grade.WEAK, Grade.STRONG].index(each.grade))
    grade = worst.grade if len(listing.closed) == listing.files else Grade.PARTIAL
    return Encryption(worst.scheme, grade, names_visible=True)


def _close(listing: _Listing, encryption: Encryption) -> None:
    listing.closed.append(encryption)
    listing.is_last_closed = True


def _count(listing: _Listing, source: Source) -> None:
    source.budget.take_member(source.limits)
    listing.files += 1
    listing.is_last_closed = False


def _refuse_plain(listing: _Listing, packed: Buffer) -> None:
    """Raises MalformedError when the file listed last claims encryption over bytes that are plain."""
    if listing.is_last_closed and not looks_random(packed):
        raise MalformedError(_WHAT, "it claims encryption and its bytes are plain")


def _walk_4(source: Source, listing: _Listing) -> None:
    data, position = source.data, len(SIGNATURE_4)
    while position + 7 <= len(data):
        head = bytes(data[position : position + 32]).ljust(32, b"\x00")
        kind, flags, size = head[2], int.from_bytes(head[3:5], "little"), int.from_bytes(head[5:7], "little")
        if size < 7 or position + size > len(data):
            raise MalformedError(_WHAT, "a header is damaged")
        if kind == END_4:
            return
        if kind == MAIN_4 and flags & CLOSED_HEADERS_4:
            listing.all_closed = Encryption("rar4-aes-128", Grade.STRONG)
            return
        extra = int.from_bytes(head[7:11], "little") if flags & HAS_DATA_4 or kind == FILE_4 else 0
        if kind == FILE_4:
            extra += _file_4(bytes(data[position : position + size]), flags, source, listing)
            _refuse_plain(listing, data[position + size : position + size + extra])
        position += size + extra


def _file_4(header: bytes, flags: int, source: Source, listing: _Listing) -> int:
    """Take in one file header; gives the high half of its packed size."""
    if len(header) < 32:
        raise MalformedError(_WHAT, "a header is damaged")
    high = int.from_bytes(header[32:36], "little") << 32 if flags & LARGE_4 else 0
    name_start = 40 if flags & LARGE_4 else 32
    name = header[name_start : name_start + int.from_bytes(header[26:28], "little")]
    listing.names.extend(decodings(name.partition(b"\x00")[0]))
    if flags & 0xE0 != 0xE0:  # all three bits mark a directory
        _count(listing, source)
        if flags & CLOSED_FILE_4:
            is_aes = header[24] >= AES_SINCE_VERSION
            _close(listing, Encryption("rar4-aes-128", Grade.STRONG) if is_aes else Encryption("rar2", Grade.WEAK))
    return high


def _walk_5(source: Source, listing: _Listing) -> None:
    data, position = source.data, len(SIGNATURE_5)
    while position + 7 <= len(data):
        head = bytes(data[position : position + 32])
        size, start = _number(head, 4)
        block = bytes(data[position + start : position + start + size])
        if len(block) != size or size == 0:
            raise MalformedError(_WHAT, "a header is damaged")
        kind, at = _number(block, 0)
        flags, at = _number(block, at)
        extra_bytes, at = _number(block, at) if flags & HAS_EXTRA_5 else (0, at)
        data_bytes, at = _number(block, at) if flags & HAS_DATA_5 else (0, at)
        if kind == END_5:
            return
        if kind == ENCRYPTION_5:
            listing.all_closed = Encryption("rar5-aes-256", Grade.STRONG)
            return
        if kind == FILE_5:
            _file_5(block, at, extra_bytes, source, listing)
            packed_start = position + start + size
            _refuse_plain(listing, data[packed_start : packed_start + data_bytes])
        position += start + size + data_bytes


def _file_5(block: bytes, at: int, extra_bytes: int, source: Source, listing: _Listing) -> None:
    flags, at = _number(block, at)
    _, at = _number(block, at)  # unpacked size
    _, at = _number(block, at)  # attributes
    at += 4 * bool(flags & HAS_TIME_5) + 4 * bool(flags & HAS_CHECKSUM_5)
    _, at = _number(block, at)  # compression
    _, at = _number(block, at)  # host
    length, at = _number(block, at)
    listing.names.extend(decodings(block[at : at + length]))
    if flags & IS_DIRECTORY_5:
        return
    _count(listing, source)
    position = max(at + length, len(block) - extra_bytes)
    while position < len(block):
        size, start = _number(block, position)
        record, _ = _number(block, start)
        if record == ENCRYPTION_RECORD_5:
            _close(listing, Encryption("rar5-aes-256", Grade.STRONG))
            return
        position = start + max(1, size)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, and the offset after it. Raises MalformedError when it does not end."""
    value = 0
    for count in range(10):
        if at + count >= len(data):
            break
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if not byte & 0x80:
            return value, at + count + 1
    raise MalformedError(_WHAT, "a number does not end")
