"""The one fast pass: every trigger in one Hyperscan database over UTF-8 bytes.

A database is compiled once, before the inspectors fork, and is read-only; the scratch space a scan needs is made in the
thread that scans (a scratch in use by two threads is refused by the library).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Protocol, cast

import hyperscan

from gateway.detect.detector import Trigger
from gateway.detect.needs import needs_digit, needs_high_byte
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


APART_BYTES = 16 * 1024
"""Longest text in which triggers outside ASCII are searched for together."""


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

    def __init__(self, triggers: Sequence[Trigger], *, cache: Cache = NO_CACHE, is_raw: bool = False) -> None:
        """`is_raw`: made for bytes that are no text, in which anything occurs and nothing can be left out.

        Raises ValueError naming the patterns that Hyperscan refuses.
        """
        self._triggers = tuple(dict.fromkeys(triggers))
        self._room = tuple(_most(trigger) for trigger in self._triggers)
        self._always, self._digits, self._high, self._apart = _grouped(self._triggers, cache, is_raw=is_raw)
        self._digit = _any_digit()

    def scan_text(self, text: str, utf8: Buffer | None = None) -> Places:
        """Places in `text`, as character offsets; `utf8` is the same in UTF-8, where it is at hand."""
        data = text.encode(errors="surrogatepass") if utf8 is None else utf8
        places = self.scan(data, is_ascii=len(data) == len(text))
        if len(data) == len(text) or not places.ends:
            return places
        return Places(_in_characters(data, places.ends), places.cut)

    def scan(self, data: Buffer, *, is_ascii: bool = False) -> Places:
        """Places in `data`, as byte offsets; `is_ascii` where it is known to be nothing else."""
        if not self._triggers or not len(data):
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

        for part in self._parts(data, is_ascii=is_ascii):
            part.scan(data, keep)
        found = {self._triggers[index]: bucket for index, bucket in sorted(buckets.items())}
        return Places(found, frozenset(t for t, b in found.items() if len(b) == MAX_PLACES))

    def _parts(self, data: Buffer, *, is_ascii: bool) -> Iterator[_Part]:
        """The databases of which something may occur in the data."""
        yield from self._always
        if self._digits and self._digit.occurs(data):
            yield from self._digits
        if not is_ascii:
            yield from self._apart if len(data) > APART_BYTES else self._high


type _Keep = Callable[[int, int, int, int, object], bool | None]


class _Part:
    """Triggers that are searched for together."""

    def __init__(self, triggers: Mapping[int, Trigger], cache: Cache) -> None:
        self._local = threading.local()
        self._database = _compiled(triggers, cache)

    def scan(self, data: Buffer, keep: _Keep) -> None:
        """Call `keep` for each place with the trigger's index."""
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        # The stub knows bytes only; the library reads any buffer.
        self._database.scan(cast(bytes, data), match_event_handler=keep, scratch=scratch)

    def occurs(self, data: Buffer) -> bool:
        """Whether one of the triggers, each of which is there `once`, occurs."""
        found: list[int] = []
        self.scan(data, lambda index, *_: found.append(index))
        return bool(found)


@cache
def _any_digit() -> _Part:
    return _Part({0: Trigger("[0-9]", once=True)}, NO_CACHE)


def _grouped(triggers: Sequence[Trigger], cache: Cache, *, is_raw: bool) -> tuple[tuple[_Part, ...], ...]:
    """Databases searched in every text, in one with digits, in one outside ASCII, and those again one by one.

    Patterns that begin with a class of characters slow each other down: together they run at a sixth of the speed of each
    alone (docs/decisions/0022). In a short text the number of calls is what costs.
    """
    always, digits, high = dict[int, Trigger](), dict[int, Trigger](), dict[int, Trigger]()
    for index, trigger in enumerate(triggers):
        pattern = trigger.raw or trigger.pattern.encode()
        if is_raw:
            always[index] = trigger
        elif needs_digit(pattern):
            digits[index] = trigger
        elif trigger.raw and needs_high_byte(pattern):
            high[index] = trigger
        else:
            always[index] = trigger
    apart = tuple(_Part({index: trigger}, cache) for index, trigger in high.items())
    return (*(_parts_of(own, cache) for own in (always, digits, high)), apart)


def _parts_of(own: Mapping[int, Trigger], cache: Cache) -> tuple[_Part, ...]:
    return (_Part(own, cache),) if own else ()


def _compiled(own: Mapping[int, Trigger], cache: Cache) -> hyperscan.Database:
    """The database out of the cache where it has it, else compiled and put there."""
    told = [(index, trigger.pattern, trigger.raw.hex(), _flags(trigger)) for index, trigger in own.items()]
    key = hashlib.sha256(repr((version("hyperscan"), told)).encode("utf-8", "surrogatepass")).hexdigest()
    kept = cache.get(key)
    if kept is not None:
        try:
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
        except hyperscan.HyperscanError:
            # Damaged, or made for another processor: compiling tells the truth.
            pass
    database = _compile(own)
    cache.put(key, hyperscan.dumpb(database))
    return database


def _compile(own: Mapping[int, Trigger]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    patterns = [(trigger.raw or trigger.pattern.encode(), _flags(trigger)) for trigger in own.values()]
    try:
        database.compile(
            expressions=[pattern for pattern, _ in patterns],
            ids=list(own),
            flags=[flags for _, flags in patterns],
        )
    except hyperscan.HyperscanError as error:
        # The library's message has the index only, and differs from one version to the next.
        refused = [
            trigger.pattern for trigger, pattern in zip(own.values(), patterns, strict=True) if not _compiles(*pattern)
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


def _in_characters(data: Buffer, ends: Mapping[Trigger, Sequence[int]]) -> dict[Trigger, Sequence[int]]:
    """Byte offsets as character offsets; one pass over the bytes up to the last place."""
    offsets: dict[int, int] = {}
    at = chars = 0
    for end in sorted({end for bucket in ends.values() for end in bucket}):
        chars += _characters(bytes(data[at:end]))
        at = end
        offsets[end] = chars
    return {trigger: [offsets[end] for end in bucket] for trigger, bucket in ends.items()}


def _characters(data: bytes) -> int:
    """Characters that begin in `data`, a slice of UTF-8 that may be cut inside a character."""
    return len(data) if data.isascii() else len(data.translate(None, _CONTINUATION))


_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes that never begin a character in UTF-8."""
