"""Separated parts and form fields → pieces: what is a file, what it is called, what lies inside its text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.errors import MalformedError
from gateway.limits import KIB
from gateway.parts import Piece
from gateway.wire.embedded import MIN_CHARS, decode_base64, embedded_files
from gateway.wire.jsonbody import read_json
from gateway.wire.names import decode_text, last_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.limits import Limits
    from gateway.transfer import Buffer

MAX_TEXT_FIELD_BYTES = 64 * KIB
"""Longest value that is a plain field; a longer one without a file name is a file all the same."""
MAX_NAME_BYTES = KIB
"""Longest sibling value taken for a file name."""

NAME_FIELDS = ("file_name", "filename", "fileName", "name")
"""Fields that name the file beside them, best first (lark-oapi, wx.qq.com, OSS browser forms)."""
FILE_FIELDS = re.compile(r"file|media|data|upload|attach|document|photo|image|video|audio|voice|content", re.IGNORECASE)
"""Fields that carry files in the catalogue."""

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_TEXT_TYPES = re.compile(r"text/.+|application/(?:.+\+)?(?:json|xml)|application/x-www-form-urlencoded|multipart/.+")
_TELLING_NAME = re.compile(r"[^A-Za-z0-9_.\[\]:-]|[0-9]{6}|.{65}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """One value as the wire gives it, before its neighbours are known."""

    name: str
    """Form field; empty when the part has none."""
    readings: tuple[Buffer, ...]
    """The value as sent, then as its own transfer encoding or content encoding decodes it."""
    file_name: str | None = None
    """None when the client gave none; may be empty."""
    declared_type: str = ""
    is_file: bool = False
    """Whether the framing alone makes it a file."""
    is_container: bool = False
    """Whether it is separated further, so that files are in it and not it."""
    inner: Buffer | None = None
    """The value as files encoded in it are looked for; None for the last reading."""
    is_fragment: bool = False
    """Whether it is a slice of a file, as `Piece.is_fragment`."""


def field_pieces(fields: Sequence[Field], *, limits: Limits) -> Iterator[Piece]:
    """All pieces of the fields of one form, in their order; each field gives at least one.

    Raises LimitError as `read_json` does.
    """
    sibling_name = _sibling_name(fields, limits)
    for field in fields:
        is_file = is_presented = field.is_fragment or _is_presented(field)
        inside: tuple[Piece, ...] = ()
        if not is_presented and not field.is_container:
            inside = tuple(_inside(field, sibling_name, limits))
            is_file = not any(piece.is_file for piece in inside) and _is_likely(field, is_named=bool(sibling_name))
        name = (field.file_name or sibling_name or field.name) if is_file else ""
        for reading in field.readings:
            yield Piece(reading, name, field.name, field.declared_type, is_file, field.is_fragment)
        yield from inside
    yield from _names_piece(field.name for field in fields)


def marked(field: Field, content: str) -> Field:
    """The field, as a slice of a file when it is what `content` names: `field:NAME` or `base64:field:NAME`.

    Raises MalformedError when the slice is not the base64 that it must be.
    """
    if content == f"field:{field.name}":
        return replace(field, is_fragment=True)
    if content != f"base64:field:{field.name}":
        return field
    decoded = decode_base64(field.readings[0])
    if decoded is None:
        raise MalformedError("upload", "the piece of the file is not base64")
    return replace(field, readings=(decoded, *field.readings[1:]), is_fragment=True)


def is_binary(value: Buffer) -> bool:
    r"""Whether the first 4 KiB hold control characters that no text has.

    >>> is_binary(b"PK\x03\x04"), is_binary(b"a\tb")
    (True, False)
    """
    return _BINARY.search(value, 0, 4 * KIB) is not None


def _is_presented(field: Field) -> bool:
    """Whether the client says that it is a file: by a file name, a type that is no text, or the framing."""
    if field.is_file or field.file_name is not None:
        return True
    return bool(field.declared_type) and not _TEXT_TYPES.fullmatch(field.declared_type)


def _is_likely(field: Field, *, is_named: bool) -> bool:
    """Whether it looks like a file all the same: binary, long, or in the place of one beside a field that names it."""
    value = field.readings[0]
    if len(value) > MAX_TEXT_FIELD_BYTES or is_binary(value):
        return True
    return is_named and field.name not in NAME_FIELDS and bool(FILE_FIELDS.search(field.name))


def _sibling_name(fields: Sequence[Field], limits: Limits) -> str:
    """The file name that plain fields give, directly or in the JSON of one (`attributes`, a metadata part)."""
    plain = [
        field
        for field in fields
        if field.file_name is None and not field.is_fragment and 0 < len(field.readings[0]) <= MAX_TEXT_FIELD_BYTES
    ]
    for name in NAME_FIELDS:
        for field in plain:
            value = bytes(field.readings[-1])
            if field.name == name and len(value) <= MAX_NAME_BYTES and not is_binary(value):
                return last_segment(decode_text(value).strip())
    for field in plain:
        reading = read_json(field.readings[-1], limits=limits)
        if reading is not None and reading.is_sound and reading.name:
            return reading.name
    return ""


def _inside(field: Field, sibling_name: str, limits: Limits) -> Iterator[Piece]:
    """What the text of a plain field holds: JSON with its own strings and files, or an encoded file."""
    reading = read_json(field.readings[-1], limits=limits)
    if reading is not None:
        yield from reading.pieces
        return
    value = field.readings[-1] if field.inner is None else field.inner
    if len(value) >= MIN_CHARS or bytes(value[:5]).lower() == b"data:":
        for found in embedded_files(value):
            is_file = found.is_certain or bool(FILE_FIELDS.search(field.name))
            name = (sibling_name or field.name) if is_file else ""
            yield Piece(found.data, name, field.name, found.declared_type, is_file)


def _names_piece(names: Iterable[str]) -> Iterator[Piece]:
    """One text of the field names that could carry more than a name."""
    telling = [name for name in names if _TELLING_NAME.search(name)]
    if telling:
        yield Piece("\n".join(telling).encode(), field="names", declared_type="text/plain")
