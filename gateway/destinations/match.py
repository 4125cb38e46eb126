"""What matching in the catalogue speaks of: the request's head, linear-time patterns, and the match."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from pydantic_core import SchemaError, SchemaValidator, core_schema

from gateway.destinations.facts import NO_FACTS, Facts
from gateway.destinations.split import Split
from gateway.transfer import Category


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's head says, in the forms that matching needs."""

    host: str
    """In the form of `normal_host`."""
    port: int
    methods: frozenset[str]
    """All that the server may take it for, upper case; `WS` for the handshake of a WebSocket."""
    path: str
    """As sent."""
    plain_path: str
    """In the form of `plain_path`."""
    query: str
    headers: Mapping[str, str]
    """Lower-case name → value."""
    loose_path: str = ""
    """In the form of `loose_path`; empty where it is the plain one."""
    loose_query: str = ""
    """In the form of `loose_query`; empty where it is the query as sent."""
    shape: str = ""
    """That of an upload (`gateway.destinations.shape`), where nothing else is known of the request."""


@dataclass(frozen=True, slots=True)
class CatalogueMatch:
    """What the catalogue knows about one request; the empty match when it knows nothing."""

    service: str = ""
    endpoint: str = ""
    """Empty when the host is known and the request is not."""
    category: Category = Category.OTHER
    jurisdiction: str = ""
    """ISO 3166-1 alpha-2 of the law the service is run under; empty when unknown or different from server to server."""
    account: str = ""
    """`personal`, `enterprise`, `both`, or empty."""
    tenant: str = ""
    conversation: str = ""
    many_files: bool = False
    dialect: str = ""
    """Error shape the service's own clients read; empty for none."""
    kind: str = ""
    """`file part init finish rapid message mail share code prompt opaque`, or empty."""
    reader: str = "none"
    """What reads the messages of its WebSocket: `generic`, `dingtalk-lwp`, or `none`."""
    split: Split | None = None
    """Its step in an upload that spans requests; None when it stands alone."""
    facts: Facts = NO_FACTS
    """Where name, size, tenant, conversation and digests stand; those in the head are read already."""


NO_MATCH = CatalogueMatch()
"""The generic fallback: nothing known, category `other`."""


class Pattern:
    """A regular expression matched in time linear in the text, whatever the expression: Rust's engine, by pydantic.

    The standard `re` backtracks, and paths come from the client. Case is ignored; `.` takes every character.
    """

    __slots__ = ("_validator", "source")

    def __init__(self, source: str, *, whole: bool = True) -> None:
        """Raises ValueError with the reason when the expression is wrong, too large, or looks around or back."""
        self.source = source
        # The source alone first, so that a stray parenthesis cannot reach out of the group around it.
        _compiled(source)
        self._validator = _compiled(f"(?is)^(?:{source})$" if whole else f"(?is){source}")

    def matches(self, text: str) -> bool:
        """Whether the text fits; lone surrogates never do.

        >>> Pattern("/v[12]/files").matches("/v2/files"), Pattern("/v[12]/files").matches("/v2/files/x")
        (True, False)
        """
        return self._validator.isinstance_python(text)


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> SchemaValidator:
    """The expression made ready; kept, because services share many and each is looked at when it is read, too."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=expression, regex_engine="rust-regex"))
    except SchemaError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        reason = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), "too large")
    raise ValueError(f"not a regular expression of the linear kind: {reason}")


def plain_path(path: str) -> str:
    """The path as servers read it: percent-decoded once, doubled slashes made one, no lone surrogate.

    >>> plain_path("//v1.0/me/root%3A/a%3A/content")
    '/v1.0/me/root:/a:/content'
    """
    decoded = unquote(path).encode("utf-8", "replace").decode()
    return re.sub("/{2,}", "/", decoded) if "//" in decoded else decoded


def loose_path(path: str) -> str:
    """The path as the most generous servers read it, besides `plain_path`. Never raises.

    They undo a second percent-encoding, take a backslash for a slash, leave out what stands behind `;` or NUL in a
    segment, blanks around it and a last slash, and go up at `..`.

    >>> loose_path("/v1/./x/../files%5Cupload_finish;a=1/")
    '/v1/files/upload_finish'
    """
    text = plain_path(plain_path(path)).replace("\\", "/")
    segments: list[str] = []
    for raw in text.split("/"):
        segment = raw.partition(";")[0].partition("\0")[0].strip()
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/" + "/".join(segments) if text.startswith("/") else text


def loose_query(query: str) -> str:
    """The query with its names and values decoded, and `;` as one more separator. Never raises.

    >>> loose_query("x=1;upload%49d=U1"), loose_query("a=b%26c")
    ('x=1&uploadId=U1', 'a=b%26c')
    """
    pairs = (unquote_plus(pair).replace("&", "%26") for pair in query.replace(";", "&").split("&"))
    return "&".join(pairs).encode("utf-8", "replace").decode()
