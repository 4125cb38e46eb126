"""Decompression in bounded steps: every codec gives chunks, one meter counts them against the limits."""

from __future__ import annotations

import bz2
import lzma
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import zstandard

from gateway.content.reading import Budget
from gateway.errors import ContentError, LimitError, MalformedError
from gateway.limits import MIB, Limits
from gateway.transfer import Buffer

CHUNK_BYTES = MIB
"""Most bytes one step may give."""
INPUT_BYTES = 256 * 1024
"""Compressed bytes handed to a codec at once; what it leaves is copied, so it must stay small."""
ZSTD_INPUT_BYTES = 1024
"""As above for zstd, which has no bound on its output: 4 bytes can stand for a block of 128 KiB."""
RATIO_FREE_BYTES = 8 * MIB
"""Growth is not judged below this size: a blank bitmap shrinks a thousandfold and harms nobody."""
MAX_DICTIONARY_BYTES = 256 * MIB
"""Memory an LZMA or zstd stream may ask for; `xz -9` asks for 65 MiB, `zstd --ultra -22` for 128."""


class Decoder(ABC):
    """One compressed stream; `chunks` once, then `consumed_bytes` says where it ended."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.consumed_bytes = 0
        self.unused: bytes = b""
        """What of the last piece lay behind the end of the stream."""

    def chunks(self, data: Buffer) -> Iterator[bytes]:
        """Unpacked chunks, none empty. Raises MalformedError when the stream is damaged or ends too early."""
        return self.pumped(pieces(data))

    @abstractmethod
    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """The same for a stream that comes in pieces, which are not asked for beyond its end."""


def pieces(data: Buffer, size_bytes: int = INPUT_BYTES) -> Iterator[Buffer]:
    """`data` in pieces of the size that a codec is given at once."""
    for start in range(0, len(data), size_bytes):
        yield data[start : start + size_bytes]


class ZlibDecoder(Decoder):
    """Deflate; `window_bits` −15 raw, 15 zlib, 31 gzip (RFC 1950–1952)."""

    def __init__(self, what: str, window_bits: int) -> None:
        super().__init__(what)
        self._codec = zlib.decompressobj(window_bits)

    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """See `Decoder.pumped`."""
        codec = self._codec
        position = 0
        try:
            for given in packed:
                piece: Buffer = given
                position += len(piece)
                while not codec.eof:
                    out = codec.decompress(piece, CHUNK_BYTES)
                    if out:
                        yield out
                    piece = codec.unconsumed_tail
                    # output may wait inside the codec after its input is used up
                    if not piece and len(out) < CHUNK_BYTES:
                        break
                if codec.eof:
                    break
        except zlib.error as error:
            raise MalformedError(self.what, "the compressed data are damaged") from error
        if not codec.eof:
            raise MalformedError(self.what, "the compressed data end too early")
        self.unused = codec.unused_data
        self.consumed_bytes = position - len(self.unused)


class StreamDecoder(Decoder):
    """bzip2 or LZMA, through the interface that both share in the standard library."""

    def __init__(self, what: str, codec: bz2.BZ2Decompressor | lzma.LZMADecompressor, *, has_end: bool = True) -> None:
        super().__init__(what)
        self._codec = codec
        self._has_end = has_end
        """False for raw LZMA, which may leave out its end mark; the container knows the length."""

    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """See `Decoder.pumped`."""
        codec = self._codec
        position = 0
        try:
            for given in packed:
                piece: Buffer = given
                position += len(piece)
                while True:
                    out = codec.decompress(piece, CHUNK_BYTES)
                    if out:
                        yield out
                    piece = b""
                    if codec.eof or codec.needs_input:
                        break
                if codec.eof:
                    break
        except (OSError, lzma.LZMAError, ValueError, EOFError) as error:
            if "emory" in str(error):  # liblzma: "Memory usage limit exceeded", it does not say how much
                raise LimitError("max_dictionary_bytes", allowed=MAX_DICTIONARY_BYTES, actual=float("inf")) from error
            raise MalformedError(self.what, "the compressed data are damaged") from error
        if not codec.eof and self._has_end:
            raise MalformedError(self.what, "the compressed data end too early")
        self.unused = codec.unused_data
        self.consumed_bytes = position - len(self.unused)


class ZstdDecoder(Decoder):
    """One zstd frame (RFC 8878)."""

    def pumped(self, packed: Iterable[Buffer]) -> Iterator[bytes]:
        """See `Decoder.pumped`."""
        codec = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY_BYTES).decompressobj()
        position = 0
        try:
            for piece in (small for given in packed for small in pieces(given, ZSTD_INPUT_BYTES)):
                position += len(piece)
                out = codec.decompress(piece)
                if out:
                    yield out
                if codec.eof:
                    break
        except zstandard.ZstdError as error:
            raise MalformedError(self.what, "the compressed data are damaged") from error
        if not codec.eof:
            raise MalformedError(self.what, "the compressed data end too early")
        self.unused = codec.unused_data
        self.consumed_bytes = position - len(self.unused)


def raw_lzma(what: str, properties: bytes, size_bytes: int) -> Decoder:
    """Decoder for LZMA without a header: `properties` are its 5 bytes, `size_bytes` the declared result.

    Raises MalformedError for impossible properties, LimitError for a dictionary that is too large.
    """
    packed, dictionary = properties[0], int.from_bytes(properties[1:5], "little")
    if packed >= 9 * 5 * 5:
        raise MalformedError(what, "impossible LZMA properties")
    chain = {"id": lzma.FILTER_LZMA1, "lc": packed % 9, "lp": packed // 9 % 5, "pb": packed // 45}
    return _raw_decoder(what, chain, dictionary, size_bytes)


def raw_lzma2(what: str, properties: bytes, size_bytes: int) -> Decoder:
    """The same for LZMA2, whose single property byte is the size of its dictionary."""
    if properties[0] > 40:
        raise MalformedError(what, "impossible LZMA properties")
    dictionary = (2 | properties[0] & 1) << (properties[0] // 2 + 11)
    return _raw_decoder(what, {"id": lzma.FILTER_LZMA2}, dictionary, size_bytes)


def _raw_decoder(what: str, chain: dict[str, int], dictionary: int, size_bytes: int) -> Decoder:
    # nothing further back than the content is long can be referred to
    needed = max(4096, min(dictionary, size_bytes))
    if needed > MAX_DICTIONARY_BYTES:
        raise LimitError("max_dictionary_bytes", allowed=MAX_DICTIONARY_BYTES, actual=needed)
    try:
        codec = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{**chain, "dict_size": needed}])
    except (lzma.LZMAError, ValueError) as error:
        raise MalformedError(what, "impossible LZMA properties") from error
    return StreamDecoder(what, codec, has_end=False)


def metered(chunks: Iterable[bytes], *, packed_bytes: int, limits: Limits, budget: Budget) -> Iterator[bytes]:
    """The same chunks, counted. Raises LimitError naming the bound as soon as one is passed."""
    budget.take_bytes(0, limits)  # what is used up already is not worth one step more
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limits.max_member_bytes:
            raise LimitError("max_member_bytes", allowed=limits.max_member_bytes, actual=total)
        if total > RATIO_FREE_BYTES and total > packed_bytes * limits.max_decode_ratio:
            raise LimitError("max_decode_ratio", allowed=limits.max_decode_ratio, actual=total // max(1, packed_bytes))
        budget.take_bytes(len(chunk), limits)
        yield chunk


def gathered(chunks: Iterable[bytes]) -> tuple[bytes, ContentError | None]:
    """Everything the chunks gave, and the error that ended them early if one did."""
    parts: list[bytes] = []
    try:
        parts.extend(chunks)
    except ContentError as error:
        return b"".join(parts), error
    return parts[0] if len(parts) == 1 else b"".join(parts), None
