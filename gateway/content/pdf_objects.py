"""Every object of a PDF in one linear walk, whether the document refers to it or not.

What pdfium shows is the newest revision. Here are older ones, unused objects, scripts, metadata, XML forms and names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.content import magics
from gateway.content.pdf_filters import plain_names
from gateway.content.pdf_streams import Found, StreamReader
from gateway.content.pdf_syntax import without_table
from gateway.content.reading import Member, Source
from gateway.errors import ContentError, LimitError
from gateway.limits import MIB

MAX_STREAMS = 100_000
"""Most streams of one document; a book of 2000 pages has some 10 000."""
MAX_OBJECTS = 1_000_000
"""Most objects of one document."""
_DICTIONARY_BYTES = 64 * 1024
"""Longest dictionary that is looked at."""
_BODY_BYTES = 16 * 1024
"""Longest beginning of an object that is looked at for being a page."""
_SPACE = rb"[\x00\t\n\f\r ]"
_PLACE = re.compile(
    rb"(?<![0-9])(?P<number>[0-9]{1,10})"
    + _SPACE
    + rb"{1,8}(?P<generation>[0-9]{1,5})"
    + _SPACE
    + rb"{1,8}obj(?![a-z])"
    rb"|(?<!end)stream(?:\r\n|\n|\r)"
)
_LENGTH = re.compile(
    rb"/Length" + _SPACE + rb"{1,8}([0-9]{1,10})(?!" + _SPACE + rb"{1,8}[0-9]{1,5}" + _SPACE + rb"{1,8}R)"
)
_ENDS = re.compile(_SPACE + rb"{0,4}endstream")
_COUNT = re.compile(rb"/N" + _SPACE + rb"{1,8}([0-9]{1,7})")
_FIRST = re.compile(rb"/First" + _SPACE + rb"{1,8}([0-9]{1,9})")
_PAGE = re.compile(rb"/Type" + _SPACE + rb"{0,8}/Page(?![A-Za-z])")
_PACKED = re.compile(rb"/Type" + _SPACE + rb"{0,8}/ObjStm(?![A-Za-z])")
_CONTENTS = re.compile(rb"/Contents" + _SPACE + rb"{0,8}\[?([0-9 \tR\r\n]{1,4000})")
_ARRAY = re.compile(_SPACE + rb"{0,8}\[([0-9 \tR\r\n]{1,4000})\]")
_REFERENCE = re.compile(rb"([0-9]{1,10})" + _SPACE + rb"{1,8}[0-9]{1,5}" + _SPACE + rb"{1,8}R")
_FOREIGN = re.compile(rb"PK\x03\x04|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\xd0\xcf\x11\xe0\xa1\xb1|\xfd7zXZ\x00")
"""How archives open; none of them has a place between objects."""
_PDF, _END, _STREAM_END = b"%PDF-", b"%%EOF", b"endstream"


class Object(NamedTuple):
    """One definition of an object; a number may be defined again further on."""

    number: int
    generation: int
    start: int
    """Offset of its number, or of the stream that it is packed in."""
    is_packed: bool
    is_page: bool
    contents: tuple[int, ...]
    """Numbers of the objects that draw it, if it is a page; of its items, if it is nothing but an array of objects."""


class _Drawn(NamedTuple):
    number: int
    """Of the object that the stream belongs to."""
    dictionary: bytes
    start: int
    stop: int


@dataclass(slots=True)
class Walk:
    """What one walk found."""

    found: Found
    objects: list[Object] = field(default_factory=list)
    """In the order of the file."""


def walk(content: bytes, source: Source) -> Walk:
    """Everything in the objects of `content`, a PDF that is not encrypted. Never raises a ContentError."""
    walker = _Walker(content, source)
    try:
        walker.run()
    except ContentError as error:
        walker.reader.found.problem = error
    return Walk(walker.reader.found, walker.objects)


class _Walker:
    """One pass over the bytes; streams are jumped over unless they hold objects themselves."""

    def __init__(self, content: bytes, source: Source) -> None:
        self.content, self.source = content, source
        self.reader = StreamReader(source)
        self.objects: list[Object] = []
        self.drawn: list[_Drawn] = []
        """Streams that draw text, which wait until it is known whether a page shows them."""
        self.packed_bytes = self.streams = self.next_end = 0

    def run(self) -> None:
        """Walk. Raises LimitError."""
        content = self.content
        end = content.rfind(_END)
        position = header = number = syntax_start = 0
        while match := _PLACE.search(content, position):
            position = match.end()
            if match["number"]:
                header, number = match.start(), int(match["number"])
                self._define(match)
                continue
            self._syntax(syntax_start, match.start(), end)
            dictionary = plain_names(
                content[max(header, syntax_start, match.start() - _DICTIONARY_BYTES) : match.start()]
            )
            stop, after = self._stream_end(dictionary, position)
            self._stream(_Drawn(number, dictionary, position, stop))
            # what has objects in it may be a string that speaks of streams
            if content.startswith(_PDF, position) or content.find(b" obj", position, stop) < 0:
                position = after
            syntax_start = position
        self._syntax(syntax_start, len(content), end)
        self._read_unshown()

    def _stream_end(self, dictionary: bytes, start: int) -> tuple[int, int]:
        """Where a stream ends, and where the walk goes on; the length that is told counts if the end mark is there."""
        told = _LENGTH.search(dictionary)
        if told:
            stop = start + int(told[1])
            mark = _ENDS.match(self.content, stop) if stop <= len(self.content) else None
            if mark:
                return stop, mark.end()
        stop = self.content.find(_STREAM_END, start)
        return (len(self.content), len(self.content)) if stop < 0 else (stop, stop + len(_STREAM_END))

    def _define(self, match: re.Match[bytes]) -> None:
        if self.next_end < match.end():
            found = self.content.find(b"endobj", match.end())
            self.next_end = len(self.content) if found < 0 else found
        body = self.content[match.end() : min(self.next_end, match.end() + _BODY_BYTES)]
        self._object(int(match["number"]), int(match["generation"]), match.start(), body, is_packed=False)

    def _object(self, number: int, generation: int, start: int, body: bytes, *, is_packed: bool) -> None:
        if len(self.objects) >= MAX_OBJECTS:
            raise LimitError("max_pdf_objects", allowed=MAX_OBJECTS, actual=MAX_OBJECTS + 1)
        is_page = b"/Page" in body and _PAGE.search(body) is not None
        told = _CONTENTS.search(body) if is_page else _ARRAY.match(body)
        contents = tuple(int(each) for each in _REFERENCE.findall(told[1])) if told else ()
        self.objects.append(Object(number, generation, start, is_packed, is_page, contents))

    def _syntax(self, start: int, stop: int, end: int) -> None:
        """What stands between two streams."""
        syntax = self.content[start:stop]
        self.reader.words(without_table(syntax))
        foreign = _FOREIGN.search(syntax) if start < end else None  # what is behind the end is read by itself
        if foreign:
            name = f"(between objects at {start + foreign.start()})"
            self.reader.found.files.append(Member(name, syntax[foreign.start() :], media_type=magics.UNKNOWN))

    def _stream(self, stream: _Drawn) -> None:
        self.streams += 1
        if self.streams > MAX_STREAMS:
            raise LimitError("max_pdf_streams", allowed=MAX_STREAMS, actual=self.streams)
        self.packed_bytes += stream.stop - stream.start
        allowed = 2 * len(self.content) + MIB
        if self.packed_bytes > allowed:  # more than there is: they overlap
            raise LimitError("max_pdf_stream_bytes", allowed=allowed, actual=self.packed_bytes)
        content = self.reader.content(self.content[stream.start : stream.stop], stream.dictionary)
        if b"/ObjStm" in stream.dictionary and _PACKED.search(stream.dictionary):
            self._packed(content, stream)
        elif content and not self.reader.read(content, stream.dictionary, stream.start):
            self.drawn.append(stream)

    def _packed(self, content: bytes, stream: _Drawn) -> None:
        """The objects in an object stream (ISO 32000-2 §7.5.7)."""
        self.reader.words(content)
        count, first = _COUNT.search(stream.dictionary), _FIRST.search(stream.dictionary)
        if not (count and first):
            return
        start = int(first[1])
        numbers = [
            int(each) for each in content[:start].split()[: 2 * int(count[1])] if each.isdigit() and len(each) < 11
        ]
        places = [*numbers[1::2], len(content)]
        for index, number in enumerate(numbers[: 2 * len(places) - 2 : 2]):
            body = content[start + places[index] : start + places[index + 1]][:_DICTIONARY_BYTES]
            self._object(number, 0, stream.start, body, is_packed=True)

    def _read_unshown(self) -> None:
        """Words of the streams that no page of the newest revision draws; the others come from pdfium."""
        latest = {each.number: each for each in self.objects}
        shown = {number for each in latest.values() if each.is_page for number in each.contents}
        shown |= {number for array in shown & latest.keys() for number in latest[array].contents}
        for stream in self.drawn:
            place = latest.get(stream.number)
            if stream.number not in shown or place is None or self._is_superseded(stream, place):
                content = self.reader.content(self.content[stream.start : stream.stop], stream.dictionary)
                self.reader.words(content, drawn=True)

    @staticmethod
    def _is_superseded(stream: _Drawn, place: Object) -> bool:
        return place.start > stream.start
