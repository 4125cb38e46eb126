"""An urlencoded body: its fields, or the file that some clients send under that label.

Source: https://url.spec.whatwg.org/#urlencoded-parsing. slack_sdk posts raw file bytes labelled urlencoded.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.limits import MIB
from gateway.parts import Piece
from gateway.wire.charsets import transcoded
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

MAX_DOUBTFUL_BYTES = MIB
"""Longest body that is split into fields because of its label alone: beyond it the values are inspected in place."""
MIN_RUN_BYTES = 16
"""Shortest printable run in a binary body that is read as a form; random bytes have one in ten million."""

_FORM = re.compile(rb"[!-~]*+")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}[!-~]*+")
"""From the first escape of a run of printable characters to the end of the run."""
_LONG_VALUE = re.compile(rb"=[!-~]{64,}+")
"""The like for a value that may be an encoded file."""
_HIGH = re.compile(rb"[\x80-\xff]")
_NAMED = re.compile(rb"[!-<>-~]*+=")
_SEVEN_BITS = bytes(byte & 0x7F if 31 < byte & 0x7F < 127 or byte & 0x7F in b"\t\r\n" else 32 for byte in range(256))
"""ASCII without control characters, so that what is left of a binary file is text and never a broken archive."""
_PRINTABLE = re.compile(rb"[!-~]*+")


def is_plain_form(view: memoryview) -> bool:
    """Whether every reader takes the body for a form: printable ASCII, `=` near its start.

    >>> is_plain_form(memoryview(b"a=1&b=%20")), is_plain_form(memoryview(b"a note"))
    (True, False)
    """
    return _FORM.fullmatch(view) is not None and b"=" in bytes(view[:FIRST_NAME_BYTES])


def read_form(view: memoryview, *, limits: Limits, content: str = "", codec: str = "") -> Iterator[Piece]:
    """The fields of a body for which `is_plain_form` holds; `content` as in `read_request`, `codec` as `form_codec`.

    Raises LimitError over `max_fields`, and as `read_json` does for JSON in a field.
    """
    fields = [marked(_field(pair, codec, limits), content) for pair in form_pairs(view, limits.max_fields)]
    yield from field_pieces(fields, limits=limits)


def read_doubtful_form(
    view: memoryview, *, limits: Limits, is_labelled: bool = False, codec: str = ""
) -> Iterator[Piece]:
    """What a reader of forms would find in a body that is more likely something else, given out raw by the caller.

    Fields when there are few and no control characters, or when the label says form and the body is short; else all
    printable runs decoded as one text, and the files encoded in them. Nothing when decoding would change nothing.
    Raises LimitError as `read_form` does.
    """
    is_short_form = is_labelled and len(view) <= MAX_DOUBTFUL_BYTES and _starts_as_form(view)
    if not is_short_form and not _ESCAPED.search(view) and not _LONG_VALUE.search(view):
        return
    if is_short_form or not _CONTROL.search(view):
        try:
            pairs = form_pairs(view, MAX_DOUBTFUL_FIELDS)
        except LimitError:
            # A text with many `&`, not a body to refuse; the runs cover it.
            pass
        else:
            yield from field_pieces([_field(pair, codec, limits) for pair in pairs], limits=limits)
            return
    yield from _long_values(view, limits)
    yield from _escaped_text(view)


def read_seven_bits(view: memoryview, *, limits: Limits) -> Iterator[Piece]:
    """What a server reads of a body labelled a form when it takes the body for ASCII and drops the eighth bit.

    formidable does. Nothing when no byte has that bit, or when the body does not start with a name and `=`.
    """
    start = bytes(view[:FIRST_NAME_BYTES]).translate(_SEVEN_BITS)
    if not _HIGH.search(view) or b"=" not in start:
        return
    if len(view) > MAX_DOUBTFUL_BYTES and not _NAMED.match(start):
        # A file in disguise; without their eighth bit its bytes are only noise.
        return
    text = bytes(view).translate(_SEVEN_BITS)
    yield Piece(text, field="form", declared_type="text/plain")
    if _NAMED.match(start):
        yield from read_doubtful_form(memoryview(text), limits=limits, is_labelled=True)


def _starts_as_form(view: memoryview) -> bool:
    """Whether a name and `=` come first, or `=` at all in what is text: a file in disguise is not cut at its `&`."""
    start = bytes(view[:FIRST_NAME_BYTES])
    return _NAMED.match(start) is not None or (b"=" in start and not _CONTROL.search(view))


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


def _field(pair: memoryview, codec: str, limits: Limits) -> Field:
    name, text = decoded_pair(pair)
    labelled = transcoded(text, codec, limits=limits)
    # A plus that a careless client left unescaped is a blank in text but a digit in base64.
    value = pair[next(find_all(pair, b"="), len(pair)) + 1 :]
    inner = percent_decoded(value) if next(find_all(value, b"+"), None) is not None else text
    return Field(name, (text,) if labelled is None else (text, labelled), inner=inner)


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
