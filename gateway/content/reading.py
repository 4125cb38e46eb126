"""What passes between `unpack` and the readers: a source goes in, a reading comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.errors import ContentError, LimitError
from gateway.limits import Limits
from gateway.parts import NOT_ENCRYPTED, Encryption, Text
from gateway.transfer import Buffer


@dataclass(slots=True)
class Budget:
    """What one upload has used up so far, over all its containers; one object per upload."""

    members: int = 0
    """Members met, read or not."""
    unpacked_bytes: int = 0
    """Bytes that came out of decompression; stored members cost nothing, they are already in memory."""

    def take_member(self, limits: Limits) -> None:
        """Count one member. Raises LimitError when it is one too many.

        >>> Budget().take_member(Limits())
        >>> Budget(members=10_000).take_member(Limits())
        Traceback (most recent call last):
        gateway.errors.LimitError: max_members: 10001 is over the allowed 10000
        """
        self.members += 1
        if self.members > limits.max_members:
            raise LimitError("max_members", allowed=limits.max_members, actual=self.members)

    def take_bytes(self, count: int, limits: Limits) -> None:
        """Count `count` unpacked bytes. Raises LimitError when they are too many.

        >>> Budget().take_bytes(1, Limits())
        >>> Budget().take_bytes(3, Limits(max_unpacked_bytes=2))
        Traceback (most recent call last):
        gateway.errors.LimitError: max_unpacked_bytes: 3 is over the allowed 2
        """
        self.unpacked_bytes += count
        if self.unpacked_bytes > limits.max_unpacked_bytes:
            raise LimitError("max_unpacked_bytes", allowed=limits.max_unpacked_bytes, actual=self.unpacked_bytes)


@dataclass(frozen=True, slots=True)
class Source:
    """What a reader is given."""

    data: Buffer
    name: str
    """File name, may be empty; a hint for the names of members, never for the type."""
    media_type: str
    """By content."""
    limits: Limits
    budget: Budget


@dataclass(frozen=True, slots=True)
class Member:
    """One content found inside another."""

    name: str
    data: Buffer = b""
    media_type: str = ""
    """Given when the reader knows that nothing more can be read in it (encrypted bytes); empty to have it read."""
    encryption: Encryption = NOT_ENCRYPTED
    opaque: ContentError | None = None
    """Why `data` is not the whole member; what there is of it is read all the same."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a source."""

    texts: Sequence[Text] = ()
    encryption: Encryption = NOT_ENCRYPTED
    opaque: ContentError | None = None
    members: Iterable[Member] = ()
    """Lazy: one member's bytes live at a time. May raise ContentError, which ends the container."""
