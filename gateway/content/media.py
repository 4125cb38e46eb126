"""Words that pictures carry beside their pixels: PNG text chunks, JPEG comments, EXIF and XMP."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from gateway.content.reading import Reading, Source
from gateway.content.runs import text_runs
from gateway.errors import LimitError
from gateway.limits import MIB
from gateway.parts import Text
from gateway.transfer import Buffer

MAX_WORDS_BYTES = 4 * MIB
"""Most bytes of one chunk that are unpacked; a picture's own words are short."""
MAX_CHUNKS = 100_000
_JPEG_WORDY = {0xFE, *range(0xE1, 0xF0)}
"""Comment and application segments; the first one, JFIF, holds no words."""


def read_png(source: Source) -> Reading:
    """Words of a PNG (W3C PNG §11.3.3). The pixels are not read."""
    return _reading(_png_words(source), source)


def read_jpeg(source: Source) -> Reading:
    """Words of a JPEG (ITU-T T.81 §B.2.4). The pixels are not read."""
    return _reading(_jpeg_words(source.data), source)


def read_runs(source: Source) -> Reading:
    """Runs of characters in a binary format that stores its text plainly: EMF and WMF drawings, DWG."""
    return _reading(iter([text_runs(source.data)]), source)


def _reading(words: Iterator[str], source: Source) -> Reading:
    """One text of all words. Raises LimitError."""
    kept: list[str] = []
    chars = 0
    for each in words:
        chars += len(each)
        if chars > source.limits.max_text_chars:
            raise LimitError("max_text_chars", allowed=source.limits.max_text_chars, actual=chars)
        kept.append(each)
    joined = "\n".join(each for each in kept if each)
    return Reading(texts=(Text(joined, "metadata"),) if joined else ())


def _png_words(source: Source) -> Iterator[str]:
    data, position = source.data, 8
    for _ in range(MAX_CHUNKS):
        header = bytes(data[position : position + 8])
        if len(header) < 8 or header[4:] == b"IEND":
            return
        length = int.from_bytes(header[:4], "big")
        if header[4:] in {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}:
            yield _png_text(header[4:], bytes(data[position + 8 : position + 8 + min(length, MAX_WORDS_BYTES)]), source)
        position += 12 + length


def _png_text(kind: bytes, content: bytes, source: Source) -> str:
    if kind == b"eXIf":
        return text_runs(content)
    keyword, _, rest = content.partition(b"\x00")
    if kind == b"zTXt":
        rest = _inflated(rest[1:], source)
    elif kind == b"iTXt":
        packed, rest = rest[:1] == b"\x01", rest[2:]
        language, _, rest = rest.partition(b"\x00")
        translated, _, rest = rest.partition(b"\x00")
        keyword = b" ".join((keyword, language, translated))
        rest = _inflated(rest, source) if packed else rest
    return f"{keyword.decode('utf-8', 'replace')}: {rest.decode('utf-8', 'replace')}"


def _inflated(packed: bytes, source: Source) -> bytes:
    """The words, or the packed bytes when they are damaged. Raises LimitError."""
    try:
        words = zlib.decompressobj().decompress(packed, MAX_WORDS_BYTES)
    except zlib.error:
        return packed
    source.budget.take_bytes(len(words), source.limits)
    return words


def _jpeg_words(data: Buffer) -> Iterator[str]:
    position = 2
    for _ in range(MAX_CHUNKS):
        header = bytes(data[position : position + 4])
        # the scan ends the segments; what looks like one after it is pixels
        if len(header) < 4 or header[0] != 0xFF or header[1] in {0xDA, 0xD9}:
            return
        length = int.from_bytes(header[2:], "big")
        if header[1] in _JPEG_WORDY:
            content = bytes(data[position + 4 : position + 2 + length])
            is_utf8 = content.startswith((b"http://ns.adobe.com/", b"Exif")) or header[1] == 0xFE
            if is_utf8 and not content.startswith(b"Exif"):
                yield content.decode("utf-8", "replace")
            yield text_runs(content)
        position += 2 + max(2, length)
