"""The objects of a git pack, inflated, deltas applied where their base is in the pack too.

Source: https://git-scm.com/docs/gitformat-pack.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError
from gateway.limits import KIB, MIB
from gateway.wire.gitdelta import applied
from gateway.wire.growth import RATIO_FLOOR_BYTES

if TYPE_CHECKING:
    from gateway.limits import Limits
    from gateway.transfer import Buffer

COMMIT, TREE, BLOB, TAG, OFFSET_DELTA, REFERENCE_DELTA = 1, 2, 3, 4, 6, 7
"""Types of objects."""
HEAD_BYTES = 12
"""`PACK`, version, number of objects."""
OBJECTS_PER_MEMBER = 10
"""Objects of one pack as a multiple of `max_members`: for each file there are trees and commits about it."""
FIRST_FEED_BYTES, LARGEST_FEED_BYTES = 512, 256 * KIB
"""Input of one call of zlib; what follows an object is copied, so small objects get small ones."""
OUTPUT_STEP_BYTES = MIB
"""Most output of one call."""

_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}


@dataclass(slots=True)
class GitObject:
    """One object."""

    kind: int
    """`COMMIT`, `TREE`, `BLOB` or `TAG`; of a delta whose base is not here, 6 or 7."""
    data: Buffer
    """Content, or the delta."""
    id: bytes = b""
    """Empty for a delta whose base is not here."""
    base: bytes | int = b""
    """Id, or offset in the pack, of what the delta is to."""

    @property
    def is_delta(self) -> bool:
        """Whether its base is not in the pack."""
        return self.kind in {OFFSET_DELTA, REFERENCE_DELTA}


def read_pack(view: memoryview, *, id_bytes: int, limits: Limits) -> list[GitObject]:
    """All objects of a pack that fills `view` to its end, in their order; `id_bytes`: 20 for SHA-1, 32 for SHA-256.

    Raises MalformedError for what git would not read, LimitError over `max_members`, `max_member_bytes`,
    `max_unpacked_bytes` or `max_decode_ratio`.
    """
    return _Pack(view, id_bytes, limits).read()


@dataclass(slots=True)
class _Pack:
    view: memoryview
    id_bytes: int
    limits: Limits
    objects: dict[int, GitObject] = field(default_factory=dict)
    """Offset → object."""
    members: int = 0
    unpacked_bytes: int = 0

    def read(self) -> list[GitObject]:
        head = bytes(self.view[:HEAD_BYTES])
        if len(head) < HEAD_BYTES or head[:4] != b"PACK" or head[4:8] not in {b"\0\0\0\2", b"\0\0\0\3"}:
            raise MalformedError("git", "the head of the pack is broken")
        count = int.from_bytes(head[8:], "big")
        allowed = OBJECTS_PER_MEMBER * self.limits.max_members
        if count > allowed:
            raise LimitError("objects of a pack", allowed=allowed, actual=count)
        position = HEAD_BYTES
        for _ in range(count):
            position = self.take(position)
        digest = self.digest(self.view[:position])
        if bytes(self.view[position:]) != digest:
            raise MalformedError("git", "the check sum of the pack is wrong, or bytes follow it")
        self.resolve()
        return list(self.objects.values())

    def digest(self, *chunks: Buffer) -> bytes:
        # The algorithm is the format's own.
        digest = hashlib.sha256() if self.id_bytes == 32 else hashlib.sha1(usedforsecurity=False)
        for chunk in chunks:
            digest.update(chunk)
        return digest.digest()

    def count(self, data: Buffer, *, is_member: bool) -> None:
        """Take the object into account."""
        self.members += is_member
        self.unpacked_bytes += len(data)
        limits = self.limits
        for limit, allowed, actual in (
            ("max_members", limits.max_members, self.members),
            ("max_unpacked_bytes", limits.max_unpacked_bytes, self.unpacked_bytes),
        ):
            if actual > allowed:
                raise LimitError(limit, allowed=allowed, actual=actual)

    def take(self, start: int) -> int:
        """Keep the object at `start`; where the next one starts."""
        kind, size, position = self.head(start)
        one = GitObject(kind, b"")
        if kind == REFERENCE_DELTA:
            one.base = bytes(self.view[position : position + self.id_bytes])
            position += self.id_bytes
        elif kind == OFFSET_DELTA:
            distance, position = self.distance(position)
            one.base = start - distance
        elif kind not in _NAMES:
            raise MalformedError("git", "an object is of no known type")
        if size > self.limits.max_member_bytes:
            raise LimitError("max_member_bytes", allowed=self.limits.max_member_bytes, actual=size)
        one.data, position = self.inflated(position, size)
        self.count(one.data, is_member=kind not in {COMMIT, TREE, TAG})
        if kind in _NAMES:
            one.id = self.id_of(kind, one.data)
        self.objects[start] = one
        return position

    def id_of(self, kind: int, data: Buffer) -> bytes:
        return self.digest(b"%b %d\0" % (_NAMES[kind], len(data)), data)

    def head(self, position: int) -> tuple[int, int, int]:
        """Type, size when inflated, and where the head ends."""
        for at, byte in enumerate(self.view[position : position + 9]):
            if not at:
                kind, size = byte >> 4 & 7, byte & 0x0F
            else:
                size |= (byte & 0x7F) << 4 + 7 * (at - 1)
            if byte < 0x80:
                return kind, size, position + at + 1
        raise MalformedError("git", "the head of an object is broken")

    def distance(self, position: int) -> tuple[int, int]:
        """How far before itself an offset delta has its base, and where that number ends."""
        value = -1
        for at, byte in enumerate(self.view[position : position + 9]):
            value = (value + 1) << 7 | (byte & 0x7F)
            if byte < 0x80:
                return value, position + at + 1
        raise MalformedError("git", "the offset of a delta is broken")

    def inflated(self, start: int, size: int) -> tuple[Buffer, int]:
        """The content of the zlib stream at `start`, which must have `size` bytes, and where it ends."""
        output = bytearray()
        try:
            end = _inflate(self.view, start, size, output, self.limits.max_decode_ratio)
        except zlib.error:
            raise MalformedError("git", "an object is damaged") from None
        if len(output) != size:
            raise MalformedError("git", "an object is not as long as it says")
        return bytes(output), end

    def resolve(self) -> None:
        """Apply every delta whose base is here, whatever their order."""
        waiting: dict[bytes | int, list[int]] = defaultdict(list)
        for start, one in self.objects.items():
            if one.is_delta:
                waiting[one.base].append(start)
        ready = [start for start, one in self.objects.items() if not one.is_delta]
        while ready:
            start = ready.pop()
            base = self.objects[start]
            for child in waiting.pop(start, []) + waiting.pop(base.id, []):
                one = self.objects[child]
                data = applied(memoryview(one.data), base.data, max_bytes=self.limits.max_member_bytes)
                self.count(data, is_member=False)
                self.objects[child] = GitObject(base.kind, data, self.id_of(base.kind, data))
                ready.append(child)
        if any(one.kind == OFFSET_DELTA and one.base not in self.objects for one in self.objects.values()):
            raise MalformedError("git", "a delta is to nothing")


def _inflate(view: memoryview, start: int, size: int, output: bytearray, max_ratio: int) -> int:
    """Adds the content of the stream at `start` to `output`, and little more than `size` bytes; where it ends."""
    stream, position, feed_bytes = zlib.decompressobj(), start, FIRST_FEED_BYTES
    chunk: Buffer = b""
    while not stream.eof:
        if not chunk:
            chunk = view[position : position + feed_bytes]
            position += len(chunk)
            feed_bytes = min(feed_bytes * 2, LARGEST_FEED_BYTES)
            if not chunk:
                raise MalformedError("git", "an object ends early")
        output += stream.decompress(chunk, OUTPUT_STEP_BYTES)
        chunk = stream.unconsumed_tail
        if len(output) > size:
            raise MalformedError("git", "an object is longer than it says")
        if len(output) > max(RATIO_FLOOR_BYTES, max_ratio * (position - start)):
            raise LimitError("max_decode_ratio", allowed=max_ratio, actual=len(output) / (position - start))
    return position - len(stream.unused_data)
