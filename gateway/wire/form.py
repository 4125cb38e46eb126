"""An urlencoded body: its fields, or the file that some clients send under that label.

Source: https://url.spec.whatwg.org/#urlencoded-parsing. slack_sdk posts raw file bytes labelled urlencoded.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.parts import Piece
from gateway.wire.embedded import MIN_CHARS, Embedded, embedded_files
from gateway.wire.fields import Field, field_pieces, is_binary, marked
from gateway.wire.names import decode_text
from gateway.wire.percent import percent_decoded
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

MIN_RUN_BYTES = 16
"""Shortest printable run in a binary body that is read as a form; random bytes have one in ten million."""

_FORM = re.compile(rb"[!-~]*+")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}[!-~]*+")
"""From the first escape of a run of printable characters to the end of the run."""
_LONG_VALUE = re.compile(rb"=[!-~]{64,}+")
"""The like for a value that may be an encoded file."""
_PRINTABLE = re.compile(rb"[!-~]*+")


def is_plain_form(view: memoryview) -> bool:
    """Whether every reader takes the body for a form: printable ASCII, `=` near its start.

    >>> is_plain_form(memoryview(b"a=1&b=%20")), is_plain_form(memoryview(b"a note"))
    (True, False)
    """
    return _FORM.fullmatch(view) is not None and b"=" in bytes(view[:FIRST_NAME_BYTES])


def read_form(view: memoryview, *, limits: Limits, content: str = "") -> Iterator[Piece]:
    """The fields of a body for which `is_plain_form` holds; `content` as in `read_request`.

    Raises LimitError over `max_fields`, and as `read_json` does for JSON in a field.
    """
    fields = [marked(_field(pair), content) for pair in form_pairs(view, limits.max_fields)]
    yield from field_pieces(fields, limits=limits)


def read_doubtful_form(view: memoryview, *, limits: Limits) -> Iterator[Piece]:
    """What a reader of forms would find in a body that is more likely something else, given out raw by the caller.

    Fields when there are few and no control characters; else all printable runs decoded as one text, and the files
    encoded in them. Nothing when decoding would change nothing. Raises LimitError as `read_form` does.
    """
    if not _ESCAPED.search(view) and not _LONG_VALUE.search(view):
        return
    if not _CONTROL.search(view):
        try:
            pairs = form_pairs(view, MAX_DOUBTFUL_FIELDS)
        except LimitError:
            # A text with many `&`, not a body to refuse; the runs cover it.
            pass
        else:
            yield from field_pieces([_field(pair) for pair in pairs], limits=limits)
            return
    yield from _long_values(view, limits)
    yield from _escaped_text(view)


def form_pairs(view: memoryview, max_fields: int) -> list[memoryview]:
    """The `name=value` of a form, still encoded; raises LimitError when they are more than `max_fields`."""
    pairs: list[memoryview] = []
    start = 0
    for end in chain(find_all(view, b"&"), [len(view)]):
        if end > start:
            if len(pairs) >= max_fields:
                raise LimitError("max_fields", allowed=max_fields, actual=len(pairs) + 1)
            pairs.append(view[start:end])
        start = end + 1
    return pairs


def decoded_pair(pair: memoryview) -> tuple[str, bytes]:
    """Name and value of one of them, as every server has them."""
    equals = next(find_all(pair, b"="), len(pair))
    name = decode_text(percent_decoded(pair[:equals], plus_is_blank=True))
    return name, percent_decoded(pair[equals + 1 :], plus_is_blank=True)


def _field(pair: memoryview) -> Field:
    name, text = decoded_pair(pair)
    # A plus that a careless client left unescaped is a blank in text but a digit in base64.
    value = pair[next(find_all(pair, b"="), len(pair)) + 1 :]
    inner = percent_decoded(value) if next(find_all(value, b"+"), None) is not None else text
    return Field(name, (text,), inner=inner)


def _escaped_text(view: memoryview) -> Iterator[Piece]:
    """One text of all printable runs with an escape in them, but those too short to be anything but chance."""
    text = bytearray()
    end = 0
    for match in _ESCAPED.finditer(view):
        run = _printable_before(view, end, match.start()) + match[0]
        end = match.end()
        if len(run) >= MIN_RUN_BYTES:
            text += percent_decoded(run, plus_is_blank=True) + b"\n"
    if text:
        yield Piece(bytes(text), field="form", declared_type="text/plain")


def _long_values(view: memoryview, limits: Limits) -> Iterator[Piece]:
    """The files encoded in long values, wherever they stand."""
    count = end = 0
    for match in _LONG_VALUE.finditer(view):
        run = _printable_before(view, end, match.start()) + match[0]
        end = match.end()
        for pair in run.split(b"&"):
            name, _, value = pair.partition(b"=")
            for found in _encoded_files(value):
                count += 1
                if count > limits.max_fields:
                    raise LimitError("max_fields", allowed=limits.max_fields, actual=count)
                field = decode_text(percent_decoded(name, plus_is_blank=True))
                yield Piece(found.data, field, field, found.declared_type, found.is_certain)


def _encoded_files(value: bytes) -> Iterator[Embedded]:
    if len(value) < MIN_CHARS:
        return
    decoded = percent_decoded(value)
    if is_binary(decoded):
        yield Embedded(decoded, "", is_certain=True)
    else:
        yield from embedded_files(decoded)


def _printable_before(view: memoryview, start: int, end: int) -> bytes:
    """The printable characters just before `end`, as far back as `start` and as a field's name is long."""
    backwards = bytes(view[max(start, end - FIRST_NAME_BYTES) : end])[::-1]
    match = _PRINTABLE.match(backwards)
    return match[0][::-1] if match else b""
