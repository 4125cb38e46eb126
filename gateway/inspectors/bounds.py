"""The pool's own bounds."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gateway.limits import MIB
from gateway.settings import Settings

KILL_GRACE_S = 1.0
"""What an inspector may live over its time before its generation kills it; its own timer comes first."""
START_S = 10.0
"""Longest start of one inspector: fork and sandbox take milliseconds."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many inspectors there are, and what one job may use."""

    workers: int = 2
    memory_bytes: int = 1024 * MIB
    """Address space a job may add to what the inspector has at its start; a mapped body comes on top."""
    timeout_s: float = 30.0
    """Wall clock of one job, from the moment an inspector takes it until the reply is read."""
    max_jobs: int = 2000
    """Jobs after which an inspector is replaced, so that leaks of C libraries stay small."""

    build_s: float = 300.0
    """Longest build of an inspection function; one over it is given up."""

    @property
    def recycle_bytes(self) -> int:
        """Resident growth over which an inspector is replaced after its job."""
        return self.memory_bytes // 4


def bounds_of(settings: Settings) -> Bounds:
    """The settings' section in the pool's words."""
    given = settings.inspectors
    workers = len(os.sched_getaffinity(0)) if given.workers == "auto" else int(given.workers)
    return Bounds(workers=workers, memory_bytes=given.memory_mb * MIB, timeout_s=given.timeout_s)
