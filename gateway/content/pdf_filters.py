"""Streams of a PDF with their filters undone: what stands in them, wherever in the file they are (ISO 32000-2 §7.4)."""

from __future__ import annotations

import base64
import re
from binascii import unhexlify
from collections.abc import Callable, Iterator

from gateway.content.inflate import INPUT_BYTES, ZlibDecoder, gathered, metered
from gateway.content.reading import Source
from gateway.errors import ContentError, LimitError
from gateway.limits import MIB
from gateway.transfer import Buffer

MAX_FILTERS = 8
"""Most filters of one stream; writers use one or two."""
MAX_SLOW_BYTES = 16 * MIB
"""Most bytes of one stream given to the filters that are written in Python: LZW, RunLength, ASCII85 and predictors."""
PICTURE_FILTERS = frozenset({b"DCTDecode", b"DCT", b"JPXDecode", b"JBIG2Decode", b"CCITTFaxDecode", b"CCF"})
"""Filters that give pixels; what is in front of them is undone, they are not."""
_FILTER = re.compile(rb"/F(?:ilter)?[\x00\t\n\f\r ]*+(\[[^\]]{0,400}\]|/[^\x00\t\n\f\r /<>\[\]()%]{1,60})")
_NAME = re.compile(rb"/([^\x00\t\n\f\r /<>\[\]()%]{1,60})")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_NUMBER = {
    key: re.compile(rb"/%s[\x00\t\n\f\r ]{1,16}([0-9]{1,6})" % key)
    for key in (b"Predictor", b"Columns", b"Colors", b"BitsPerComponent", b"EarlyChange")
}
_NOT_HEXADECIMAL = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_NOT_ASCII85 = bytes(set(range(256)) - set(range(ord("!"), ord("u") + 1)) - {ord("z")})
_ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x48\x89", b"\x68\xde", b"\x58\x85")
_CLEAR, _END, _FIRST, _WIDEST = 256, 257, 258, 12


