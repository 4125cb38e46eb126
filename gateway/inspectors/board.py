"""One page of shared memory per inspector: what it does now, written by it and read by its watchers.

One page each, so that an inspector taken over by its input can lie about itself only.
"""

from __future__ import annotations

import mmap
import time
from enum import IntEnum

_STATE, _JOB, _BEGUN_NS, _LIMIT_NS, _SIZE = range(5)


class Doing(IntEnum):
    """What an inspector is at."""

    NOTHING = 0
    """There is no process."""
    STARTING = 1
    IDLE = 2
    BUSY = 3


class Board:
    """The page; made before the fork, so that parent and child see the same memory."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        # Items of a cast view are stored with one aligned 8-byte write, so a reader never sees half a number.
        self._words = memoryview(self._page).cast("Q")

    def close(self) -> None:
        """Unmap the page here; other processes keep theirs."""
        self._words.release()
        self._page.close()

    def begin(self, doing: Doing, *, job: int = 0, limit_s: float, size_bytes: int = 0) -> None:
        """Say that something begins now and may take `limit_s` seconds."""
        self._words[_BEGUN_NS] = time.monotonic_ns()
        self._words[_LIMIT_NS] = int(limit_s * 1e9)
        self._words[_SIZE] = size_bytes
        self._words[_JOB] = job
        self._words[_STATE] = doing

    def rest(self, doing: Doing) -> None:
        """Say that nothing runs: IDLE, or NOTHING when the process is gone."""
        self._words[_STATE] = doing

    @property
    def doing(self) -> int:
        """A value of Doing, or any number from a process that lies."""
        return self._words[_STATE]

    @property
    def job(self) -> int:
        """Number of the running or last job."""
        return self._words[_JOB]

    @property
    def size_bytes(self) -> int:
        """Body length of the running or last job."""
        return self._words[_SIZE]

    def is_overdue(self, grace_s: float) -> bool:
        """Whether what began has passed its limit by more than `grace_s`."""
        if self._words[_STATE] in {Doing.NOTHING, Doing.IDLE}:
            return False
        return time.monotonic_ns() > self._words[_BEGUN_NS] + self._words[_LIMIT_NS] + int(grace_s * 1e9)
