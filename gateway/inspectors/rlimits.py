"""What the kernel lets an inspector use: for its whole life, and raised for each job."""

from __future__ import annotations

import math
import os
import resource

MAX_OPEN_FILES = 64
"""Descriptors; an inspector holds about ten and a lazy import opens one or two."""


def limit_life(pid: int = 0) -> None:
    """Bounds that never change, for this process or another: nothing is written, nothing started, no core dumped.

    RLIMIT_NPROC does not hold for root; there the system call filter refuses instead.
    """
    for what, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
    ):
        _, hard = resource.prlimit(pid, what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)  # noqa: PLW2901 - the smaller one holds
        resource.prlimit(pid, what, (most, most))


def limit_job(*, address_space_bytes: int, timeout_s: float) -> None:
    """Bounds of the job that begins now; only the soft limits, so that the next job can have its own."""
    _soft(resource.RLIMIT_AS, address_space_bytes)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # The kernel counts whole seconds; one more, so that wall clock is what ends an honest job.
    _soft(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime + timeout_s) + 1)


def _soft(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


class MemoryGauge:
    """Size of this process from /proc/self/statm, which is opened before the sandbox closes the file system."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._page_bytes = resource.getpagesize()

    @property
    def descriptor(self) -> int:
        """To be kept open by who closes all others."""
        return self._file

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._file)

    def sizes(self) -> tuple[int, int]:
        """Address space and resident size, in bytes."""
        pages = os.pread(self._file, 256, 0).split()
        return int(pages[0]) * self._page_bytes, int(pages[1]) * self._page_bytes
