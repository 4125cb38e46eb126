"""Text in parts that gave none: runs of characters around the places where a trigger occurs in the bytes.

A safety net for formats nobody here can read yet. A run counts only when it is long enough to be no accident, so that
compressed and random data give nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from re import Pattern

from gateway.detect.detector import Trigger
from gateway.detect.matcher import NO_CACHE, Cache, Matcher, Places
from gateway.transfer import Buffer

_REACH = 400
"""Bytes kept on each side of a place."""
_RUN_BYTES = 12
"""Shortest run that is no accident: in 100 MB of noise, words of the signatures stand in a longer one less than once."""
_GLANCE = 2 * _RUN_BYTES
"""Bytes looked at on each side first: a run of _RUN_BYTES that holds the place has as many of them there."""
_MAX_RUNS = 20_000
"""Most runs taken from one part; with the reach, 16 MB."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    name: str
    run: Pattern[bytes]
    """A run of plausible characters."""
    unit: int
    """Bytes of the smallest character."""


_UTF8 = _Encoding("utf-8", re.compile(rb"(?:[\t\r\n\x20-\x7e]|[\xe3-\xe9\xef][\x80-\xbf]{2}){4,}"), 1)
_UTF16 = _Encoding(
    "utf-16-le", re.compile(rb"(?:[\t\r\n\x20-\x7e]\x00|[\x00-\xff][\x4e-\x9f]|[\x00-\x1f\x3a]\x30){4,}"), 2
)
_GB18030 = _Encoding("gb18030", re.compile(rb"(?:[\t\r\n\x20-\x7e]|[\xa1\xa3\xb0-\xd7][\xa1-\xfe]){4,}"), 1)
"""GB 2312's first level, punctuation and full-width forms: 16 % of the code space, most of what is written."""

_WIDE_RUN = Trigger("run of UTF-16 text", raw=rb"(?:[\x20-\x7e]\x00){12}", once=True)
"""ASCII characters in UTF-16LE; where it occurs, all runs of them are read."""
_WIDE_ASCII = re.compile(rb"(?:[\t\r\n\x20-\x7e]\x00){6,}")


class RawMatcher:
    """Triggers in the encodings of Chinese files."""

    def __init__(self, triggers: Sequence[Trigger], *, cache: Cache = NO_CACHE) -> None:
        """Raises ValueError naming the patterns that Hyperscan refuses."""
        own = {_everywhere(trigger): _UTF8 for trigger in triggers}
        for trigger in triggers:
            if not trigger.pattern.isascii() and not trigger.raw:
                own |= {_encoded(trigger, encoding.name): encoding for encoding in (_UTF16, _GB18030)}
        self._encodings = own
        self._matcher = Matcher((*own, _WIDE_RUN), cache=cache, is_raw=True)

    def text(self, data: Buffer) -> str:
        """The runs around the places of all triggers, one per line; empty when there is none."""
        places = self._matcher.scan(data)
        return "\n".join(run for encoding in (_UTF8, _UTF16, _GB18030) for run in self._runs(data, places, encoding))

    def _runs(self, data: Buffer, places: Places, encoding: _Encoding) -> Iterator[str]:
        if encoding is _UTF16 and _WIDE_RUN in places.ends:
            # ASCII alone: read with the alphabet of Han characters, it is text at the wrong alignment too.
            yield from (run[0].decode(encoding.name) for run in islice(_WIDE_ASCII.finditer(data), _MAX_RUNS))
        ends = (bucket for trigger, bucket in places.ends.items() if self._encodings.get(trigger) is encoding)
        done = 0
        for end in sorted({end for bucket in ends for end in bucket})[:_MAX_RUNS]:
            if end <= done or not _stands_in_text(data, end, encoding):
                continue
            for start, window in _windows(data, end, done, encoding):
                for run in encoding.run.finditer(window):
                    holds = start + run.start() < end <= start + run.end() + encoding.unit
                    if holds and len(run[0]) >= _RUN_BYTES:
                        done = max(done, start + run.end())
                        yield run[0].decode(encoding.name, errors="replace")


def _stands_in_text(data: Buffer, end: int, encoding: _Encoding) -> bool:
    """Whether a run long enough reaches the place; a glance that spares noise the whole window."""
    low = max(0, end - _GLANCE)
    for start in range(low, low + encoding.unit):
        near = bytes(data[start : end + _GLANCE])
        for run in encoding.run.finditer(near):
            if start + run.start() < end <= start + run.end() + encoding.unit and len(run[0]) >= _RUN_BYTES:
                return True
    return False


def _everywhere(trigger: Trigger) -> Trigger:
    """The trigger with all its places: the first one may lie in noise."""
    return replace(trigger, once=False, most=_MAX_RUNS)


def _windows(data: Buffer, end: int, done: int, encoding: _Encoding) -> Iterable[tuple[int, bytes]]:
    """The bytes around a place, at each alignment of the encoding."""
    start = max(done, end - _REACH)
    return [(at, bytes(data[at : end + _REACH])) for at in range(start, start + encoding.unit)]


def _encoded(trigger: Trigger, encoding: str) -> Trigger:
    """The trigger with its characters outside ASCII in another encoding; ASCII stays, being mostly syntax."""
    raw = "".join(
        char if char.isascii() else "".join(f"\\x{byte:02x}" for byte in char.encode(encoding))
        for char in trigger.pattern
    )
    name = f"{encoding} {trigger.pattern}"
    return Trigger(name, caseless=trigger.caseless, most=_MAX_RUNS, raw=raw.encode())
