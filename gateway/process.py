"""What the processes of the gateway have in common: ending with their parent, hearing signals, starting children."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from gateway.login import VARIABLE

_PR_SET_PDEATHSIG = 1
PARENT = "SLUICE_SUPERVISOR_PID"
"""Variable in which the supervisor tells its children who their parent is; PID 1 may be a supervisor in a container."""
BRAKE_S = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Waits before the first, second, … restart of a process that keeps dying; the last one repeats."""
STEADY_S = 30.0
"""A process that ran this long starts again at the first wait."""

MAX_OPEN_FILES = 1 << 20
"""Most open files of a process that are asked for; containers may allow a thousand times that, which costs memory."""
LOOPING = 3
"""Deaths in a row that are no accident any more."""


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent goes, so that no part outlives the supervisor (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    expected = os.environ.get(PARENT)
    if expected is not None and os.getppid() != int(expected):
        # The parent was gone before the call.
        os.kill(os.getpid(), signal.SIGTERM)


def raise_open_files() -> int:
    """Raise this process's bound on open files as far as it may go, for its children too; the bound then.

    A proxy worker has a descriptor for every connection, and the usual bound of 1024 is for programs that use select.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Signals:
    """`with Signals(SIGTERM, …) as signals`: those signals and the end of a child wake `wait` and do nothing else.

    For the main thread only; what was set before is put back at the end.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = (*numbers, signal.SIGCHLD)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers = {number: signal.signal(number, lambda *_: None) for number in self._numbers}
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Put back what was there."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, timeout_s: float, also: Iterable[int] = ()) -> list[int]:
        """Numbers of the signals that came, in order, after the first of them or `timeout_s`; may be empty.

        Returns early, too, when a descriptor of `also` can be read.
        """
        readable, _, _ = select.select([self._read, *also], [], [], max(timeout_s, 0.0))
        return list(os.read(self._read, 4096)) if self._read in readable else []


@dataclass(slots=True)
class Child:
    """A process that is to run, and what is known of it."""

    kind: str
    argv: tuple[str, ...]
    says_ready: bool = False
    """Whether it takes `--ready-fd N`, and writes a byte there once it is ready."""
    process: subprocess.Popen[bytes] | None = None
    ready_fd: int = -1
    """Read end of that pipe; -1 before the start, and once the byte or the end of the process came."""
    is_ready: bool = False
    """Whether it has written that byte."""
    started_at: float = 0.0
    deaths: int = 0
    """Ends in a row, each soon after the start."""
    start_at: float = 0.0
    """Monotonic seconds; not to be started again before."""

    def start(self) -> None:
        """Start the process, out of reach of a terminal's Ctrl-C: who started it says when it ends."""
        argv, write = self.argv, -1
        if self.says_ready:
            self.ready_fd, write = os.pipe()
            argv = (*argv, "--ready-fd", str(write))
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own modules
                argv,
                env={
                    **{name: value for name, value in os.environ.items() if self.may_know(name)},
                    PARENT: str(os.getpid()),
                },
                pass_fds=(write,) if self.says_ready else (),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            if self.says_ready:
                os.close(write)
        self.is_ready = False
        self.started_at = time.monotonic()

    def may_know(self, name: str) -> bool:
        """Whether it is given that variable; the login to the next proxy is for those who connect to it alone."""
        return name != VARIABLE or self.kind == "worker"

    def hear(self) -> None:
        """Take note of the byte that says ready, if it has come."""
        if self.ready_fd >= 0 and select.select([self.ready_fd], [], [], 0)[0]:
            self.is_ready = bool(os.read(self.ready_fd, 1))
            self._hang_up()

    @property
    def has_ended(self) -> bool:
        """Whether it was started and runs no more."""
        return self.process is not None and self.process.poll() is not None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def keeps_dying(self, now: float) -> bool:
        """Whether it died LOOPING times soon after its start, and has not run steadily since."""
        return self.deaths >= LOOPING and (self.process is None or now - self.started_at < STEADY_S)

    def bury(self, now: float) -> None:
        """Forget the process that has ended, and set the time of its next start."""
        self._hang_up()
        self.deaths = self.deaths + 1 if now - self.started_at < STEADY_S else 0
        self.start_at = now + BRAKE_S[min(self.deaths, len(BRAKE_S) - 1)]
        self.process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, if it runs."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it now, whatever it does, and wait until it is gone; does nothing when there is none."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        if self.ready_fd >= 0:
            os.close(self.ready_fd)
            self.ready_fd = -1
