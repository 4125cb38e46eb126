"""LZ4 frames and the older framing of `lz4 -l`. Sources: lz4_Frame_format.md, lz4_Block_format.md of the LZ4 project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.content.inflate import CHUNK_BYTES, Decoder
from gateway.errors import MalformedError, UnsupportedError
from gateway.limits import KIB, MIB
from gateway.transfer import Buffer

MAGIC, LEGACY_MAGIC = b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"
_LEGACY_BLOCK_BYTES = 8 * MIB
_WINDOW_BYTES = 64 * KIB
"""How far back a match may reach."""
_STORED = 1 << 31
_BLOCK_BYTES = {4: 64 * KIB, 5: 256 * KIB, 6: MIB, 7: 4 * MIB}
_DICTIONARY, _CONTENT_CHECKSUM, _CONTENT_SIZE, _BLOCK_CHECKSUM, _INDEPENDENT = 0x01, 0x04, 0x08, 0x10, 0x20
_WHAT = "lz4"


class Lz4Decoder(Decoder):
    """One frame. The checksums (xxHash-32) are passed over: a wrong one does not hide what is there."""

    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """See `Decoder.pumped`; all of the frame is held."""
        data = memoryview(b"".join(packed))
        yield from self.chunks(data)

    def chunks(self, data: Buffer) -> Iterator[bytes]:
        """See `Decoder.chunks`. Raises UnsupportedError for a frame that needs a dictionary from elsewhere."""
        if bytes(data[:4]) == LEGACY_MAGIC:
            yield from self._legacy(data)
        else:
            yield from self._frame(data)

    def _frame(self, data: Buffer) -> Iterator[bytes]:
        flags, block = (*bytes(data[4:6]), 0, 0)[:2]
        largest = _BLOCK_BYTES.get(block >> 4 & 7)
        if bytes(data[:4]) != MAGIC or flags >> 6 != 1 or largest is None:
            raise MalformedError(_WHAT, "the frame header is damaged")
        if flags & _DICTIONARY:
            raise UnsupportedError("application/x-lz4; dictionary")
        position = 7 + 8 * bool(flags & _CONTENT_SIZE)
        window = b""
        while size := _number(data, position):
            position += 4
            content = _taken(data, position, size & ~_STORED)
            position += len(content) + 4 * bool(flags & _BLOCK_CHECKSUM)
            out = content if size & _STORED else _block(content, b"" if flags & _INDEPENDENT else window, largest)
            window = (window + out)[-_WINDOW_BYTES:]
            yield from _cut(out)
        self.consumed_bytes = position + 4 + 4 * bool(flags & _CONTENT_CHECKSUM)
        if self.consumed_bytes > len(data):
            raise MalformedError(_WHAT, "the compressed data end too early")

    def _legacy(self, data: Buffer) -> Iterator[bytes]:
        position = 4
        while len(data) - position >= 4:
            size = _number(data, position)
            if size > _LEGACY_BLOCK_BYTES * 2:  # the magic of another frame, or what trails
                break
            content = _taken(data, position + 4, size)
            position += 4 + size
            yield from _cut(_block(content, b"", _LEGACY_BLOCK_BYTES))
        self.consumed_bytes = position


def _cut(out: bytes) -> Iterator[bytes]:
    for start in range(0, len(out), CHUNK_BYTES):
        yield out[start : start + CHUNK_BYTES]


def _number(data: Buffer, position: int) -> int:
    return int.from_bytes(_taken(data, position, 4), "little")


def _taken(data: Buffer, position: int, count: int) -> bytes:
    piece = bytes(data[position : position + count])
    if len(piece) != count:
        raise MalformedError(_WHAT, "the compressed data end too early")
    return piece


def _block(packed: bytes, window: bytes, largest: int) -> bytes:
    """One block unpacked; `window` is what came before it. Raises MalformedError."""
    out = bytearray(window)
    end, position = len(packed), 0
    try:
        while position < end:
            token = packed[position]
            position += 1
            literals = token >> 4
            if literals == 15:
                literals, position = _longer(packed, position, literals)
            if position + literals > end:
                raise MalformedError(_WHAT, "the compressed data are damaged")
            out += packed[position : position + literals]
            position += literals
            if position == end:
                break
            distance = packed[position] | packed[position + 1] << 8
            position += 2
            length = token & 15
            if length == 15:
                length, position = _longer(packed, position, length)
            _copy(out, distance, length + 4)
            if len(out) - len(window) > largest:
                raise MalformedError(_WHAT, "a block is longer than it may be")
    except IndexError as error:
        raise MalformedError(_WHAT, "the compressed data are damaged") from error
    if len(out) - len(window) > largest:
        raise MalformedError(_WHAT, "a block is longer than it may be")
    return bytes(memoryview(out)[len(window) :])


def _longer(packed: bytes, position: int, length: int) -> tuple[int, int]:
    """A length that goes on in more bytes, and the offset behind them."""
    while True:
        byte = packed[position]
        position += 1
        length += byte
        if byte != 255:
            return length, position


def _copy(out: bytearray, distance: int, length: int) -> None:
    """Append `length` bytes from `distance` bytes back; they may overlap what they make."""
    start = len(out) - distance
    if start < 0 or not distance:
        raise MalformedError(_WHAT, "the compressed data are damaged")
    if length > _LEGACY_BLOCK_BYTES:
        raise MalformedError(_WHAT, "a block is longer than it may be")
    if distance >= length:
        out += out[start : start + length]
    else:
        piece = bytes(out[start:])
        out += (piece * (length // distance + 1))[:length]
