"""What a payload is made of: pieces the wire separates, parts that unpacking finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.errors import ContentError
    from gateway.transfer import Buffer


class Grade(StrEnum):
    """How well a content is protected by its own encryption."""

    NONE = "none"
    WEAK = "weak"
    PARTIAL = "partial"
    STRONG = "strong"
    UNKNOWN = "unknown"


class Coverage(StrEnum):
    """How much of a part was read; ordered from best to worst by `COVERAGE_ORDER`."""

    INSPECTED = "inspected"
    PARTIAL = "partial"
    ENCRYPTED = "encrypted"
    TOO_LARGE = "too-large"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    UNKNOWN_PROTOCOL = "unknown-protocol"
    PASSTHROUGH_POLICY = "passthrough-policy"
    PASSTHROUGH_PINNED = "passthrough-pinned"


COVERAGE_ORDER = (
    Coverage.INSPECTED,
    Coverage.ENCRYPTED,
    Coverage.PARTIAL,
    Coverage.TOO_LARGE,
    Coverage.TIMEOUT,
    Coverage.MALFORMED,
    Coverage.UNKNOWN_PROTOCOL,
    Coverage.PASSTHROUGH_POLICY,
    Coverage.PASSTHROUGH_PINNED,
)
"""Best first; the coverage of a transfer is the worst of its parts. Encrypted comes early: it was seen and graded."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """What protects a content."""

    scheme: str = ""
    """`zip-aes-256`, `zip-crypto`, `ooxml-agile`, `ooxml-standard`, `ole-rc4`, `pdf-r4`, `7z-aes` …; empty for none."""
    grade: Grade = Grade.NONE
    names_visible: bool = False
    """Whether member names can be read without the key."""


NOT_ENCRYPTED = Encryption()
"""The usual case, shared."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a request body as the origin would separate it; input of `unpack`."""

    data: Buffer
    name: str = ""
    """File name the client gave (filename, sibling field, path); empty when it gave none."""
    field: str = ""
    """Form field, JSON path or `body`, `query`, `path`, `header:NAME`."""
    declared_type: str = ""
    """Media type the client claims, without parameters, lower case; empty when none."""
    is_file: bool = False
    """Whether the client or the catalogue presents it as a file; size rules look at files."""
    is_fragment: bool = False
    """Whether it is a slice of a file whose other slices are in other requests: only its text says anything."""


@dataclass(frozen=True, slots=True)
class Text:
    """A run of text taken from a part; already decoded, not yet normalised."""

    text: str
    location: str = ""
    """Where in the part: `word/document.xml`, `page 3`, `sheet 2`, `name`; empty for the part itself."""
    utf8: Buffer | None = field(default=None, repr=False, compare=False)
    """The same in UTF-8 where it was decoded from that, so that it need not be encoded to be searched."""


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the tree of contents: raw bytes and all text that could be taken from them."""

    path: str
    """Names from the outermost to this one, joined by `!/`."""
    name: str
    size_bytes: int
    sha256: str
    """Hex digest of `data`."""
    declared_type: str
    media_type: str
    """By content, never by label alone."""
    data: Buffer
    texts: Sequence[Text] = ()
    """In order; a long text may be decoded anew, piece by piece, each time it is gone through."""
    encryption: Encryption = NOT_ENCRYPTED
    opaque: ContentError | None = None
    """Why the part, or something in it, could not be read; None when everything was."""
    depth: int = 0
    """0 for a piece, 1 for its members …"""
    is_file: bool = False


def opaque_coverage(error: ContentError | None) -> Coverage:
    """Coverage that a reading error stands for.

    >>> opaque_coverage(None)
    <Coverage.INSPECTED: 'inspected'>
    """
    if error is None:
        return Coverage.INSPECTED
    return {
        "too-large": Coverage.TOO_LARGE,
        "malformed": Coverage.MALFORMED,
        "encrypted": Coverage.ENCRYPTED,
        "unsupported": Coverage.PARTIAL,
        "detector-failed": Coverage.PARTIAL,
    }.get(error.reason, Coverage.MALFORMED)
