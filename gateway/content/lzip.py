"""lzip members: LZMA with fixed parameters between a header and a trailer. Source: the lzip manual, "File format"."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterable, Iterator

from gateway.content.inflate import MAX_DICTIONARY_BYTES, Decoder, StreamDecoder
from gateway.errors import LimitError, MalformedError
from gateway.transfer import Buffer

_HEADER_BYTES, _TRAILER_BYTES = 6, 20
_WHAT = "lzip"


class LzipDecoder(Decoder):
    """One member, its checksum and length checked."""

    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """See `Decoder.pumped`; all of the member is held."""
        yield from self.chunks(b"".join(packed))

    def chunks(self, data: Buffer) -> Iterator[bytes]:
        """See `Decoder.chunks`. Raises LimitError for a dictionary that is too large."""
        head = bytes(data[:_HEADER_BYTES])
        if len(head) < _HEADER_BYTES or head[:5] != b"LZIP\x01" or not 12 <= head[5] & 0x1F <= 29:
            raise MalformedError(_WHAT, "the header is damaged")
        base = 1 << (head[5] & 0x1F)
        dictionary = base - (base >> 4) * (head[5] >> 5)
        if dictionary > MAX_DICTIONARY_BYTES:
            raise LimitError("max_dictionary_bytes", allowed=MAX_DICTIONARY_BYTES, actual=dictionary)
        chain = {"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": dictionary}
        decoder = StreamDecoder(_WHAT, lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain]))
        crc = total = 0
        for chunk in decoder.chunks(data[_HEADER_BYTES:]):
            crc, total = zlib.crc32(chunk, crc), total + len(chunk)
            yield chunk
        end = _HEADER_BYTES + decoder.consumed_bytes
        trailer = bytes(data[end : end + _TRAILER_BYTES])
        if trailer[:12] != crc.to_bytes(4, "little") + total.to_bytes(8, "little") or len(trailer) < _TRAILER_BYTES:
            raise MalformedError(_WHAT, "a member does not fit its length or checksum")
        self.consumed_bytes = end + _TRAILER_BYTES
