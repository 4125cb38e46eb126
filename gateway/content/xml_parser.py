"""expat with the doors shut: no entity declarations, no external subset, encodings of Asia recoded."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from xml.parsers import expat

from gateway.errors import MalformedError

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s{0,8}=\s{0,8}["']([A-Za-z0-9._-]{1,40})["']""")
_RECODED = {"gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-kr"}
"""Encodings that expat lacks and documents made in Asia may have."""

type OnStart = Callable[[str, list[str]], None]
"""Qualified name, then attributes as name, value, name, value …"""
type OnWords = Callable[[str], None]


class XmlParser:
    """One well-formed document in, calls out. Handlers may raise; ContentErrors pass through `feed` unchanged."""

    def __init__(self, on_start: OnStart, on_end: OnWords, on_characters: OnWords, on_comment: OnWords) -> None:
        self._on_start, self._on_end = on_start, on_end
        self._on_characters, self._on_comment = on_characters, on_comment
        self._decoder: codecs.IncrementalDecoder | None = None
        self._parser: expat.XMLParserType | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises MalformedError or LimitError."""
        self._run(chunk, final=False)

    def close(self) -> None:
        """Say that nothing more comes. Raises MalformedError when the document is not complete."""
        self._run(b"", final=True)

    def _run(self, chunk: bytes, *, final: bool) -> None:
        parser = self._parser or self._open(chunk)
        if self._decoder:
            chunk = self._decoder.decode(chunk, final).encode()
        try:
            parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise MalformedError("xml", expat.ErrorString(error.code) or "not well-formed") from None
        except (LookupError, ValueError):
            raise MalformedError("xml", "its encoding is not known") from None

    def _open(self, head: bytes) -> expat.XMLParserType:
        declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
        encoding = declared[1].decode().lower() if declared else ""
        if encoding in _RECODED:
            self._decoder = codecs.getincrementaldecoder("gb18030" if encoding.startswith("gb") else encoding)(
                "replace"
            )
        parser = expat.ParserCreate("utf-8" if self._decoder else None)
        parser.StartElementHandler, parser.EndElementHandler = self._on_start, self._on_end
        parser.buffer_text = True
        parser.buffer_size = 64 * 1024
        parser.ordered_attributes = True
        parser.CharacterDataHandler, parser.CommentHandler = self._on_characters, self._on_comment
        on_comment = self._on_comment
        parser.ProcessingInstructionHandler = lambda target, words: on_comment(f"{target} {words}")
        parser.StartDoctypeDeclHandler = lambda *told: on_comment(" ".join(str(each) for each in told[:3] if each))
        parser.EntityDeclHandler = _refuse_entity
        self._parser = parser
        return parser


def _refuse_entity(*_: object) -> None:
    # no document format declares entities; whoever does wants them expanded
    raise MalformedError("xml", "an entity is declared")
