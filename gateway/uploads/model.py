"""How the pieces of one upload lie in the file that keeps them, and what an inspection is asked for beside the usual."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """One request's piece of an upload: its raw body is a slice of the stored file."""

    offset_bytes: int
    """Where the raw body starts in the stored file."""
    size_bytes: int
    """Length of the raw body, as sent."""
    start: int = -1
    """Where the content belongs in the whole, bytes; -1 when the request does not say."""
    index: int = -1
    """Which piece it is, counted from 0 or 1; -1 when the request does not say."""
    content: str = "body"
    """Where the content is in the raw body: `body`, `field:NAME`, `base64:json:a.b`, `base64:field:NAME`."""
    content_type: str = ""
    """The request's Content-Type with its parameters."""
    content_encoding: str = ""
    """Codings to undo first, as `gateway.wire.values.codings_of` gives them."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The recipe of the whole."""

    segments: tuple[Segment, ...] = ()
    """In the order in which they came."""
    name: str = ""
    declared_type: str = ""
    total_bytes: int = -1
    """Length of the whole as the client said; -1 when it never did."""
    conflict: bool = False
    """Whether the requests contradict each other, so that no whole can be trusted."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an inspection is asked for beside what a body holds."""

    places: tuple[str, ...] = ()
    """Places in the body whose values are wanted, as `gateway.wire.places` reads them."""
    content: str = ""
    """Where the body has a piece of a file, as `Segment.content`; empty when it has none."""
    assembly: Assembly = Assembly()
    """When it says anything, the body is a stored file and the whole is inspected."""
    digests: bool = False
    """Whether MD5 and SHA-1 of each file are wanted."""
    name: str = ""
    """What an earlier request called the one file of this one; empty when none did."""


NO_ASK = Ask()
"""The usual case, shared."""
