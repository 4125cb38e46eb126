"""Where the names of tenants and conversations stand in a request's head, as the catalogue writes it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from gateway.destinations.match import Head
from gateway.wire.places import Place, parse_place, walk

MAX_VALUE_CHARS = 128
"""Longest name kept as it is; a longer one is kept as its digest, for it ends up in records."""
MAX_TOKEN_CHARS = 16 * 1024
"""Longest bearer token looked into; Entra tokens with many groups stay under 8 KiB."""

_SYNTAX = re.compile(
    r"(?P<digest>digest:)?"
    r"(?:path:(?P<start>-?\d{1,2})(?P<slice>:(?P<end>-?\d{1,2})?)?"
    r"|(?P<kind>after|query|header|jwt):(?P<name>[\w.-]{1,64})"
    r"|host:(?P<label>\d))"
)


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a name stands in a request's head.

    `path:N` one segment, `path:A:B` a slice of segments, `after:NAME` the segment behind that one, `query:NAME`,
    `header:NAME`, `host:N` a label, `jwt:CLAIM` a claim of the bearer token, read without checking its signature: the
    service itself refuses a forged one. `digest:` before it keeps a secret out: a SHA-256 stands for it.
    """

    kind: str
    name: str = ""
    start: int = 0
    end: int | None = None
    is_slice: bool = False
    is_secret: bool = False

    @classmethod
    def parse(cls, text: str) -> Locator:
        """The locator written in the catalogue; raises ValueError saying what is allowed.

        >>> Locator.parse("digest:query:key")
        Locator(kind='query', name='key', start=0, end=None, is_slice=False, is_secret=True)
        """
        found = _SYNTAX.fullmatch(text)
        if not found:
            raise ValueError(
                "not a locator; allowed: path:N, path:A:B, after:NAME, query:NAME, header:NAME, host:N, jwt:CLAIM, "
                "or digest: and one of them"
            )
        is_secret = found["digest"] is not None
        if found["kind"]:
            return cls(found["kind"], name=found["name"], is_secret=is_secret)
        if found["label"]:
            return cls("host", start=int(found["label"]), is_secret=is_secret)
        end = int(found["end"]) if found["end"] else None
        return cls("path", start=int(found["start"]), end=end, is_slice=found["slice"] is not None, is_secret=is_secret)

    def find(self, head: Head) -> str:
        """The name, empty when the head has none there; never longer than MAX_VALUE_CHARS, always printable."""
        return for_records(self.read(head), is_secret=self.is_secret)

    def read(self, head: Head) -> str:
        """The value as it stands there, whole and not for records; empty when there is none."""
        match self.kind:
            case "query":
                return _query_value(head.query, self.name)
            case "header":
                return head.headers.get(self.name, "")
            case "jwt":
                return bearer_claim(head.headers.get("authorization", ""), self.name)
            case "host":
                return _at(head.host.split("."), self.start)
        segments = _segments(head.path)
        if self.kind == "after":
            return _at(segments, segments.index(self.name) + 1) if self.name in segments else ""
        return "/".join(segments[self.start : self.end]) if self.is_slice else _at(segments, self.start)


@dataclass(frozen=True, slots=True)
class HeadPlace:
    """A place in the head, ready to read."""

    locator: Locator
    place: Place

    def find(self, head: Head) -> str:
        """The first value there in the form for records, empty for none. Never raises."""
        value = self.locator.read(head)
        if value and self.place.steps:
            try:
                value = next(walk(json.loads(value), self.place.steps), "")
            except (ValueError, RecursionError):
                return ""
        return for_records(value, is_secret=self.place.is_secret)


def head_places(texts: Sequence[str]) -> tuple[HeadPlace, ...]:
    """Those of the places that stand in the head; raises ValueError for what is no place.

    >>> [one.locator.name for one in head_places(["json:to", "query:to", "header:x-arg>json:to"])]
    ['to', 'x-arg']
    """
    places = (parse_place(text) for text in texts)
    return tuple(HeadPlace(Locator.parse(place.head), place) for place in places if not place.in_body)


def first_in_head(places: Sequence[HeadPlace], head: Head) -> str:
    """The first value, empty for none."""
    return next((value for one in places if (value := one.find(head))), "")


def for_records(value: str, *, is_secret: bool = False) -> str:
    """The value, or a digest of it where it is secret, too long or not printable.

    >>> for_records("acme"), for_records("abc", is_secret=True)
    ('acme', 'sha256:ba7816bf8f01cfea414140de5dae2223')
    """
    if not value or (len(value) <= MAX_VALUE_CHARS and value.isprintable() and not is_secret):
        return value
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def bearer_claim(authorization: str, claim: str) -> str:
    """A text claim of the JSON web token in an Authorization header; empty when there is none. Never raises.

    >>> bearer_claim("Bearer e30.eyJ0aWQiOiJhIn0.x", "tid"), bearer_claim("Bearer opaque", "tid")
    ('a', '')
    """
    scheme, _, token = authorization.partition(" ")
    pieces = token.split(".", 3)
    if scheme.lower() != "bearer" or len(token) > MAX_TOKEN_CHARS or len(pieces) < 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    value = claims.get(claim) if isinstance(claims, dict) else None
    return value if isinstance(value, str) else ""


def _query_value(query: str, name: str) -> str:
    """The value of the parameter; empty when it has two, since servers differ in which of them they take."""
    pairs = (field.partition("=") for field in query.split("&"))
    found = {unquote_plus(value) for key, _, value in pairs if key == name or unquote_plus(key) == name}
    return found.pop() if len(found) == 1 else ""


def _segments(path: str) -> list[str]:
    """Segments of a path as sent, each decoded by itself.

    A repository's `.git` is taken off, and the colon by which OData ends a file's path.
    """
    return [unquote(segment).removesuffix(".git").removesuffix(":") for segment in path.split("/") if segment]


def _at(values: list[str], index: int) -> str:
    return values[index] if -len(values) <= index < len(values) else ""
