"""Folders of a 7z archive unpacked: a graph of coders turned into one stream of chunks, never held as a whole.

Methods: Copy, LZMA, LZMA2, Deflate, BZip2, Zstandard, Delta, the branch filters of liblzma, BCJ2. PPMd is not among
them: its only library works with a thread, which the sandbox of the inspectors refuses. Source: Methods.txt, LZMA SDK.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from gateway.content.bcj2 import bcj2
from gateway.content.inflate import (
    ZSTD_INPUT_BYTES,
    Decoder,
    StreamDecoder,
    ZlibDecoder,
    ZstdDecoder,
    metered,
    pieces,
    raw_lzma,
    raw_lzma2,
)
from gateway.content.reading import Budget
from gateway.content.sevenzip_header import AES, WHAT, Coder, Folder, main_coder
from gateway.errors import ContentError, EncryptedError, MalformedError, UnsupportedError
from gateway.limits import KIB, Limits
from gateway.transfer import Buffer

COPY, DELTA, LZMA1, LZMA2 = b"\x00", b"\x03", bytes.fromhex("030101"), b"\x21"
BCJ2 = bytes.fromhex("0303011b")
DEFLATE, BZIP2, ZSTD = bytes.fromhex("040108"), bytes.fromhex("040202"), bytes.fromhex("04f71101")
BRANCHES = {
    bytes.fromhex("03030103"): lzma.FILTER_X86, b"\x04": lzma.FILTER_X86,
    bytes.fromhex("03030205"): lzma.FILTER_POWERPC, b"\x05": lzma.FILTER_POWERPC,
    bytes.fromhex("03030401"): lzma.FILTER_IA64, b"\x06": lzma.FILTER_IA64,
    bytes.fromhex("03030501"): lzma.FILTER_ARM, b"\x07": lzma.FILTER_ARM,
    bytes.fromhex("03030701"): lzma.FILTER_ARMTHUMB, b"\x08": lzma.FILTER_ARMTHUMB,
    bytes.fromhex("03030805"): lzma.FILTER_SPARC, b"\x09": lzma.FILTER_SPARC,
}  # fmt: skip
"""Methods that make jump targets absolute → the same in liblzma; each has an old and a new number."""
METHOD_NAMES = {
    bytes.fromhex("030401"): "PPMd",
    bytes.fromhex("040109"): "Deflate64",
    bytes.fromhex("04f71102"): "Brotli",
    bytes.fromhex("04f71104"): "LZ4",
    bytes.fromhex("04f71105"): "LZ5",
    bytes.fromhex("04f71106"): "Lizard",
    b"\x0a": "ARM64",
    b"\x0b": "RISC-V",
    b"\x02": "Swap2",
}
"""Methods that are known by name and not undone."""
TRIAL_BYTES = 16 * KIB
"""What has to come out of a packed stream for it to count as not encrypted."""
_STORED_BYTES = 64 * KIB
"""Longest stored chunk of LZMA2."""


def missing_method(folder: Folder) -> str:
    """Name of the first method in a folder that nobody here undoes; empty when all can be."""
    known = {AES, BCJ2, COPY, DELTA, LZMA1, LZMA2, DEFLATE, BZIP2, ZSTD, *BRANCHES}
    missing = [coder.method for coder in folder.coders if coder.method not in known]
    return METHOD_NAMES.get(missing[0], missing[0].hex()) if missing else ""


def opens_without_key(folder: Folder, packed: Sequence[Buffer], sizes: Sequence[int]) -> bool:
    """Whether the LZMA under a cipher unpacks as it lies there: then nothing is encrypted, the header lies.

    The start of ciphertext passes for LZMA once in some 100 000 archives, and is in all of them soon found damaged.
    """
    bare = [(number, coder) for number, coder in enumerate(folder.coders) if coder.method in {LZMA1, LZMA2}]
    if len(bare) != 1 or len(packed) != 1:
        return False
    number, coder = bare[0]
    wanted = min(sizes[number], TRIAL_BYTES)
    try:
        decode = _codec(coder.method, coder.properties, sizes[number])
        content = b"" if decode is None else next(decode([pieces(packed[0][: 4 * TRIAL_BYTES])]), b"")
    except ContentError:
        return False
    return 0 < wanted <= len(content)


class FolderReader:
    """Unpacks one folder; `packed` are its packed streams, in the order of `Folder.packed`."""

    def __init__(self, folder: Folder, packed: Sequence[Buffer], sizes: Sequence[int], limits: Limits) -> None:
        self.folder, self.packed, self.sizes, self.limits = folder, packed, sizes, limits
        self.packed_bytes = sum(len(each) for each in packed)
        self._opened: set[int] = set()

    def chunks(self, budget: Budget) -> Iterator[bytes]:
        """The content, of exactly the length the header says, counted against the limits.

        Raises EncryptedError, LimitError, MalformedError or UnsupportedError, also in the middle.
        """
        if method := missing_method(self.folder):
            raise UnsupportedError(f"application/x-7z-compressed; method={method}")
        return self._output(main_coder(self.folder), budget)

    def _output(self, number: int, budget: Budget) -> Iterator[bytes]:
        """What a coder gives."""
        if number in self._opened:
            raise MalformedError(WHAT, "the coders are connected in a ring")
        self._opened.add(number)
        coder, size = self.folder.coders[number], self.sizes[number]
        first = sum(each.inputs for each in self.folder.coders[:number])
        inputs = [self._input(index) for index in range(first, first + coder.inputs)]
        decode = _decoder(coder, size)
        chunks = exactly(decode(inputs), size)
        # a content longer than one member may be is no matter, the files in it are looked at one by one
        limits = self.limits if size <= self.limits.max_member_bytes else _for_folders(self.limits)
        return metered(chunks, packed_bytes=self.packed_bytes, limits=limits, budget=budget)

    def _input(self, index: int) -> Iterator[Buffer]:
        if index in self.folder.bonds:
            return self._output(self.folder.bonds[index], Budget())
        return pieces(self.packed[self.folder.packed.index(index)])


def _for_folders(limits: Limits) -> Limits:
    return replace(limits, max_member_bytes=1 << 62)  # the limit on all that is unpacked stands


def exactly(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The first `size` bytes. Raises MalformedError when there are fewer.

    >>> b"".join(exactly([b"ab", b"cd"], 3))
    b'abc'
    >>> list(exactly([b"ab"], 3))
    Traceback (most recent call last):
    gateway.errors.MalformedError: 7z: a stream ends too early
    """
    left = size
    for chunk in chunks:
        if len(chunk) >= left:
            if left:
                yield chunk[:left]
            return
        left -= len(chunk)
        yield chunk
    if left:
        raise MalformedError(WHAT, "a stream ends too early")


