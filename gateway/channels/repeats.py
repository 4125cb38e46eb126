"""How often the same thing happened, told at once and then ever less often: a client that tries again floods nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

FIRST_S = 60.0
"""What follows the first is told together after this time; it doubles while things go on."""
LONGEST_S = 3600.0
"""Longest time between two tellings; who was quiet for so long begins anew."""
MAX_KEYS = 4096
"""Most different things remembered."""
MAX_NEW = 120
"""Most different things told at once in FIRST_S; more are told together."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is to be told now."""

    count: int
    """How often it happened since it was last told."""
    size_bytes: int = 0
    """Bytes of all these."""


@dataclass(slots=True)
class _Known:
    window_s: float
    tell_at_s: float
    count: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class Repeats[K: Hashable]:
    """Counts by key. Times are seconds of one clock that only goes forward.

    >>> told = Repeats(lambda key: "others")
    >>> told.seen("a", 0.0), told.seen("a", 1.0), told.due(60.0)
    (('a', Tally(count=1, size_bytes=0)), None, [('a', Tally(count=1, size_bytes=0))])
    """

    crowd: Callable[[K], K]
    """A key that stands for many: where there are too many different ones, they are counted under this."""
    _known: OrderedDict[K, _Known] = field(default_factory=OrderedDict)
    _new_since_s: float = 0.0
    _new: int = 0

    def seen(self, key: K, now_s: float, size_bytes: int = 0) -> tuple[K, Tally] | None:
        """What to tell at once: the key, or that of its crowd, and a tally; None when it is only counted for later."""
        known = self._known.get(key)
        if known is None and not self._has_room(now_s):
            key = self.crowd(key)
            known = self._known.get(key)
        if known is None:
            self._known[key] = _Known(FIRST_S, now_s + FIRST_S)
            return key, Tally(1, size_bytes)
        known.count += 1
        known.size_bytes += size_bytes
        return (key, self._tell(known, now_s)) if now_s >= known.tell_at_s else None

    def due(self, now_s: float) -> list[tuple[K, Tally]]:
        """What waited long enough; keys that were quiet are forgotten."""
        found = []
        for key, known in list(self._known.items()):
            if now_s < known.tell_at_s:
                continue
            if known.count:
                found.append((key, self._tell(known, now_s)))
            elif now_s >= known.tell_at_s + LONGEST_S:
                del self._known[key]
        return found

    def rest(self) -> list[tuple[K, Tally]]:
        """All that was counted and not told, at the end."""
        left = [(key, Tally(known.count, known.size_bytes)) for key, known in self._known.items() if known.count]
        self._known.clear()
        return left

    def _tell(self, known: _Known, now_s: float) -> Tally:
        tally = Tally(known.count, known.size_bytes)
        known.count = known.size_bytes = 0
        known.window_s = min(known.window_s * 2, LONGEST_S)
        known.tell_at_s = now_s + known.window_s
        return tally

    def _has_room(self, now_s: float) -> bool:
        """Whether another key may be told at once; makes room by forgetting one that has nothing to tell."""
        if now_s - self._new_since_s >= FIRST_S:
            self._new_since_s, self._new = now_s, 0
        if self._new >= MAX_NEW:
            return False
        if len(self._known) >= MAX_KEYS:
            oldest = next(iter(self._known))
            if self._known[oldest].count:
                self._known.move_to_end(oldest)
                return False
            del self._known[oldest]
        self._new += 1
        return True
