"""Why an inspector ended, and how fast the next one may start."""

from __future__ import annotations

import os
import signal
from collections import OrderedDict, deque
from enum import IntEnum, StrEnum
from resource import struct_rusage

from gateway.inspectors.words import Ticket
from gateway.limits import KIB

STORM_WINDOW_S = 10.0
"""Deaths older than this say nothing about the next one."""
STORM_STEP_S = 0.1
"""Added to the delay by each death over the free ones."""
STORM_MAX_S = 2.0
"""Longest delay, so that the pool comes back soon after a storm."""


class Exit(IntEnum):
    """Exit codes of an inspector."""

    STOPPED = 0
    RECYCLED = 10
    MEMORY = 11
    RAISED = 12
    FAILED_START = 13


class End(StrEnum):
    """How an inspector ended; label of the restarts metric."""

    CRASH = "crash"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    RECYCLED = "recycled"
    STOPPED = "stopped"


def end_of(status: int, usage: struct_rusage, *, killed: bool, memory_bytes: int) -> End:
    """The end behind a wait status; `killed` says that the watcher did it for passing its time.

    A death by a signal with nine tenths of `memory_bytes` resident counts as one of memory: C libraries abort, or
    use what malloc did not give them.
    """
    if os.WIFEXITED(status):
        ends = {Exit.STOPPED: End.STOPPED, Exit.RECYCLED: End.RECYCLED, Exit.MEMORY: End.MEMORY}
        return ends.get(Exit(code) if (code := os.WEXITSTATUS(status)) in set(Exit) else Exit.RAISED, End.CRASH)
    if killed or os.WTERMSIG(status) in {signal.SIGALRM, signal.SIGXCPU}:
        return End.TIMEOUT
    if usage.ru_maxrss * KIB >= memory_bytes * 0.9:
        return End.MEMORY
    return End.CRASH


class DeathBook:
    """The last deaths, so that a client can ask why its inspector went."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends: OrderedDict[Ticket, End] = OrderedDict()

    def add(self, ticket: Ticket, end: End) -> None:
        """Write down that the inspector with this ticket came to this end; the oldest entry makes room."""
        self._ends[ticket] = end
        if len(self._ends) > self._most:
            self._ends.popitem(last=False)

    def reason(self, ticket: Ticket) -> str:
        """The end, as a word; empty when none is known."""
        return self._ends.get(ticket, "")


class Brake:
    """Slows replacements down when inspectors die faster than a few at a time."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._deaths: deque[float] = deque(maxlen=free + int(STORM_MAX_S / STORM_STEP_S))

    def delay_s(self, now_s: float) -> float:
        """Seconds to wait before the replacement of one that died at `now_s` (monotonic).

        None for the first `free` deaths of a window, then more with each.

        >>> brake = Brake(1)
        >>> [brake.delay_s(0.0), brake.delay_s(0.0), brake.delay_s(0.0), brake.delay_s(11.0)]
        [0.0, 0.1, 0.2, 0.0]
        """
        while self._deaths and now_s - self._deaths[0] > STORM_WINDOW_S:
            self._deaths.popleft()
        self._deaths.append(now_s)
        return min(max(len(self._deaths) - self._free, 0) * STORM_STEP_S, STORM_MAX_S)