type _Inputs = Sequence[Iterator[Buffer]]
type _Decode = Callable[[_Inputs], Iterator[bytes]]


def _decoder(coder: Coder, size: int) -> _Decode:
    """What undoes a coder. Raises EncryptedError, UnsupportedError, or what the properties deserve."""
    method, properties = coder.method, coder.properties
    if method == AES:
        raise EncryptedError("7z-aes")
    if coder.inputs != (4 if method == BCJ2 else 1):
        raise MalformedError(WHAT, "a coder has the wrong number of streams")
    if method == BCJ2:
        return lambda inputs: _jumps_undone(inputs, size)
    if method == COPY:
        return lambda inputs: (bytes(piece) for piece in inputs[0])
    if method == ZSTD:
        return lambda inputs: _frames(inputs[0])
    decoder = _filter(method, properties) or _codec(method, properties, size)
    if decoder is None:
        raise MalformedError(WHAT, "impossible properties of a coder")
    return decoder


def _jumps_undone(inputs: _Inputs, size: int) -> Iterator[bytes]:
    main, calls, jumps, choices = (b"".join(each) for each in inputs)
    return bcj2(main, calls, jumps, choices, size)


def _codec(method: bytes, properties: bytes, size: int) -> _Decode | None:
    decoder: Decoder
    if method == LZMA1 and len(properties) == 5:
        decoder = raw_lzma(WHAT, properties, size)
    elif method == LZMA2 and len(properties) == 1:
        decoder = raw_lzma2(WHAT, properties, size)
    elif method == DEFLATE:
        decoder = ZlibDecoder(WHAT, -15)
    elif method == BZIP2:
        decoder = StreamDecoder(WHAT, bz2.BZ2Decompressor())
    else:
        return None
    return lambda inputs: decoder.pumped(inputs[0])


def _frames(packed: Iterable[Buffer]) -> Iterator[bytes]:
    """Zstandard frames in a row, as several threads write them."""
    rest = (small for piece in packed for small in pieces(piece, ZSTD_INPUT_BYTES))
    for piece in rest:
        stream: Iterator[Buffer] = chain([piece], rest)
        while True:
            decoder = ZstdDecoder(WHAT)
            yield from decoder.pumped(stream)
            if not decoder.unused:
                break
            stream = chain([decoder.unused], rest)


def _filter(method: bytes, properties: bytes) -> _Decode | None:
    """A filter of liblzma, which takes one only before a codec: so the bytes are stored in LZMA2 for it."""
    if method == DELTA and len(properties) == 1:
        links = {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}
    elif method in BRANCHES:
        links = {"id": BRANCHES[method]}
        if len(properties) == 4:
            links["start_offset"] = int.from_bytes(properties, "little")
    else:
        return None
    try:
        filters = [links, {"id": lzma.FILTER_LZMA2, "dict_size": _STORED_BYTES}]
        codec = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    except (lzma.LZMAError, ValueError) as error:
        raise MalformedError(WHAT, "impossible filter properties") from error
    return lambda inputs: StreamDecoder(WHAT, codec).pumped(_stored(inputs[0]))


def _stored(plain: Iterable[Buffer]) -> Iterator[bytes]:
    """The same bytes as LZMA2 that compresses nothing."""
    control = b"\x01"  # the first chunk starts a dictionary
    for piece in plain:
        for part in pieces(piece, _STORED_BYTES):
            yield control + (len(part) - 1).to_bytes(2, "big") + bytes(part)
            control = b"\x02"
    yield b"\x00"
