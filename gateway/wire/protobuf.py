"""Protocol Buffers without their schema: the texts of all fields, at every depth, and the files in their bytes fields.

Source: https://protobuf.dev/programming-guides/encoding/. A length-delimited field may be text, a message or bytes, and
only the schema tells; so what reads as text is text, what reads as a message is gone through too, and what does
neither is a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.limits import KIB
from gateway.parts import Piece
from gateway.wire.embedded import MIN_CHARS, embedded_files
from gateway.wire.jsonbody import read_json
from gateway.wire.names import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits

MAX_NESTING = 32
"""Deepest nesting of messages that is read; libraries stop at 100, real messages have a dozen."""
FIELDS_PER_LIMIT = 20
"""Fields of a message, as a multiple of `max_fields`: numbers count here, and a list of them has many."""
MIN_FILE_BYTES = 64
"""Shortest bytes field that is a file; ids and digests are shorter."""
MAX_TEXT_BYTES = 64 * KIB
"""Longest text that is a plain value; a longer one is a file all the same."""
MAX_SHRED_BYTES = 4
"""Longest value of a run of short ones that may be one text cut up."""
MIN_NUMBER, MAX_NUMBER = 10**10, 10**19
"""Numbers that may be a telephone, a card or an identity number."""

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TEXT = re.compile(
    rb"(?:[\t\n\r -~]++|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3})*+"
)
_FILE_NAME = re.compile(r"[^\r\n\t]{1,200}\.[A-Za-z0-9]{1,8}")
_VARINT, _LENGTH, _START_GROUP, _END_GROUP = 0, 2, 3, 4
_FIXED_BYTES = {1: 8, 5: 4}


class _BrokenError(Exception):
    """These bytes are no message."""


@dataclass(slots=True)
class Message:
    """What was found, in the order of the fields."""

    texts: list[bytes] = field(default_factory=list)
    files: list[tuple[memoryview, str]] = field(default_factory=list)
    """Bytes fields, each with the file name that stands beside it or around it."""
    numbers: list[int] = field(default_factory=list)


def read_protobuf(view: memoryview, *, limits: Limits) -> Message | None:
    r"""What `view` holds as one message; None when it is none.

    Raises LimitError over `MAX_NESTING`, or over `FIELDS_PER_LIMIT` times `max_fields`.

    >>> from gateway.limits import Limits
    >>> read_protobuf(memoryview(b"\x0a\x02hi\x12\x04\x0a\x02yo"), limits=Limits()).texts
    [b'hi', b'yo']
    >>> read_protobuf(memoryview(b"PK\x03\x04"), limits=Limits()) is None
    True
    """
    reader = _Reader(limits)
    try:
        reader.message(view, 0)
    except _BrokenError:
        return None
    return reader.found


def message_pieces(message: Message, where: str, *, limits: Limits) -> Iterator[Piece]:
    """The texts as one piece, then the files: bytes fields, long texts, and what texts hold encoded or as JSON.

    Raises LimitError as `read_json` does.
    """
    lines = [text for text in message.texts if len(text) <= MAX_TEXT_BYTES]
    lines += [str(number).encode() for number in message.numbers]
    if lines:
        yield Piece(b"\n".join([*lines, *_shreds(message.texts)]), field=where, declared_type="text/plain")
    for text in message.texts:
        if len(text) > MAX_TEXT_BYTES:
            yield Piece(text, field=where, is_file=True)
        if len(text) >= MIN_CHARS or text[:5].lower() == b"data:":
            for inside in embedded_files(text):
                yield Piece(inside.data, "", where, inside.declared_type, inside.is_certain)
        reading = read_json(text, limits=limits) if text[:1] in b"{[ \t\r\n" else None
        if reading is not None:
            yield from reading.pieces
    for data, name in message.files:
        yield Piece(data, name, where, "", is_file=True)


class _Reader:
    def __init__(self, limits: Limits) -> None:
        self.found = Message()
        self._max_fields = FIELDS_PER_LIMIT * limits.max_fields
        self._fields = 0

    def message(self, view: memoryview, depth: int) -> None:
        """Collects the fields of one message; raises _BrokenError when it is none, with nothing collected."""
        if depth > MAX_NESTING:
            raise LimitError("protobuf nesting", allowed=MAX_NESTING, actual=depth)
        found, files = self.found, len(self.found.files)
        before = (len(found.texts), files, len(found.numbers))
        name = ""
        try:
            for value in _fields(view):
                self._count()
                if isinstance(value, int):
                    if MIN_NUMBER <= value < MAX_NUMBER:
                        found.numbers.append(value)
                else:
                    name = self._delimited(value, depth) or name
        except _BrokenError:
            del found.texts[before[0] :], found.files[before[1] :], found.numbers[before[2] :]
            raise
        if name:
            found.files[files:] = [(data, own or name) for data, own in found.files[files:]]

    def _delimited(self, value: memoryview, depth: int) -> str:
        """Collects one length-delimited field; the file name that it is, if it is one."""
        found = self.found
        if is_text(value):
            text = bytes(value)
            if text:
                found.texts.append(text)
            # Printable bytes may be a message as well, but all that it holds lies inside this text.
            name = text.decode() if len(text) <= 255 else ""
            return last_segment(name) if _FILE_NAME.fullmatch(name) else ""
        before = len(found.texts) + len(found.files)
        is_message = self._try(value, depth)
        if len(value) >= MIN_FILE_BYTES and not (is_message and len(found.texts) + len(found.files) > before):
            found.files.append((value, ""))
        return ""

    def _try(self, value: memoryview, depth: int) -> bool:
        try:
            self.message(value, depth + 1)
        except _BrokenError:
            return False
        return True

    def _count(self) -> None:
        self._fields += 1
        if self._fields > self._max_fields:
            raise LimitError("protobuf fields", allowed=self._max_fields, actual=self._fields)


def is_text(value: memoryview) -> bool:
    r"""Whether the bytes are UTF-8 without control characters.

    >>> is_text(memoryview("合同\n".encode())), is_text(memoryview(b"\x08\x01"))
    (True, False)
    """
    return not _CONTROL.search(value[:KIB]) and _TEXT.fullmatch(value) is not None


def _fields(view: memoryview) -> Iterator[int | memoryview]:
    """Numbers and length-delimited values; the fields of groups among those around them. Raises _BrokenError."""
    position = 0
    groups: list[int] = []
    while position < len(view):
        tag, position = _varint(view, position)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise _BrokenError
        if kind == _VARINT:
            value, position = _varint(view, position)
            yield value
        elif kind == _START_GROUP and len(groups) < MAX_NESTING:
            groups.append(number)
        elif kind == _END_GROUP and groups and groups.pop() == number:
            continue
        else:
            length, position = (_FIXED_BYTES.get(kind, -1), position) if kind != _LENGTH else _varint(view, position)
            if length < 0 or position + length > len(view):
                raise _BrokenError
            data = view[position : position + length]
            position += length
            yield data if kind == _LENGTH else int.from_bytes(data, "little")
    if groups:
        raise _BrokenError


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    """Value and the position after it."""
    value = 0
    for shift, byte in enumerate(view[position : position + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, position + shift + 1
    raise _BrokenError


def _shreds(texts: list[bytes]) -> Iterator[bytes]:
    """Runs of very short texts as one line each: a value cut up over a repeated field."""
    run: list[bytes] = []
    for text in [*texts, b" " * (MAX_SHRED_BYTES + 1)]:
        if len(text) <= MAX_SHRED_BYTES:
            run.append(text)
        else:
            if len(run) >= MAX_SHRED_BYTES:
                yield b"".join(run)
            run = []