def plain_names(dictionary: bytes) -> bytes:
    """A dictionary with the escapes of its names undone: `/Fl#61teDecode` is `/FlateDecode` to every reader."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), dictionary) if b"#" in dictionary else dictionary


def filters(dictionary: bytes) -> list[bytes]:
    """Names of a stream's filters in order, empty when it has none or refers to them.

    >>> filters(b"<</Length 9/Filter[/ASCII85Decode /FlateDecode]>>")
    [b'ASCII85Decode', b'FlateDecode']
    >>> filters(b"<</Length 9>>")
    []
    """
    match = _FILTER.search(plain_names(dictionary))
    return _NAME.findall(match[1]) if match else []


def undone(raw: Buffer, dictionary: bytes, source: Source) -> tuple[bytes, list[bytes], LimitError | None]:
    """Content of a stream as far as it goes, the picture filters that are left, and the limit that ended it early.

    Damage is no problem: readers show what comes before it, and that is what comes out here.
    """
    names = filters(dictionary)
    if len(names) > MAX_FILTERS:
        return b"", [], LimitError("max_pdf_filters", allowed=MAX_FILTERS, actual=len(names))
    content = bytes(raw)
    if not names and content[:2] in _ZLIB_HEADS:  # the dictionary may refer to its filters
        inflated, _ = _flate(content, dictionary, source)
        return inflated or content, [], None
    for index, name in enumerate(names):
        if name in PICTURE_FILTERS:
            return content, names[index:], None
        undo = _UNDO.get(name)
        if undo is None:  # a filter that no reader knows, or one that changes nothing
            continue
        try:
            content, problem = undo(content, dictionary, source)
        except (ValueError, IndexError):
            return b"", [], None
        if isinstance(problem, LimitError):
            return content, [], problem
    return content, [], None


def _flate(raw: bytes, dictionary: bytes, source: Source) -> tuple[bytes, ContentError | None]:
    decoder = ZlibDecoder("pdf", 15)
    chunks = metered(decoder.chunks(raw), packed_bytes=len(raw), limits=source.limits, budget=source.budget)
    content, problem = gathered(chunks)
    return _unpredicted(content, dictionary), problem


def _slow(raw: bytes) -> None:
    if len(raw) > MAX_SLOW_BYTES:
        raise LimitError("max_pdf_slow_bytes", allowed=MAX_SLOW_BYTES, actual=len(raw))


def _counted(pieces: Iterator[bytes], raw: bytes, source: Source) -> tuple[bytes, ContentError | None]:
    """The pieces together, metered some at a time."""
    return gathered(metered(_grouped(pieces), packed_bytes=len(raw), limits=source.limits, budget=source.budget))


def _grouped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    group = bytearray()
    for piece in pieces:
        group += piece
        if len(group) >= INPUT_BYTES:
            yield bytes(group)
            group.clear()
    if group:
        yield bytes(group)


def _run_length(raw: bytes, _: bytes, source: Source) -> tuple[bytes, ContentError | None]:
    _slow(raw)
    return _counted(_runs(raw), raw, source)


def _runs(raw: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(raw) and raw[position] != 128:
        length = raw[position]
        if length < 128:
            yield raw[position + 1 : position + 2 + length]
            position += 2 + length
        else:
            yield raw[position + 1 : position + 2] * (257 - length)
            position += 2


def _ascii85(raw: bytes, _: bytes, __: Source) -> tuple[bytes, ContentError | None]:
    _slow(raw)
    digits = raw.strip().removeprefix(b"<~").partition(b"~")[0].translate(None, _NOT_ASCII85)
    return base64.a85decode(digits[: len(digits) - (len(digits) % 5 == 1 and b"z" not in digits)]), None


def _hexadecimal(raw: bytes, _: bytes, __: Source) -> tuple[bytes, ContentError | None]:
    digits = raw.partition(b">")[0].translate(None, _NOT_HEXADECIMAL)
    return unhexlify(digits + b"0" * (len(digits) % 2)), None


def _lzw(raw: bytes, dictionary: bytes, source: Source) -> tuple[bytes, ContentError | None]:
    _slow(raw)
    content, problem = _counted(_lzw_words(raw, _number(dictionary, b"EarlyChange", 1)), raw, source)
    return _unpredicted(content, dictionary), problem


def _lzw_words(raw: bytes, early: int) -> Iterator[bytes]:
    """What each code stands for; ends at the end code, at the end of the bytes or at a code that cannot be."""
    singles = [bytes([byte]) for byte in range(256)] + [b"", b""]
    table, width, before = list(singles), 9, b""
    bits = held = 0
    for byte in raw:
        bits, held = bits << 8 | byte, held + 8
        if held < width:
            continue
        held -= width
        code, bits = bits >> held, bits & ((1 << held) - 1)
        if code == _CLEAR:
            table, width, before = list(singles), 9, b""
            continue
        if code == _END or code > len(table):
            return
        word = table[code] if code < len(table) else before + before[:1]
        if before and len(table) < 1 << _WIDEST:
            table.append(before + word[:1])
        yield word
        before = word
        width = min(_WIDEST, max(9, (len(table) + early).bit_length()))


def _number(dictionary: bytes, key: bytes, default: int) -> int:
    match = _NUMBER[key].search(dictionary)
    return int(match[1]) if match else default


def _unpredicted(content: bytes, dictionary: bytes) -> bytes:
    """The content with a PNG predictor undone; as it is where there is none, or it is longer than is worth while."""
    if _number(dictionary, b"Predictor", 1) < 10 or len(content) > MAX_SLOW_BYTES:
        return content
    colors, bits = _number(dictionary, b"Colors", 1), _number(dictionary, b"BitsPerComponent", 8)
    width = max(1, (_number(dictionary, b"Columns", 1) * colors * bits + 7) // 8)
    step = max(1, colors * bits // 8)
    out, above = bytearray(), bytes(width)
    for start in range(0, len(content), width + 1):
        row = bytearray(content[start + 1 : start + 1 + width])
        _PREDICTORS.get(content[start], _as_is)(row, above, step)
        out += row
        above = bytes(row).ljust(width, b"\x00")
    return bytes(out)


def _as_is(_: bytearray, __: bytes, ___: int) -> None:
    """Row type 0, and those that do not exist."""


def _sub(row: bytearray, _: bytes, step: int) -> None:
    for index in range(step, len(row)):
        row[index] = row[index] + row[index - step] & 255


def _up(row: bytearray, above: bytes, _: int) -> None:
    row[:] = bytes([(one + other) & 255 for one, other in zip(row, above, strict=False)])


def _average(row: bytearray, above: bytes, step: int) -> None:
    for index in range(len(row)):
        left = row[index - step] if index >= step else 0
        row[index] = row[index] + (left + above[index]) // 2 & 255


def _paeth(row: bytearray, above: bytes, step: int) -> None:
    for index in range(len(row)):
        left, corner = (row[index - step], above[index - step]) if index >= step else (0, 0)
        guess = left + above[index] - corner
        near = min((left, above[index], corner), key=lambda each: abs(guess - each))
        row[index] = row[index] + near & 255


_PREDICTORS: dict[int, Callable[[bytearray, bytes, int], None]] = {1: _sub, 2: _up, 3: _average, 4: _paeth}
"""Row type → what undoes it in place, given the row above (PNG §9.2)."""
_UNDO: dict[bytes, Callable[[bytes, bytes, Source], tuple[bytes, ContentError | None]]] = {
    b"FlateDecode": _flate,
    b"Fl": _flate,
    b"LZWDecode": _lzw,
    b"LZW": _lzw,
    b"ASCII85Decode": _ascii85,
    b"A85": _ascii85,
    b"ASCIIHexDecode": _hexadecimal,
    b"AHx": _hexadecimal,
    b"RunLengthDecode": _run_length,
    b"RL": _run_length,
}
