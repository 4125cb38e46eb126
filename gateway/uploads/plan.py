"""A request's step in an upload that spans several: which upload it names, and where its bytes lie in the whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote_plus, urljoin, urlsplit

from gateway.destinations.hosts import normal_host
from gateway.destinations.locate import Locator
from gateway.destinations.match import Head
from gateway.destinations.split import OWN_URL, Split
from gateway.errors import MalformedError
from gateway.wire.places import Place, parse_place, walk

MAX_DIGITS = 15
"""Longest number of an offset, a size or an index; a petabyte has 16."""
MAX_KEYS = 1000
"""Most uploads that one request names; a commit of a directory names a few dozen."""

_RANGE = re.compile(r"bytes[ =](?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15}|\*)")

BY_RANGE = Split(step="piece", key=("signed-url",), order="range")
"""The step of a request with Content-Range to an endpoint that is not known to heed it: there the piece is the file."""
BY_URL = Split(step="whole", key=("signed-url", "url"))
"""The step of a request to a URL that an earlier answer gave out."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one request says of its upload; -1 for a number that it does not say."""

    keys: tuple[str, ...] = ()
    start: int = -1
    """Offset of its bytes in the whole."""
    length: int = -1
    """Bytes that Content-Range announces."""
    index: int = -1
    total_bytes: int = -1
    name: str = ""
    is_question: bool = False
    """Whether it carries nothing and asks how far the upload is (`Content-Range: bytes */N`)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One step, as far as the head alone tells."""

    split: Split
    head: Head
    scope: str
    """What ids are unique in: the service, or the host of one that the catalogue does not know."""

    @property
    def places(self) -> tuple[str, ...]:
        """Places in the body whose values `facts` needs."""
        return tuple(text for text in self._texts() if _parsed(text).in_body)

    @property
    def signed_url(self) -> str:
        """The key that an upload has when its service gave out this very URL."""
        return url_key(self.head.host, self.head.path, self.head.query, signed=True)

    @property
    def carries(self) -> bool:
        """Whether the body holds bytes of the file."""
        return self.split.step in {"chunk", "whole"} or bool(self.split.order)

    def facts(self, values: Mapping[str, tuple[str, ...]]) -> Facts:
        """Everything the request says, with the `values` found in its body; raises MalformedError."""
        split = self.split
        start, length, total, is_question = self._range() if split.order == "range" else (-1, -1, -1, False)
        order, _, place = split.order.partition(":")
        number = self._number(place, values) if place else -1
        size = self._number(split.size, values) if split.size else -1
        return Facts(
            keys=tuple(self._keys(values)),
            start=number if order == "offset" else start,
            length=length,
            index=number if order == "index" else -1,
            total_bytes=max(total, size),
            name=next(iter(self._values(split.name, values)), "") if split.name else "",
            is_question=is_question,
        )

    def _texts(self) -> Iterator[str]:
        yield from (text for text in self.split.key if text not in OWN_URL)
        yield from (text for text in (self.split.name, self.split.size) if text)
        _, _, place = self.split.order.partition(":")
        if place:
            yield place

    def _keys(self, values: Mapping[str, tuple[str, ...]]) -> list[str]:
        """The upload's names: of several places the first that is there, of the own URL every form."""
        keys: list[str] = []
        for text in self.split.key:
            if text in OWN_URL:
                keys.append(url_key(self.head.host, self.head.path, self.head.query, signed=text == "signed-url"))
            elif found := self._values(text, values):
                if len(found) > MAX_KEYS:
                    raise MalformedError("upload", "the request names too many uploads")
                keys += [id_key(self.scope, value) for value in found]
                break
        return keys

    def _values(self, text: str, values: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        place = _parsed(text)
        if place.in_body:
            return tuple(value for value in values.get(text, ()) if value)
        return tuple(value for value in read_head(place, self.head) if value)

    def _number(self, text: str, values: Mapping[str, tuple[str, ...]]) -> int:
        found = self._values(text, values)
        if not found:
            return -1
        digits = found[0].strip()
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS):
            raise MalformedError("upload", "an offset, an index or a size is not a number")
        return int(digits)

    def _range(self) -> tuple[int, int, int, bool]:
        """Start, length and total of Content-Range, and whether it carries nothing; -1 without one."""
        text = self.head.headers.get("content-range", "")
        if not text:
            return -1, -1, -1, False
        found = _RANGE.fullmatch(text.strip().lower())
        if not found:
            raise MalformedError("upload", "the Content-Range is none")
        total = -1 if found[3] == "*" else int(found[3])
        if found[1] is None:
            return -1, -1, total, True
        start, last = int(found[1]), int(found[2])
        if last < start or (total >= 0 and last >= total):
            raise MalformedError("upload", "the Content-Range is none")
        return start, last - start + 1, total, False


