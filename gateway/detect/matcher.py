"""The one fast pass: every trigger in one Hyperscan database over UTF-8 bytes.

A database is compiled once, before the inspectors fork, and is read-only; the scratch space a scan needs is made in the
thread that scans (a scratch in use by two threads is refused by the library).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol, cast

import hyperscan

from gateway.detect.detector import Trigger
from gateway.transfer import Buffer

MAX_PLACES = 1_000_000
"""Most places kept per trigger and text; beyond it the text counts as read in part (64 MiB of 18-digit numbers have 3 M)."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where triggers occur in one text."""

    ends: Mapping[Trigger, Sequence[int]] = field(default_factory=dict)
    """Trigger → offsets behind its places, rising."""
    cut: frozenset[Trigger] = frozenset()
    """Triggers with more places than were kept."""


class Cache(Protocol):
    """Where compiled databases are kept between starts; compiling takes a second."""

    def get(self, key: str) -> bytes | None:
        """What was put under the key, None when nothing is there."""

    def put(self, key: str, data: bytes) -> None:
        """Keep it; may do nothing."""


class NoCache:
    """Keeps nothing."""

    def get(self, key: str) -> bytes | None:  # noqa: ARG002 - the protocol's
        """None."""
        return None

    def put(self, key: str, data: bytes) -> None:
        """Nothing."""


NO_CACHE = NoCache()


class Matcher:
    """Triggers compiled into one database; may be shared by threads and by forked processes."""

    def __init__(self, triggers: Sequence[Trigger], *, cache: Cache = NO_CACHE) -> None:
        """Raises ValueError naming the patterns that Hyperscan refuses."""
        self._triggers = tuple(dict.fromkeys(triggers))
        self._room = tuple(_most(trigger) for trigger in self._triggers)
        self._local = threading.local()
        self._database = _compiled(self._triggers, cache)

    def scan_text(self, text: str) -> Places:
        """Places in `text`, as character offsets."""
        data = text.encode(errors="surrogatepass")
        places = self.scan(data)
        if len(data) == len(text):
            return places
        return Places(_in_characters(data, places.ends), places.cut)

    def scan(self, data: Buffer) -> Places:
        """Places in `data`, as byte offsets."""
        if not self._triggers or not data:
            return Places()
        # Only triggers that occur cost anything: there are a thousand, and most texts are short.
        buckets: dict[int, list[int]] = {}
        room = self._room

        def keep(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
            bucket = buckets.get(index)
            if bucket is None:
                buckets[index] = [end]
            elif len(bucket) < room[index]:
                bucket.append(end)

        # The stub knows bytes only; the library reads any buffer.
        self._database.scan(cast(bytes, data), match_event_handler=keep, scratch=self._scratch())
        found = {self._triggers[index]: bucket for index, bucket in sorted(buckets.items())}
        return Places(found, frozenset(t for t, b in found.items() if len(b) == MAX_PLACES))

    def _scratch(self) -> hyperscan.Scratch:
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _compiled(triggers: Sequence[Trigger], cache: Cache) -> hyperscan.Database:
    """The database out of the cache where it has it, else compiled and put there."""
    if not triggers:
        return _compile(triggers)
    told = [(trigger.pattern, trigger.raw.hex(), _flags(trigger)) for trigger in triggers]
    key = hashlib.sha256(repr((version("hyperscan"), told)).encode("utf-8", "surrogatepass")).hexdigest()
    kept = cache.get(key)
    if kept is not None:
        try:
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
        except hyperscan.HyperscanError:
            # Damaged, or made for another processor: compiling tells the truth.
            pass
    database = _compile(triggers)
    cache.put(key, hyperscan.dumpb(database))
    return database


def _compile(triggers: Sequence[Trigger]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    if not triggers:
        return database
    patterns = [(trigger.raw or trigger.pattern.encode(), _flags(trigger)) for trigger in triggers]
    try:
        database.compile(
            expressions=[pattern for pattern, _ in patterns],
            ids=list(range(len(patterns))),
            flags=[flags for _, flags in patterns],
        )
    except hyperscan.HyperscanError as error:
        # The library's message has the index only, and differs from one version to the next.
        refused = [
            trigger.pattern for trigger, pattern in zip(triggers, patterns, strict=True) if not _compiles(*pattern)
        ]
        raise ValueError(f"pattern {' and '.join(map(repr, refused))}: {error}") from None
    return database


def _compiles(pattern: bytes, flags: int) -> bool:
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[pattern], ids=[0], flags=[flags])
    except hyperscan.HyperscanError:
        return False
    return True


def _most(trigger: Trigger) -> int:
    return 1 if trigger.once else trigger.most or MAX_PLACES


def _flags(trigger: Trigger) -> int:
    flags = hyperscan.HS_FLAG_DOTALL
    if trigger.caseless:
        flags |= hyperscan.HS_FLAG_CASELESS
    if _most(trigger) == 1:
        flags |= hyperscan.HS_FLAG_SINGLEMATCH
    return int(flags)


def _in_characters(data: bytes, ends: Mapping[Trigger, Sequence[int]]) -> dict[Trigger, Sequence[int]]:
    """Byte offsets as character offsets; one pass over the bytes up to the last place."""
    offsets: dict[int, int] = {}
    at = chars = 0
    for end in sorted({end for bucket in ends.values() for end in bucket}):
        chars += _characters(data[at:end])
        at = end
        offsets[end] = chars
    return {trigger: [offsets[end] for end in bucket] for trigger, bucket in ends.items()}


def _characters(data: bytes) -> int:
    """Characters that begin in `data`, a slice of UTF-8 that may be cut inside a character."""
    return len(data) if data.isascii() else len(data.translate(None, _CONTINUATION))


_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes that never begin a character in UTF-8."""
