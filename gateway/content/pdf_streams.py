"""What one stream of a PDF says: writing, drawn strings, a file of another type, or the words in a picture."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from gateway.content import magics
from gateway.content.encodings import is_textual
from gateway.content.markup import strip_markup
from gateway.content.media import read_jpeg
from gateway.content.pdf_filters import undone
from gateway.content.pdf_syntax import draws_text, syntax_words
from gateway.content.reading import Budget, Member, Source
from gateway.content.runs import text_runs
from gateway.content.text import decode
from gateway.errors import ContentError, LimitError
from gateway.limits import MIB

HEAD_BYTES = 1024
"""What tells pixels from writing, and drawings from text."""
MIN_HEAD_BYTES = 64
"""Shortest beginning of a picture that could be writing."""
MAX_BINARY_BYTES = 64 * MIB
"""Most bytes of a document's streams of no known kind; what has so many is no document."""
_SPACE = rb"[\x00\t\n\f\r ]"
_PICTURE = re.compile(rb"/Subtype" + _SPACE + rb"{0,8}/Image(?![A-Za-z])")
_FILE = re.compile(rb"/Type" + _SPACE + rb"{0,8}/EmbeddedFile(?![A-Za-z])")
_OPERAND = re.compile(rb"[-+]?[0-9]{0,10}\.?[0-9]*|/[A-Za-z0-9]{1,20}|\[\]")
_OPERATORS = frozenset(
    b"b B b* B* c cm d Do EMC f F f* g G gs h i j J k K l m M n q Q re rg RG ri s S sc SC v W W* y".split()
)
"""Operators that draw without text (ISO 32000-2, Annex A)."""
_MAPS = (b"begincmap", b"beginbfchar", b"beginbfrange")
"""What is in a map of characters, which is nothing but numbers."""
_FONT_HEADS = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf", b"\x01\x00\x04")
_TYPE1, _TYPE1_CIPHER = b"%!", b"eexec"
_PROFILE = slice(36, 40)
"""Where a colour profile says what it is (ICC.1, §7.2.11)."""
_HOLDERS = frozenset(kind for _, kind in magics.PREFIXES) - {"image/png", "image/gif", "image/jpeg"}
_JPEG = b"\xff\xd8"


@dataclass(slots=True)
class Found:
    """What a document says outside its pages."""

    words: dict[str, None] = field(default_factory=dict)
    """Strings, names and scripts, and what streams draw that no page shows; each once, in order."""
    texts: list[str] = field(default_factory=list)
    """Streams that are text: metadata, forms, scripts, files."""
    files: list[Member] = field(default_factory=list)
    """Streams of a type of their own."""
    problem: ContentError | None = None
    """The first limit that something was lost to."""


class StreamReader:
    """Reads the streams of one document into `found`. Every method raises LimitError when the texts are too long."""

    def __init__(self, source: Source) -> None:
        self.source, self.found = source, Found()
        self._chars = self._binary_bytes = 0

    def words(self, syntax: bytes, *, drawn: bool = False) -> None:
        """Take the strings and long words of PDF syntax."""
        words = self.found.words
        for text in syntax_words(syntax, drawn=drawn):
            if text not in words:
                self._count(text)
                words[text] = None

    def content(self, raw: bytes, dictionary: bytes) -> bytes:
        """The stream with its filters undone, empty for pictures, whose words are taken here."""
        if _PICTURE.search(dictionary) and not self._is_disguised(raw, dictionary):
            self._picture(raw)
            return b""
        content, left, problem = undone(raw, dictionary, self.source)
        self.found.problem = self.found.problem or problem
        if left:
            self._picture(content)
            return b""
        return content

    def read(self, content: bytes, dictionary: bytes, start: int) -> bool:
        """Take what a stream says; False for one that draws text, which may be on a page."""
        head = content[:HEAD_BYTES]
        if head.startswith(_FONT_HEADS) or head[_PROFILE] == b"acsp":
            return True
        if draws_text(content) and not _is_markup(content):
            return False
        if b"/EmbeddedFile" in dictionary and _FILE.search(dictionary):
            self.found.files.append(Member("(file)", content))
        elif magics.by_prefix(head) in _HOLDERS:
            self.found.files.append(Member(f"(stream at {start})", content))
        elif _is_drawing(head):
            self.words(content)
        elif is_textual(content):
            self._writing(content)
        elif head.startswith(_TYPE1) and _TYPE1_CIPHER in content:
            self.words(content.partition(_TYPE1_CIPHER)[0])
        else:
            self._binary(content)
        return True

    def _binary(self, content: bytes) -> None:
        """Runs of characters in a stream of no known kind."""
        self._binary_bytes += len(content)
        if self._binary_bytes > MAX_BINARY_BYTES:
            raise LimitError("max_pdf_binary_bytes", allowed=MAX_BINARY_BYTES, actual=self._binary_bytes)
        self._text(text_runs(content))

    def _is_disguised(self, raw: bytes, dictionary: bytes) -> bool:
        """Whether what is called a picture begins as writing, which no pixels do."""
        source = replace(self.source, budget=Budget())
        head, left, _ = undone(raw[: 4 * HEAD_BYTES], dictionary, source)
        head = head[:HEAD_BYTES]
        return not left and len(head) >= MIN_HEAD_BYTES and is_textual(head) and len(set(head)) > 8

    def _picture(self, raw: bytes) -> None:
        if raw.startswith(_JPEG):
            for text in read_jpeg(replace(self.source, data=raw)).texts:
                self._text(text.text)

    def _writing(self, content: bytes) -> None:
        for reading in decode(content):
            self._text(reading)
            if "<" in reading:
                self._text(strip_markup(reading))

    def _text(self, text: str) -> None:
        self._count(text)
        self.found.texts.append(text)

    def _count(self, text: str) -> None:
        self._chars += len(text)
        limits = self.source.limits
        if self._chars > limits.max_text_chars:
            raise LimitError("max_text_chars", allowed=limits.max_text_chars, actual=self._chars)


def _is_markup(content: bytes) -> bool:
    opening = content[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")[:2]
    return opening[:1] == b"<" and opening != b"<<"


def _is_drawing(head: bytes) -> bool:
    """Whether a stream is a drawing or a map of characters: numbers that would only harm as text."""
    if any(mark in head for mark in _MAPS):
        return True
    words = head.split()[:-1]
    operators = sum(word in _OPERATORS for word in words)
    numbers = sum(_OPERAND.fullmatch(word) is not None for word in words)
    return operators > 1 and (numbers + operators) * 10 >= len(words) * 9
