"""The blocks of a RAR archive, old and new. Sources: RAR 5.0 archive format (rarlab technote), unrar's headers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.content.names import decodings
from gateway.content.runs import text_runs
from gateway.errors import MalformedError
from gateway.parts import Encryption, Grade
from gateway.transfer import Buffer

SIGNATURE_4, SIGNATURE_5 = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
MAIN_4, FILE_4, SERVICE_4, END_4 = 0x73, 0x74, 0x7A, 0x7B
VOLUME_4, CLOSED_HEADERS_4 = 0x0001, 0x0080
SPLIT_4, CLOSED_FILE_4, LARGE_4, HAS_DATA_4, DIRECTORY_4 = 0x0003, 0x0004, 0x0100, 0x8000, 0x00E0
STORED_4 = 0x30
MAIN_5, FILE_5, SERVICE_5, ENCRYPTION_5, END_5 = 1, 2, 3, 4, 5
HAS_EXTRA_5, HAS_DATA_5, SPLIT_5 = 0x0001, 0x0002, 0x0018
VOLUME_5 = 0x0001
IS_DIRECTORY_5, HAS_TIME_5, HAS_CHECKSUM_5 = 0x0001, 0x0002, 0x0004
ENCRYPTION_RECORD_5, REDIRECTION_RECORD_5 = 1, 5
AES_SINCE_VERSION = 29
"""RAR 2.9 brought AES-128; before it the ciphers were home-made."""
AES_128, AES_256 = Encryption("rar4-aes-128", Grade.STRONG), Encryption("rar5-aes-256", Grade.STRONG)
WHAT = "rar"


@dataclass(slots=True)
class Block:
    """One block: a header, and data behind it."""

    at: int
    """Offset of the header."""
    start: int
    end: int
    """Of its data; `start` is also the end of the header."""
    words: tuple[str, ...] = ()
    """Text in the header: every reading of the name first."""
    is_file: bool = False
    is_service: bool = False
    is_stored: bool = False
    is_split: bool = False
    """Whether it belongs to a set of volumes."""
    size_bytes: int = 0
    crc: int | None = None
    encryption: Encryption | None = None
    closes_headers: Encryption | None = None
    """Set on the block after which nothing can be read without the password."""

    @property
    def name(self) -> str:
        """The likeliest reading of the name."""
        return self.words[0] if self.words else ""


def first_block_fits(raw: bytes) -> bool:
    """Whether a signature opens `raw`, and the checksum of the header behind it is right."""
    if raw.startswith(SIGNATURE_5) and len(raw) >= 16:
        size, start = number(raw, 12)
        return size > 0 and zlib.crc32(raw[12 : start + size]) == int.from_bytes(raw[8:12], "little")
    if raw.startswith(SIGNATURE_4) and len(raw) >= 14:
        size = int.from_bytes(raw[12:14], "little")
        return size >= 7 and zlib.crc32(raw[9 : 7 + size]) & 0xFFFF == int.from_bytes(raw[7:9], "little")
    return False


def blocks_4(data: Buffer) -> Iterator[Block]:
    """Blocks of an archive of version 4, up to its end. Raises MalformedError."""
    position = len(SIGNATURE_4)
    while position + 7 <= len(data):
        head = bytes(data[position : position + 7])
        kind, flags, size = head[2], int.from_bytes(head[3:5], "little"), int.from_bytes(head[5:7], "little")
        header = bytes(data[position : position + size])
        if size < 7 or len(header) != size:
            raise MalformedError(WHAT, "a header is damaged")
        block = Block(position, position + size, position + size)
        if kind in {FILE_4, SERVICE_4}:
            _file_4(header, flags, block, is_file=kind == FILE_4)
        elif flags & HAS_DATA_4:
            block.end += int.from_bytes(header[7:11], "little")
        if kind == MAIN_4:
            block.is_split = bool(flags & VOLUME_4)
            block.closes_headers = AES_128 if flags & CLOSED_HEADERS_4 else None
            block.words = (text_runs(header[13:]),)
        elif kind not in {FILE_4, SERVICE_4, END_4}:
            block.words = (
                text_runs(bytes(data[block.at + 7 : min(block.end, len(data))])),
            )  # old comments and the like
        _fits(block, data)
        yield block
        if kind == END_4:
            return
        position = block.end


def _fits(block: Block, data: Buffer) -> None:
    if block.end > len(data):
        raise MalformedError(WHAT, "a file is cut off")


def _file_4(header: bytes, flags: int, block: Block, *, is_file: bool) -> None:
    """Take in the header of a file or a service."""
    name_at = 40 if flags & LARGE_4 else 32
    if len(header) < name_at or zlib.crc32(header[2:]) & 0xFFFF != int.from_bytes(header[:2], "little"):
        raise MalformedError(WHAT, "a header is damaged")
    high = (int.from_bytes(header[at : at + 4], "little") << 32 if flags & LARGE_4 else 0 for at in (32, 36))
    block.end += int.from_bytes(header[7:11], "little") + next(high)
    block.size_bytes = int.from_bytes(header[11:15], "little") + next(high)
    block.crc = int.from_bytes(header[16:20], "little")
    stored, _, coded = header[name_at : name_at + int.from_bytes(header[26:28], "little")].partition(b"\x00")
    wide = (_wide_name(stored, coded),) if coded else ()
    rest = header[name_at + int.from_bytes(header[26:28], "little") :]
    block.words = (*wide, *decodings(stored), text_runs(rest))
    is_directory = is_file and flags & DIRECTORY_4 == DIRECTORY_4  # all three bits mark one
    block.is_file, block.is_service = is_file and not is_directory, not is_file or is_directory
    block.is_stored = header[25] == STORED_4
    block.is_split = bool(flags & SPLIT_4)
    if flags & CLOSED_FILE_4:
        block.encryption = AES_128 if header[24] >= AES_SINCE_VERSION else Encryption("rar2", Grade.WEAK)


def _wide_name(plain: bytes, coded: bytes) -> str:
    """A name in UTF-16 as RAR 3 packs it: characters told two bits at a time, some by the 8-bit name before it."""
    high, position, out = coded[0] << 8, 1, []
    flags = bits = 0
    try:
        while position < len(coded):
            if not bits:
                flags, bits, position = coded[position], 8, position + 1
            bits -= 2
            match flags >> bits & 3:
                case 0:
                    out.append(coded[position])
                case 1:
                    out.append(coded[position] | high)
                case 2:
                    out.append(coded[position] | coded[position + 1] << 8)
                    position += 1
                case _:
                    length, shift = coded[position], 0
                    if length & 0x80:
                        position += 1
                        shift = coded[position]
                    same = plain[len(out) : len(out) + (length & 0x7F) + 2]
                    out += [(byte + shift & 0xFF) | high if length & 0x80 else byte for byte in same]
            position += 1
    except IndexError:  # cut off: the plain name is there too
        pass
    # each unit is 16 bits; characters beyond take two
    return b"".join((unit & 0xFFFF).to_bytes(2, "little") for unit in out).decode("utf-16-le", "replace")


def blocks_5(data: Buffer) -> Iterator[Block]:
    """Blocks of an archive of version 5, up to its end. Raises MalformedError."""
    position = len(SIGNATURE_5)
    while position + 7 <= len(data):
        size, start = number(bytes(data[position : position + 16]), 4)
        header = bytes(data[position + start : position + start + size])
        if len(header) != size or size == 0:
            raise MalformedError(WHAT, "a header is damaged")
        if zlib.crc32(bytes(data[position + 4 : position + start + size])) != int.from_bytes(
            bytes(data[position : position + 4]), "little"
        ):
            raise MalformedError(WHAT, "a header does not fit its checksum")
        kind, at = number(header, 0)
        flags, at = number(header, at)
        extra_bytes, at = number(header, at) if flags & HAS_EXTRA_5 else (0, at)
        data_bytes, at = number(header, at) if flags & HAS_DATA_5 else (0, at)
        end = position + start + size
        block = Block(position, end, end + data_bytes)
        if kind in {FILE_5, SERVICE_5}:
            _file_5(header, at, extra_bytes, block, is_file=kind == FILE_5)
            block.is_split = bool(flags & SPLIT_5)
        elif kind == MAIN_5:
            block.is_split = bool(number(header, at)[0] & VOLUME_5)
            block.words = (text_runs(header[at:]),)
        elif kind == ENCRYPTION_5:
            block.closes_headers = AES_256
        elif kind != END_5:
            block.is_service = block.is_stored = True
            block.words = (f"block {kind}",)
        _fits(block, data)
        yield block
        if kind == END_5:
            return
        position = block.end


def _file_5(header: bytes, at: int, extra_bytes: int, block: Block, *, is_file: bool) -> None:
    """Take in the header of a file or a service."""
    flags, at = number(header, at)
    block.size_bytes, at = number(header, at)
    _, at = number(header, at)  # attributes
    at += 4 * bool(flags & HAS_TIME_5)
    if flags & HAS_CHECKSUM_5:
        block.crc = int.from_bytes(header[at : at + 4], "little")
        at += 4
    compression, at = number(header, at)
    _, at = number(header, at)  # host
    length, at = number(header, at)
    block.is_stored = compression >> 7 & 7 == 0
    is_directory = is_file and flags & IS_DIRECTORY_5
    block.is_file, block.is_service = bool(is_file and not is_directory), not is_file or bool(is_directory)
    words = [*decodings(header[at : at + length])]
    position = max(at + length, len(header) - extra_bytes)
    words.append(text_runs(header[at + length : position]))
    while position < len(header):
        size, start = number(header, position)
        record, _ = number(header, start)
        if record == ENCRYPTION_RECORD_5:
            block.encryption = AES_256
        else:
            words.append(text_runs(header[start : start + size]))  # targets of links, owners
        if record == REDIRECTION_RECORD_5 and block.start == block.end:  # length and checksum are those of the target
            block.size_bytes, block.crc = 0, None
        position = start + max(1, size)
    block.words = tuple(words)


def number(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, and the offset after it. Raises MalformedError when it does not end."""
    value = 0
    for count in range(10):
        if at + count >= len(data):
            break
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if not byte & 0x80:
            return value, at + count + 1
    raise MalformedError(WHAT, "a number does not end")
