"""Words in the syntax of a PDF: strings of any kind, and what else could hold a value (ISO 32000-2 §7.3)."""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterator

from gateway.content.markup import strip_markup
from gateway.content.runs import text_runs

_TOKEN = re.compile(
    rb"\((?P<literal>(?:[^()\\]++|\\.|\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+\))*+)\)"
    rb"|<(?P<hexadecimal>[0-9A-Fa-f\x00\t\n\f\r ]{2,}+)>"
    rb"|%(?P<comment>[^\r\n]{4,})"
    rb"|(?P<line>\bT[dDm*]|\bET)"
    rb"|(?P<word>[^\x00\t\n\f\r <>\[\](){}%/]{11,})",
    re.DOTALL,
)
"""One pass: strings (three levels of brackets, more come out as words), comments, ends of lines, and long words."""
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"", b"f": b"\n", b"\n": b"", b"\r": b"", b"\r\n": b""}
_CROSS_REFERENCE = re.compile(rb"[0-9]{10}[ \t]{1,4}[0-9]{5}[ \t]{1,4}[nf]")
_COORDINATE = re.compile(rb"[-+]?[0-9]{0,10}\.[0-9]*")
_SPACES = b"\x00\t\n\f\r "
_BOMS = ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"), (b"\xef\xbb\xbf", "utf-8"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_STRANGE = re.compile(r"[^\t\n\f\r -~\u00a0-\u00ff\u2010-\u2026\u3000-\u30ff\u4e00-\u9fa5\uff01-\uff5e]")
"""What is rare in writing; glyph numbers read as characters are full of it."""
MIN_CHARS = 2
"""Shortest string that says anything; texts are drawn letter by letter, but those are joined before they are judged."""
_SHOWS = re.compile(rb"[)>\]][\x00\t\n\f\r ]{0,4}(?:T[jJ]|['\"][\x00\t\n\f\r ])")
"""A string or an array of them, and an operator that draws it: in every stream that draws text."""


def draws_text(content: bytes) -> bool:
    """Whether a stream shows text, as contents of pages and forms do.

    >>> draws_text(b"BT (a) Tj ET"), draws_text(b"0 0 9 9 re f")
    (True, False)
    """
    return _SHOWS.search(content) is not None


def syntax_words(syntax: bytes, *, drawn: bool) -> Iterator[str]:
    r"""Each string, comment and long word of PDF syntax, decoded; nothing that is not writing.

    `drawn` joins the strings of one line of a content stream, which may be cut anywhere.

    >>> list(syntax_words(b"<</Title(a \\(b\\) c)/V<FEFF7EDD5BC6>/W 13800138000>>", drawn=False))
    ['a (b) c', '绝密', '13800138000']
    >>> list(syntax_words(b"BT [(138)-20(0013)]TJ (8000) Tj T* (next) Tj ET", drawn=True))
    ['13800138000', 'next']
    >>> list(syntax_words(b"1 0 0 1 72.1234567890 720 cm", drawn=False))
    []
    """
    pieces: list[bytes] = []
    for token in _TOKEN.finditer(syntax):
        kind, value = token.lastgroup, token[token.lastgroup or 0]
        if kind == "line":
            yield from string_texts(b"".join(pieces))
            pieces.clear()
        elif kind in {"literal", "hexadecimal"}:
            raw = _unescaped(value) if kind == "literal" else _unhexed(value)
            pieces.append(raw)
            if not drawn:
                yield from string_texts(raw)
                pieces.clear()
        elif kind == "comment" or not (_COORDINATE.fullmatch(value) or _is_key(syntax, token.start(), value)):
            yield from string_texts(value)
    yield from string_texts(b"".join(pieces))


def _is_key(syntax: bytes, start: int, word: bytes) -> bool:
    """Whether a word is a name of letters, as keys are."""
    return word.isalpha() and syntax[start - 1 : start] == b"/"


def without_table(syntax: bytes) -> bytes:
    """The syntax without cross-reference tables, which are nothing but digits."""
    return _CROSS_REFERENCE.sub(b"", syntax) if b"xref" in syntax else syntax


def _unescaped(literal: bytes) -> bytes:
    if b"\\" not in literal:
        return literal
    return _ESCAPE.sub(_escaped, literal)


def _escaped(match: re.Match[bytes]) -> bytes:
    value = match[1]
    return bytes([int(value, 8) & 255]) if value[0] in b"01234567" else _PLAIN.get(value, value)


def _unhexed(digits: bytes) -> bytes:
    digits = digits.translate(None, _SPACES)
    return unhexlify(digits + b"0" * (len(digits) % 2))


def string_texts(raw: bytes) -> Iterator[str]:
    r"""Every plausible reading of a string: byte order marks first, then UTF-8, GB18030 and UTF-16 without a mark.

    >>> list(string_texts(b"\x00\x31\x00\x33\x00\x38"))
    ['138']
    >>> list(string_texts(b"\x01\x02\x80\x91"))
    []
    """
    if len(raw) < MIN_CHARS:
        return
    for text in _readings(raw):
        if len(text) >= MIN_CHARS and not text.isspace():
            yield text
            if "<" in text and ">" in text:
                yield strip_markup(text)


def _readings(raw: bytes) -> Iterator[str]:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            yield raw[len(bom) :].decode(encoding, "replace")
            return
    if raw.isascii() and b"\x00" not in raw:  # ligatures of old fonts are controls
        yield _CONTROL.sub(" ", raw.decode("ascii"))
        return
    encodings = ("utf-8", "gb18030") if b"\x00" not in raw else ()
    for encoding in (*encodings, "utf-16-be", "utf-16-le"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _STRANGE.search(text):
            yield text
            return
    yield text_runs(raw)
