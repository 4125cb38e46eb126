"""Single facts out of a body: the values at places that the catalogue names, and the piece of a file that it carries.

A server that finds a key twice picks the first, the last or joins them, so what comes twice is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError
from gateway.limits import KIB, MIB
from gateway.wire.aws_chunked import AWS_CHUNKED, is_streaming
from gateway.wire.embedded import decode_base64
from gateway.wire.encodings import undo_encodings
from gateway.wire.form import FORM, decoded_pair, form_pairs, is_plain_form
from gateway.wire.head import raw_bytes
from gateway.wire.multipart import split_multipart
from gateway.wire.names import decode_text, file_name
from gateway.wire.parameters import parse_parameters
from gateway.wire.places import MAX_FOUND, Place, Step, inside, parse_place, walk

if TYPE_CHECKING:
    from gateway.limits import Limits
    from gateway.transfer import Buffer, Request

MAX_VALUE_BYTES = 4 * KIB
"""Longest value: a signed URL has about 2 KiB."""
MAX_JSON_BYTES = 192 * MIB
"""Largest JSON that is read for its values; one with a piece of a file in base64 has a few MiB, a whole file more."""
MAX_FIELD_JSON_BYTES = MIB
"""Largest form field that is read as JSON; a list of a thousand digests has 40 KiB."""

_WHAT = "values"
_place = lru_cache(1024)(parse_place)
_NO_WORD = re.compile(r"[ .\[\]]")
_START = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?+[ \t\r\n\x00]*+[{\[]")
"""In any of the encodings that JSON may have."""


def read_values(
    request: Request, body: Buffer, places: Sequence[str], *, limits: Limits
) -> Mapping[str, tuple[str, ...]]:
    """Place → the values there, in order; a place where nothing is has no key, and places in the head are passed over.

    Raises MalformedError for a body whose reading is doubtful at a place, for a key or field that comes twice, and for
    a value over MAX_VALUE_BYTES; LimitError and UnsupportedError as `read_request` does.

    >>> from gateway.limits import Limits
    >>> from gateway.transfer import Request
    >>> dict(read_values(Request(), b'{"id": "7", "n": [1, 2]}', ["json:id", "json:n[]", "json:x"], limits=Limits()))
    {'json:id': ('7',), 'json:n[]': ('1', '2')}
    """
    wanted = {text: place for text in places if (place := _place(text)).in_body}
    if not wanted:
        return {}
    view = memoryview(undo_encodings(request.headers, body, limits=limits))
    reader = _Body(view, request.content_type, limits)
    found = {text: tuple(reader.values(place)) for text, place in wanted.items()}
    return {text: values for text, values in found.items() if values}


def content_of(body: Buffer, content: str, content_type: str, content_encoding: str, *, limits: Limits) -> Buffer:
    """The bytes of a file that the body carries at `content`; a slice of `body` where they stand there as they are.

    `content`: `body`, `field:NAME`, or `base64:` and a place. Raises MalformedError when they are not there exactly
    once, LimitError and UnsupportedError as `read_request` does.

    >>> from gateway.limits import Limits
    >>> bytes(content_of(b'{"data": "aGk="}', "base64:json:data", "", "", limits=Limits()))
    b'hi'
    """
    view = memoryview(undo_encodings({"content-encoding": content_encoding}, body, limits=limits))
    if content == "body":
        return view
    place = parse_place(content.removeprefix("base64:"))
    found = _Body(view, content_type, limits).contents(place)
    if len(found) != 1:
        raise MalformedError("upload", "the piece of the file is not there exactly once")
    if not content.startswith("base64:"):
        return found[0]
    decoded = decode_base64(found[0])
    if decoded is None:
        raise MalformedError("upload", "the piece of the file is not base64")
    return decoded


def codings_of(headers: Mapping[str, str]) -> str:
    """What `content_of` takes for `content_encoding`: the header, and `aws-chunked` where another header says so.

    >>> codings_of({"content-encoding": "gzip", "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
    'aws-chunked,gzip'
    """
    named = headers.get("content-encoding", "")
    if AWS_CHUNKED in named.lower() or not is_streaming(headers):
        return named
    return f"{AWS_CHUNKED},{named}".rstrip(",")


class _Body:
    """A body without its codings; each form of it is read once, when it is first asked for."""

    def __init__(self, view: memoryview, content_type: str, limits: Limits) -> None:
        self._view = view
        self._content_type = content_type
        self._limits = limits
        self._json: list[object] | None = None
        self._fields: list[tuple[str, Buffer]] | None = None

    def values(self, place: Place) -> list[str]:
        """The values at a place, each checked."""
        if not place.field:
            values = [value for top in self._tops() for value in _at(top, place.steps)]
        elif place.steps:
            values = [value for raw in self._one(place) for top in _parsed(raw) for value in _at(top, place.steps)]
        else:
            values = [decode_text(bytes(raw[: MAX_VALUE_BYTES + 1])) for raw in self._one(place)]
        if any(len(raw_bytes(value)) > MAX_VALUE_BYTES for value in values):
            raise MalformedError(_WHAT, "a value is too long")
        return values

    def contents(self, place: Place) -> list[Buffer]:
        """What stands at a place, of any length."""
        if not place.field:
            return [raw_bytes(value) for top in self._tops() for value in _at(top, place.steps)]
        found = self._named(place.field)
        if not place.steps:
            return found
        return [raw_bytes(value) for raw in found for top in _parsed(raw) for value in _at(top, place.steps)]

    def _one(self, place: Place) -> list[Buffer]:
        found = self._named(place.field)
        if any(other != found[0] for other in found[1:]):
            raise MalformedError(_WHAT, "a field comes twice with two values")
        if found and len(found[0]) > (MAX_FIELD_JSON_BYTES if place.steps else MAX_VALUE_BYTES):
            raise MalformedError(_WHAT, "a value is too long")
        return found[:1]

    def _named(self, name: str) -> list[Buffer]:
        if self._fields is None:
            self._fields = self._read_fields()
        found = [value for field, value in self._fields if field == name]
        if found and any(field != name and _folded(field) == _folded(name) for field, _ in self._fields):
            raise MalformedError(_WHAT, "a field comes in two spellings")
        return found

    def _read_fields(self) -> list[tuple[str, Buffer]]:
        label = self._content_type.lower()
        if "multipart/" in label:
            return list(_sections(self._view, self._content_type, self._limits))
        if FORM in label and is_plain_form(self._view):
            return [decoded_pair(pair) for pair in form_pairs(self._view, self._limits.max_fields)]
        return []

    def _tops(self) -> list[object]:
        """The JSON that the body is, or that the first part of a multipart/related is."""
        if self._json is None:
            view: Buffer = self._view
            label = self._content_type.lower()
            if "multipart/related" in label:
                # The root part holds the facts, RFC 2387 section 3.2.
                view = next((value for _, value in _sections(self._view, self._content_type, self._limits)), b"")
            elif "multipart/" in label:
                view = b""
            self._json = _parsed(view)
        return self._json


def _folded(name: str) -> str:
    """What a server may take the name for: PHP ends it at NUL and turns what is no word into `_`, others fold case."""
    return _NO_WORD.sub("_", name.partition("\0")[0].strip().removesuffix("[]")).casefold()


def _sections(view: memoryview, content_type: str, limits: Limits) -> list[tuple[str, Buffer]]:
    raw = raw_bytes(content_type)
    multipart = split_multipart(view, raw, max_parts=limits.max_parts, limits=limits)
    found: list[tuple[str, Buffer]] = []
    for section in multipart.sections:
        _, parameters = parse_parameters(section.headers.get("content-disposition", b""), "multipart")
        name = file_name(parameters, "name") or ""
        coding = section.headers.get("content-transfer-encoding", b"binary").lower()
        if coding not in {b"binary", b"8bit", b"7bit"} or "content-encoding" in section.headers:
            # Few servers undo these, so there are two readings of the value.
            raise MalformedError(_WHAT, "a part of the form has a coding of its own")
        found.append((name, section.data))
    return found


class _Doubled(dict[str, object]):
    """An object whose keys servers may take one for another; `names` are those, folded."""

    names: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    plain = dict(pairs)
    if len(pairs) < 2:
        return plain
    # Go matches keys without regard to case.
    folded = [key.casefold() for key, _ in pairs]
    if len(set(folded)) == len(folded):
        return plain
    doubled = _Doubled(plain)
    seen: set[str] = set()
    doubled.names = frozenset(key for key in folded if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return doubled


def _parsed(raw: Buffer) -> list[object]:
    """The one JSON value in `raw`; none when it does not start as an object or array."""
    encoding = json.detect_encoding(bytes(raw[:4]))
    if not _START.match(raw):
        return []
    if len(raw) > MAX_JSON_BYTES:
        raise LimitError("json for values", allowed=MAX_JSON_BYTES, actual=len(raw))
    try:
        # Chinese clients send GBK unlabelled: the bytes stay as they are, and are told apart value by value.
        text = str(raw, encoding, "surrogateescape")
        return [json.loads(text, object_pairs_hook=_object)]
    except (ValueError, RecursionError):
        # No chaining: the library's error holds the document.
        raise MalformedError(_WHAT, "the body starts as JSON and is none") from None


def _at(value: object, steps: tuple[Step, ...]) -> list[str]:
    """The values at the path, as `walk` gives them; raises MalformedError where a key on the path comes twice."""
    _check(value, steps)
    return [decode_text(raw_bytes(found)) for found in walk(value, steps)]


def _check(value: object, steps: tuple[Step, ...]) -> None:
    found: list[object] = [value]
    for step in steps:
        if isinstance(step, str) and any(isinstance(one, _Doubled) and step.casefold() in one.names for one in found):
            raise MalformedError(_WHAT, "a key comes twice")
        found = [there for one in found for there in inside(one, step)]
        if len(found) > MAX_FOUND:
            raise MalformedError(_WHAT, "there are too many values at a place")


def cut_content(view: memoryview, content: str) -> tuple[bytes, memoryview]:
    """The bytes at `base64:json:…` in a JSON body, and the body with an empty string in their place.

    Raises as `content_of` does.
    """
    place = parse_place(content.removeprefix("base64:"))
    found = [value for top in _parsed(view) for value in _at(top, place.steps)]
    decoded = decode_base64(raw_bytes(found[0])) if len(found) == 1 else None
    if decoded is None:
        raise MalformedError("upload", "the piece of the file is not there exactly once")
    body, plain = bytes(view), json.dumps(found[0])
    # PHP writes the slash so, Gson the padding.
    for slash, equals in product(("/", "\\/"), ("=", "\\u003d")):
        body = body.replace(plain.replace("/", slash).replace("=", equals).encode(), b'""')
    return decoded, memoryview(body)
