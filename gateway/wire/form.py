"""An urlencoded body: its fields, or the file that some clients send under that label.

Source: https://url.spec.whatwg.org/#urlencoded-parsing. slack_sdk posts raw file bytes labelled urlencoded.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from gateway.errors import LimitError
from gateway.parts import Piece
from gateway.wire.embedded import MIN_CHARS, embedded_files
from gateway.wire.fields import MAX_NAME_BYTES, Field, field_pieces
from gateway.wire.names import decode_text
from gateway.wire.search import find_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits

FORM = "application/x-www-form-urlencoded"
"""The label."""
FIRST_NAME_BYTES = 256
"""Where a form has its first `=` at the latest; further on, it may well be a text."""
MAX_DOUBTFUL_FIELDS = 100
"""Most fields that a body is split into when it may as well be a file: each becomes a piece, and a text has many `&`."""

_FORM = re.compile(rb"[!-~]*+")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_RUN = re.compile(rb"[!-~]{16,}+")
"""Printable text without a space: in a binary body it is rare, and whatever a form could hide there stands in one."""
_ENCODED = re.compile(rb"%[0-9A-Fa-f]{2}|=[!-~]{64}")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")


def is_plain_form(view: memoryview) -> bool:
    """Whether every reader takes the body for a form: printable ASCII, `=` near its start.

    >>> is_plain_form(memoryview(b"a=1&b=%20")), is_plain_form(memoryview(b"a note"))
    (True, False)
    """
    return _FORM.fullmatch(view) is not None and b"=" in bytes(view[:FIRST_NAME_BYTES])


def read_form(view: memoryview, *, limits: Limits) -> Iterator[Piece]:
    """The fields of a body for which `is_plain_form` holds.

    Raises LimitError over `max_fields`, and as `read_json` does for JSON in a field.
    """
    yield from field_pieces([_field(pair) for pair in _pairs(view, limits.max_fields)], limits=limits)


def read_doubtful_form(view: memoryview, *, limits: Limits) -> Iterator[Piece]:
    """What a reader of forms would find in a body that is more likely something else, given out raw by the caller.

    Fields when there are few and no control characters; else all printable runs decoded as one text, and the files
    encoded in them. Nothing when decoding would change nothing. Raises LimitError as `read_form` does.
    """
    if not _ENCODED.search(view):
        return
    if not _CONTROL.search(view):
        try:
            pairs = _pairs(view, MAX_DOUBTFUL_FIELDS)
        except LimitError:
            # A text with many `&`, not a body to refuse; the runs cover it.
            pass
        else:
            yield from field_pieces([_field(pair) for pair in pairs], limits=limits)
            return
    yield from _runs(view, limits)


def _pairs(view: memoryview, max_fields: int) -> list[bytes]:
    pairs: list[bytes] = []
    start = 0
    for end in chain(find_all(view, b"&"), [len(view)]):
        if end > start:
            if len(pairs) >= max_fields:
                raise LimitError("max_fields", allowed=max_fields, actual=len(pairs) + 1)
            pairs.append(bytes(view[start:end]))
        start = end + 1
    return pairs


def _field(pair: bytes) -> Field:
    name, _, value = pair.partition(b"=")
    text = _decoded(value)
    # A plus that a careless client left unescaped is a blank in text but a digit in base64.
    inner = unquote_to_bytes(value) if b"+" in value else text
    return Field(decode_text(_decoded(name)), (text,), inner=inner)


def _decoded(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _runs(view: memoryview, limits: Limits) -> Iterator[Piece]:
    text = bytearray()
    count = 0
    for run in _RUN.finditer(view):
        raw = run[0]
        if _ESCAPE.search(raw):
            text += _decoded(raw) + b"\n"
        for pair in raw.split(b"&"):
            name, _, value = pair.partition(b"=")
            for found in embedded_files(unquote_to_bytes(value)) if len(value) >= MIN_CHARS else ():
                count += 1
                if count > limits.max_fields:
                    raise LimitError("max_fields", allowed=limits.max_fields, actual=count)
                field = decode_text(_decoded(name[-MAX_NAME_BYTES:]))
                yield Piece(found.data, field, field, found.declared_type, found.is_certain)
    if text:
        yield Piece(bytes(text), field="form", declared_type="text/plain")
