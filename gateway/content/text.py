"""Text of every plain kind: decoded, and once more as a reader would see it where markup or escapes hide it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.content.encodings import bom_encoding, encodings, looks_ebcdic, may_be_gb18030
from gateway.content.markup import strip_markup
from gateway.content.reading import Reading, Source
from gateway.content.windows import Windows, spans
from gateway.errors import LimitError
from gateway.parts import Text
from gateway.transfer import Buffer

MARKUP_TYPES = {"text/html", "application/xml", "image/svg+xml", "application/xhtml+xml"}
TEXT_APPLICATIONS = frozenset(
    [
        "application/json",
        "application/xml",
        "application/sql",
        "application/yaml",
        "application/javascript",
        "application/x-sh",
        "image/svg+xml",
        "image/vnd.dxf",
        "model/step",
        "model/iges",
    ]
)
"""Types outside `text/` that are text."""
_THREE_BYTES = re.compile("[\u0800-\U0010ffff]")
"""Characters that take three bytes or more in UTF-8; two can be chance."""
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SEVEN_BIT = (("~{", "hz"), ("\x1b$", "iso2022_jp_2"), ("\x1b$)", "iso2022_kr"))
"""Marks of encodings that hide Chinese, Japanese or Korean in ASCII bytes, and their codecs."""
_UTF7 = re.compile(r"(?:charset|encoding)\s{0,4}=\s{0,4}[\"']?(?:x-)?(?:unicode-1-1-)?utf-7", re.IGNORECASE)
DECLARED_CHARS = 1024
"""Where HTML, XML and mail say their encoding."""


def is_text_type(media_type: str) -> bool:
    """Whether a type is read as text.

    >>> is_text_type("text/csv"), is_text_type("image/png")
    (True, False)
    """
    return media_type.startswith("text/") or media_type in TEXT_APPLICATIONS or media_type.endswith(("+xml", "+json"))


def read_text(source: Source) -> Reading:
    """Reading of a text content: every plausible decoding, then the same without markup and escapes."""
    where = None if source.media_type in MARKUP_TYPES else spans(source.data)
    if where is not None and len(source.data) <= source.limits.max_text_chars:
        return Reading(texts=Windows(source.data, where, lambda data: _texts(data, source.media_type)))
    texts = _texts(source.data, source.media_type)
    longest = max(len(text.text) for text in texts)
    if longest > source.limits.max_text_chars:
        error = LimitError("max_text_chars", allowed=source.limits.max_text_chars, actual=longest)
        return Reading(opaque=error)
    return Reading(texts=texts)


def _texts(data: Buffer, media_type: str) -> tuple[Text, ...]:
    texts: list[Text] = []
    for decoded in _readings(data):
        texts.append(decoded)
        texts.extend(Text(visible, "visible") for visible in _views(decoded.text, media_type))
    return tuple(texts)


def decode(data: Buffer) -> tuple[str, ...]:
    """Every plausible reading of bytes that are text, the likeliest first, never empty.

    Bytes that fit no encoding come out as U+FFFD, so that one bad byte hides nothing around it.

    >>> decode("绝密".encode("utf-16"))
    ('绝密',)
    >>> decode(b"")
    ('',)
    """
    return tuple(reading.text for reading in _readings(data))


def _readings(data: Buffer) -> tuple[Text, ...]:
    encoding, skip = bom_encoding(data)
    if encoding:
        return (Text(str(data[skip:], encoding, "replace")),)
    if b"\x00" not in bytes(data[:4096]):
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError as error:
            whole = str(data[: error.start], "utf-8") if error.start >= len(data) - 3 else ""
            if _THREE_BYTES.search(whole):  # proven UTF-8, cut off inside its last character
                return (Text(whole + "\ufffd"),)
        else:
            readings = [Text(text, utf8=data), *_seven_bit(data, text)]
            if may_be_gb18030(data, text):
                readings.append(Text(str(data, "gb18030", "replace")))
            return _distinct(readings)
    mainframe = ["cp037"] if looks_ebcdic(data) else []
    return _distinct([Text(str(data, encoding, "replace")) for encoding in (*mainframe, *encodings(data))])


def _distinct(readings: list[Text]) -> tuple[Text, ...]:
    # hashing a text costs as much as decoding it, and nearly always there is only one
    return tuple(readings) if len(readings) == 1 else tuple(dict.fromkeys(readings))


def _seven_bit(data: Buffer, text: str) -> Iterator[Text]:
    if _UTF7.search(text, 0, DECLARED_CHARS):
        yield Text(str(data, "utf-7", "replace"))
    for mark, encoding in _SEVEN_BIT:
        if mark[0] in text and mark in text:  # one character is found ten times as fast as two
            yield Text(str(data, encoding, "replace"))


def _views(text: str, media_type: str) -> Iterator[str]:
    r"""What a reader sees of it beside its source: markup stripped, `\uXXXX` undone."""
    if media_type in MARKUP_TYPES:
        yield strip_markup(text)
    if "\\" in text and "\\u" in text:
        plain = unescape(text)
        if plain != text:
            yield plain


def unescape(text: str) -> str:
    r"""The text with `\uXXXX` undone, pairs of surrogates joined.

    >>> unescape("\\u7edd\\u5bc6")
    '绝密'
    >>> unescape("\\ux")
    '\\ux'
    """
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