def read_head(place: Place, head: Head) -> tuple[str, ...]:
    """The values at a place in a request's head, not shortened; the JSON in a value is read when the place says so."""
    kind, _, name = place.head.partition(":")
    if kind == "query" and sum(unquote_plus(pair.partition("=")[0]) == name for pair in head.query.split("&")) > 1:
        # Servers differ in which of the two they take.
        raise MalformedError("upload", "a parameter that names the upload stands there twice")
    value = _locator(place.head).read(head)
    if not value or not place.steps:
        return (value,) if value else ()
    try:
        return tuple(walk(json.loads(value), place.steps))
    except (ValueError, RecursionError):
        raise MalformedError("upload", "a header or parameter is not the JSON that it should be") from None


def id_key(scope: str, value: str) -> str:
    """The key of an upload by an id that the service gave."""
    return f"id:{scope}:{value}"


def url_key(host: str, path: str, query: str, *, signed: bool) -> str:
    """The key of an upload by a URL, with its query when `signed`.

    >>> url_key("a.example", "/up", "sig=1", signed=True), url_key("a.example", "/up", "sig=1", signed=False)
    ('signed:a.example/up?sig=1', 'url:a.example/up')
    """
    return f"signed:{host}{path}?{query}" if signed else f"url:{host}{path}"


def keys_of_url(url: str, base: str) -> tuple[str, ...]:
    """Both keys of a URL that a service gave out in the answer to `base`; none for what is no URL.

    >>> keys_of_url("https://Files.example/up?sig=1", "https://api.example/new")
    ('signed:files.example/up?sig=1', 'url:files.example/up')
    >>> keys_of_url("/files/1", "https://api.example/new")
    ('signed:api.example/files/1?', 'url:api.example/files/1')
    """
    try:
        parts = urlsplit(urljoin(base, url))
        host = normal_host(parts.hostname or "")
    except ValueError:
        return ()
    if not host or parts.scheme not in {"http", "https"}:
        return ()
    path = parts.path or "/"
    return (url_key(host, path, parts.query, signed=True), url_key(host, path, parts.query, signed=False))


def keys_in_response(split: Split, scope: str, base: str, headers: Mapping[str, str], body: object) -> tuple[str, ...]:
    """Keys of the upload in the answer to the request for the URL `base`; `body` is its JSON, None when it is none."""
    keys = [id_key(scope, value) for text in split.gives for value in _response_values(text, headers, body)]
    for text in split.gives_url:
        keys += [key for value in _response_values(text, headers, body) for key in keys_of_url(value, base)]
    return tuple(dict.fromkeys(keys))[: 4 * MAX_KEYS]


def _response_values(text: str, headers: Mapping[str, str], body: object) -> Iterator[str]:
    place = _parsed(text)
    kind, _, name = place.head.partition(":")
    if kind == "header":
        value = headers.get(name, "")
        if value:
            yield value
    elif place.steps and not place.head and not place.field:
        yield from (value for value in walk(body, place.steps) if value)


@cache
def _parsed(text: str) -> Place:
    return parse_place(text)


@cache
def _locator(text: str) -> Locator:
    return Locator.parse(text)
