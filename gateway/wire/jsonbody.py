"""JSON by content: its strings as text with their keys, and the files that its strings hold.

The reader looks at strings and brackets only, without recursion or tree, and so reads what any parser would: duplicate
keys, JSON lines, broken UTF-8, JSON inside strings. Source: RFC 8259.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from itertools import groupby
from json import detect_encoding
from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.limits import MIB, Limits
from gateway.parts import Piece
from gateway.wire.byte_arrays import byte_arrays
from gateway.wire.embedded import MIN_CHARS, Embedded, embedded_files, starts_as_known
from gateway.wire.json_escapes import undo_escapes, unescaped
from gateway.wire.names import decode_text, last_segment

if TYPE_CHECKING:
    from gateway.transfer import Buffer

MAX_KEY_BYTES = 64
"""How much of a key is set before each of its values; enough for a context word, little enough not to multiply."""
MAX_NAME_BYTES = 1024
"""Longest value taken for a file name."""
MAX_NAME_LEVELS = 2
"""How far outside its own object a file's name may stand: `{"name": …, "file": {"data": …}}`."""
VERBATIM_BYTES = 1024
"""Length from which a value that is a file and stands in the raw body as it is, is not repeated in the text."""
ROOMY_BYTES = 65_536
"""Text below which keys are always repeated; above it, only while the text is shorter than twice the body."""

_START = re.compile(rb"[ \t\r\n]*+[{\[]")
_STRING = re.compile(
    rb"""[^"]*+"([^"\\]*+)((?:\\.[^"\\]*+)*+)"[ \t\r\n]*+      # a string, and from its first escape on
    (:[ \t\r\n]*+([-+.0-9Ee]*+))?                              # for a key: the number it has
    """,
    re.VERBOSE | re.DOTALL,
)
_STRUCTURE = re.compile(rb"(?:[ \t\r\n,:\[\]{}0-9eE+.-]++|true|false|null|NaN|Infinity)*+")
_ENCODED_RUN = re.compile(rb"[A-Za-z0-9+/_=-]{64,}+")
_UNICODE_ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NAMES = {"filename": 0, "originalname": 0, "name": 1, "title": 2}
"""Key without `_` and `-`, lower case → how well it names a file beside it, 0 best."""
_FILE_WORDS = (
    "file",
    "content",
    "data",
    "base64",
    "b64",
    "attach",
    "bytes",
    "image",
    "media",
    "document",
    "raw",
    "body",
)


@dataclass(frozen=True, slots=True)
class JsonReading:
    """What was found in one JSON body."""

    pieces: tuple[Piece, ...]
    """One text piece (field `json`) when there is text, then the files."""
    is_sound: bool
    """Whether it is so near to JSON that no reader separates its strings otherwise."""
    name: str
    """The file name that its outermost object gives; empty when it gives none."""


def read_json(body: Buffer, *, limits: Limits, depth: int = 0) -> JsonReading | None:
    r"""The strings and files of `body`; None when it does not start as a JSON object or array.

    `depth`: strings around it that are JSON. Raises LimitError over `max_json_depth`, `max_depth` for JSON in strings,
    and `max_fields` for strings that are files.

    >>> reading = read_json(b'{"to": "a", "n": 1}', limits=Limits())
    >>> reading.pieces[0].data, reading.is_sound
    (b'to: a\nn: 1\n', True)
    """
    view = _as_utf8(memoryview(body))
    if not _START.match(view):
        return None
    reader = _Reader(limits, max(ROOMY_BYTES, 2 * len(view)), is_verbatim=view.obj is memoryview(body).obj)
    is_sound = reader.read(view, depth)
    text = bytes(reader.text)
    if not is_sound and _UNICODE_ESCAPE.search(view):
        # Readers of looser dialects may separate the strings otherwise, so all of it is text.
        text += undo_escapes(bytes(view))
    pieces = [Piece(text, field="json", declared_type="text/plain")] if text else []
    return JsonReading((*pieces, *(found.piece() for found in reader.files)), is_sound, reader.root.name)


def _as_utf8(view: memoryview) -> memoryview:
    """The body without byte order mark, transcoded when it is UTF-16 or UTF-32 (which RFC 4627 allowed)."""
    encoding = detect_encoding(bytes(view[:4]))
    if encoding == "utf-8":
        return view
    if encoding == "utf-8-sig":
        return view[len(BOM_UTF8) :]
    return memoryview(str(view, encoding, "replace").encode("utf-8", "replace"))


@dataclass(slots=True)
class _File:
    """A file found in a string; its name may come later than itself."""

    data: bytes
    path: str
    declared_type: str
    is_file: bool
    name: str = ""
    levels: int = 0
    """Objects and arrays around it that have ended without naming it."""

    def piece(self) -> Piece:
        return Piece(self.data, self.name, self.path, self.declared_type, self.is_file)


@dataclass(slots=True)
class _Frame:
    """An object or array that is still open."""

    key: bytes = b""
    """The last key, cut to `MAX_KEY_BYTES`; an array has that of the object around it."""
    naming: int | None = None
    """Rank of the name that the next value gives."""
    name: str = ""
    rank: int = len(_NAMES)
    files: list[_File] = field(default_factory=list)
    """Found in it and still without a name."""


