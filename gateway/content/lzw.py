"""`.Z` files of the Unix program compress: LZW with codes of 9 to 16 bits. Source: ncompress, compress(1) of POSIX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.content.inflate import CHUNK_BYTES, Decoder
from gateway.errors import LimitError, MalformedError, UnsupportedError
from gateway.limits import MIB
from gateway.transfer import Buffer

MAGIC = b"\x1f\x9d"
MAX_TABLE_BYTES = 128 * MIB
"""Most bytes of words remembered; a long run of one byte would fill two GiB."""
_CLEAR = 256
_BLOCK_MODE, _MAX_BITS = 0x80, 0x1F
_WHAT = "compress"


class LzwDecoder(Decoder):
    """One stream; it has no end mark and no checksum, so it ends with the data."""

    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """See `Decoder.pumped`; all of the stream is held."""
        yield from self.chunks(b"".join(packed))

    def chunks(self, data: Buffer) -> Iterator[bytes]:
        """See `Decoder.chunks`."""
        head = bytes(data[:3])
        max_bits = head[2] & _MAX_BITS if len(head) == 3 else 0
        if head[:2] != MAGIC or not 9 <= max_bits <= 16:
            raise MalformedError(_WHAT, "the header is damaged")
        if max_bits == 9:  # compress grows the codes of a full table all the same, at a moment of its own
            raise UnsupportedError("application/x-compress; codes of 9 bits")
        out, size = [], 0
        for word in self._words(data, max_bits, is_block=bool(head[2] & _BLOCK_MODE)):
            out.append(word)
            size += len(word)
            if size >= CHUNK_BYTES:
                yield b"".join(out)
                out, size = [], 0
        if out:
            yield b"".join(out)
        self.consumed_bytes = len(data)

    @staticmethod
    def _words(data: Buffer, max_bits: int, *, is_block: bool) -> Iterator[bytes]:
        table = _first_words(is_block=is_block)
        size = 0
        before = b""
        for code in _codes(data, max_bits, table, is_block=is_block):
            if is_block and code == _CLEAR:
                del table[_CLEAR + 1 :]
                before, size = b"", 0
                continue
            if code < len(table):
                word = table[code]
            elif code == len(table) and before:
                word = before + before[:1]
            else:
                raise MalformedError(_WHAT, "the compressed data are damaged")
            if before and len(table) < 1 << max_bits:
                table.append(before + word[:1])
                size += len(before) + 1
                if size > MAX_TABLE_BYTES:
                    raise LimitError("max_dictionary_bytes", allowed=MAX_TABLE_BYTES, actual=size)
            before = word
            yield word


def _first_words(*, is_block: bool) -> list[bytes]:
    return [bytes([byte]) for byte in range(256)] + ([b""] if is_block else [])


def _codes(data: Buffer, max_bits: int, words: list[bytes], *, is_block: bool) -> Iterator[int]:
    """Each code. Codes of one width come in groups of eight; the rest of a group is left out when the width changes."""
    position, width = 3, 9
    while position < len(data):
        group = bytes(data[position : position + width])
        position += width
        bits = int.from_bytes(group, "little")
        for index in range(len(group) * 8 // width):
            code = bits >> index * width & (1 << width) - 1
            yield code
            if is_block and code == _CLEAR:
                width = 9
                break
            if len(words) >= 1 << width and width < max_bits:  # the table has grown meanwhile
                width += 1
                break
