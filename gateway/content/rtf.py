"""Rich Text Format as text: escapes undone, cells as tabs, pictures and embedded objects as members.

Source: Rich Text Format Specification 1.9.1. Groups that a reader hides (fields, notes, deleted text) are text too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.content.reading import Member, Reading, Source
from gateway.errors import LimitError
from gateway.parts import Text

RTF_TYPE = "text/rtf"
_TOKEN = re.compile(
    r"(?P<bytes>(?:\\'[0-9a-fA-F]{2})+)"
    r"|\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?[0-9]{1,10})? ?"
    r"|\\(?P<symbol>[^a-zA-Z])"
    r"|(?P<brace>[{}])"
    r"|[\r\n]+"
    r"|(?P<text>[^\\{}\r\n]+)"
)
"""One pass, no going back: the alternatives differ in their first characters."""
_SEPARATORS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "nestrow": "\n", "cell": "\t", "nestcell": "\t",
    "tab": "\t", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
}  # fmt: skip
_SYMBOLS = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}
_CODE_PAGES = {"932": "cp932", "936": "gb18030", "949": "cp949", "950": "big5", "65001": "utf-8"}
_HEX_WORDS = {"pict", "objdata"}
"""Groups that hold a file in hexadecimal."""
MAX_GROUPS = 10_000
"""Deepest nesting of groups; Word stops at a few dozen."""


def read_rtf(source: Source) -> Reading:
    """Reading of a rich text: its source, its text as a person sees it, the files in it. Raises LimitError."""
    limits = source.limits
    raw = str(source.data, "latin-1")
    if len(raw) > limits.max_text_chars:
        raise LimitError("max_text_chars", allowed=limits.max_text_chars, actual=len(raw))
    rtf = _Rtf(raw)
    texts = [Text(raw), Text(rtf.text, "visible")]
    return Reading(tuple(text for text in texts if text.text), members=_members(rtf.files))


def _members(files: list[str]) -> Iterator[Member]:
    for number, digits in enumerate(files):
        yield Member(f"(object {number + 1})", bytes.fromhex(digits[: len(digits) // 2 * 2]))


class _Rtf:
    """Walks the tokens of one text once."""

    def __init__(self, raw: str) -> None:
        self._out: list[str] = []
        self._bytes = bytearray()
        """Characters of the code page that are not decoded yet; one may be split over two tokens."""
        self._code_page = "cp1252"
        self._fallback = 1
        """Characters after each `\\u` that stand in for it (`\\uc`)."""
        self._skip = 0
        self._groups: list[tuple[int, list[str] | None]] = []
        self._hex: list[str] | None = None
        """Digits of the file that this group holds, None in a group of text."""
        self.files: list[str] = []
        for token in _TOKEN.finditer(raw):
            self._take(token)
        self._flush()

    @property
    def text(self) -> str:
        """The text as a person sees it, hidden groups included."""
        return "".join(self._out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _take(self, token: re.Match[str]) -> None:
        kind, value = token.lastgroup, token[0]
        if kind == "bytes":
            skipped = min(self._skip, len(value) // 4)
            self._skip -= skipped
            self._bytes += bytes.fromhex(value[4 * skipped :].replace("\\'", ""))
        elif kind == "text":
            self._words(value)
        elif kind == "brace":
            self._brace(value)
        elif kind == "symbol":
            self._emit(_SYMBOLS.get(token["symbol"], ""))
        elif kind in {"word", "number"}:
            self._control(token["word"], token["number"] or "")

    def _words(self, words: str) -> None:
        if self._hex is not None:
            self._hex.append(words)
            return
        skipped = min(self._skip, len(words))
        self._skip -= skipped
        words = words[skipped:]
        if self._bytes and words:  # the second byte of a character may be written as it is
            try:
                self._bytes.decode(self._code_page)
            except UnicodeDecodeError:
                self._bytes += words[0].encode("latin-1")
                words = words[1:]
        self._emit(words)

    def _control(self, word: str, number: str) -> None:
        if word == "u" and number:
            self._emit(chr(int(number) & 0xFFFF))
            self._skip = self._fallback
        elif word == "uc" and number:
            self._fallback = min(int(number), 16) if int(number) > 0 else 0
        elif word == "ansicpg":
            self._code_page = _CODE_PAGES.get(number, "cp1252")
        elif word in _HEX_WORDS:
            self._hex = []
        elif word in _SEPARATORS:
            self._emit(_SEPARATORS[word])

    def _brace(self, brace: str) -> None:
        self._flush()
        self._skip = 0
        if brace == "{":
            if len(self._groups) >= MAX_GROUPS:
                raise LimitError("max_rtf_groups", allowed=MAX_GROUPS, actual=len(self._groups) + 1)
            self._groups.append((self._fallback, self._hex))
        elif self._groups:
            digits = re.sub("[^0-9a-fA-F]", "", "".join(self._hex or ()))
            fallback, outer = self._groups.pop()
            if digits and outer is not self._hex:
                self.files.append(digits)
            self._fallback, self._hex = fallback, outer

    def _emit(self, words: str) -> None:
        if words:
            self._flush()
            self._out.append(words)

    def _flush(self) -> None:
        if self._bytes:
            self._out.append(self._bytes.decode(self._code_page, "replace"))
            self._bytes.clear()