class _Reader:
    """Collects text and files of one body and of the JSON in its strings."""

    def __init__(self, limits: Limits, roomy_bytes: int, *, is_verbatim: bool) -> None:
        self.text = bytearray()
        self.files: list[_File] = []
        self.root = _Frame()
        self._limits = limits
        self._roomy_bytes = roomy_bytes
        self._is_verbatim = is_verbatim
        self._arrays: set[bytes] = set()
        self._frames = [self.root]

    def read(self, view: memoryview, depth: int) -> bool:
        """Reads one text of JSON; whether it is sound."""
        if depth > self._limits.max_depth:
            raise LimitError("max_depth", allowed=self._limits.max_depth, actual=depth)
        outer, position, is_sound = len(self._frames), 0, True
        self._frames.append(_Frame(self._frames[-1].key))
        # A list inside a string stands in the text around it, too.
        for data in dict.fromkeys(byte_arrays(view)).keys() - self._arrays:
            self._arrays.add(data)
            self._file(Embedded(data, "", is_certain=starts_as_known(data)))
        while match := _STRING.match(view, position):
            start, end = match.start(1), match.end(2)
            is_sound = self._structure(view, position, start - 1, outer, is_sound=is_sound)
            value: Buffer = view[start:end]
            if is_escaped := match.end(1) != end:
                value, is_proper = unescaped(view, start, end)
                is_sound = is_sound and is_proper
            if match.start(3) < 0:
                self._value(value, depth, is_verbatim=not is_escaped and not depth)
            else:
                self._key(bytes(value), match[4], is_escaped=is_escaped)
            position = match.end()
        is_sound = self._structure(view, position, len(view), outer, is_sound=is_sound)
        is_sound = is_sound and len(self._frames) == outer + 1
        while len(self._frames) > outer:
            self._close()
        return is_sound

    def _structure(self, view: memoryview, start: int, end: int, outer: int, *, is_sound: bool) -> bool:
        """Follows the brackets between two strings; whether all is still sound."""
        if not _STRUCTURE.fullmatch(view, start, end):
            is_sound = False
            # A reader of a looser dialect (other quotes, comments) may have its strings here.
            for run in _ENCODED_RUN.finditer(view, start, end):
                self._files(run[0])
        for at in range(start, end, MIB):
            for bracket in bytes(view[at : min(at + MIB, end)]).translate(None, _NOT_BRACKETS):
                if bracket in b"[{":
                    self._open(outer, is_sound=is_sound)
                elif len(self._frames) > outer + 1:
                    self._close()
                else:
                    is_sound = False
        return is_sound

    def _open(self, outer: int, *, is_sound: bool) -> None:
        depth = len(self._frames) - outer
        if depth <= self._limits.max_json_depth:
            self._frames.append(_Frame(self._frames[-1].key))
        elif is_sound:
            raise LimitError("max_json_depth", allowed=self._limits.max_json_depth, actual=depth)

    def _close(self) -> None:
        frame = self._frames.pop()
        if len(self._frames) == 2 and not self.root.name:
            self.root.name = frame.name
        for found in frame.files:
            found.levels += 1
            if frame.name:
                found.name = frame.name
                found.is_file = found.is_file or frame.rank == 0
            elif found.levels <= MAX_NAME_LEVELS:
                self._frames[-1].files.append(found)

    def _key(self, key: bytes, number: bytes, *, is_escaped: bool) -> None:
        frame = self._frames[-1]
        frame.key = key[:MAX_KEY_BYTES]
        frame.naming = _NAMES.get(_plain(frame.key))
        if number:
            self._write(number)
        if is_escaped or len(key) > MAX_KEY_BYTES:
            self.text += key + b"\n"

    def _value(self, value: Buffer, depth: int, *, is_verbatim: bool) -> None:
        frame = self._frames[-1]
        if frame.naming is not None and frame.naming < frame.rank and 0 < len(value) <= MAX_NAME_BYTES:
            frame.rank, frame.name = frame.naming, last_segment(decode_text(bytes(value)))
        frame.naming = None
        is_nested = bool(_START.match(value)) and self.read(memoryview(value), depth + 1)
        is_file = not is_nested and self._files(value)
        if not (is_file and is_verbatim and self._is_verbatim and len(value) >= VERBATIM_BYTES):
            self._write(value)

    def _write(self, value: Buffer) -> None:
        if not value:
            return
        key = self._frames[-1].key
        if key and len(self.text) < self._roomy_bytes:
            self.text += key + b": "
        self.text += value
        self.text += b"\n"

    def _files(self, value: Buffer) -> bool:
        """Keeps the files encoded in the string; whether one is certain."""
        is_certain = False
        if len(value) >= MIN_CHARS or bytes(value[:5]).lower() == b"data:":
            for found in embedded_files(value):
                self._file(found)
                is_certain = is_certain or found.is_certain
        return is_certain

    def _file(self, found: Embedded) -> None:
        if len(self.files) >= self._limits.max_fields:
            raise LimitError("max_fields", allowed=self._limits.max_fields, actual=len(self.files) + 1)
        frame = self._frames[-1]
        path = ".".join(decode_text(key) for key, _ in groupby(frame.key for frame in self._frames) if key)
        is_file = found.is_certain or any(word in _plain(frame.key) for word in _FILE_WORDS)
        self.files.append(_File(found.data, path, found.declared_type, is_file))
        frame.files.append(self.files[-1])


def _plain(key: bytes) -> str:
    return key.decode("latin-1").lower().replace("_", "").replace("-", "")
