"""One inspector: takes a job at a time from the shared socket, inspects, answers."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.findings import Inspection
from gateway.inspectors import kernel
from gateway.inspectors.board import Board, Doing
from gateway.inspectors.bounds import Bounds
from gateway.inspectors.deaths import Exit
from gateway.inspectors.jobs import Job, JobError, receive_job
from gateway.inspectors.rlimits import MemoryGauge, limit_job
from gateway.inspectors.words import Failure, Reason, Ticket, pack_reply
from gateway.limits import MIB
from gateway.transfer import Buffer, Transfer
from gateway.uploads.model import Ask

type Inspect = Callable[[Transfer, Buffer, Ask], Inspection]
"""The whole inspection of one payload; `gateway.inspection` builds the real one."""

RECHECK_S = 1.0
"""Between looks for a connection whose wake went to an inspector that was killed before it could take it."""
IDLE_BYTES = 8 * MIB
"""Growth over which an inspector gives memory back after its job; small ones cost no look at all objects."""
_OUT_OF_MEMORY = pack_reply(Failure(Reason.MEMORY, "MemoryError"))
"""Packed beforehand: when it is needed there is no memory to pack it."""


class Worker:
    """The loop of one inspector. Everything is given to it: it opens nothing."""

    def __init__(
        self, *, listener: socket.socket, stop: int, board: Board, inspect: Inspect, bounds: Bounds, gauge: MemoryGauge
    ) -> None:
        self._listener = listener
        self._stop = stop
        self._board = board
        self._inspect = inspect
        self._bounds = bounds
        self._gauge = gauge
        self._base_bytes, self._resident_bytes = gauge.sizes()
        self._kept_bytes = self._resident_bytes
        """Resident size after memory was last given back."""
        self._jobs = 0

    def run(self) -> Exit:
        """Serve until `stop` becomes readable (its other end is closed), or until it is time for a fresh process."""
        with select.epoll() as events:
            # Exclusive: one connection wakes one inspector.
            events.register(self._listener, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            events.register(self._stop, select.EPOLLIN)
            self._board.rest(Doing.IDLE)
            while self._jobs < self._bounds.max_jobs:
                ready = [descriptor for descriptor, _ in events.poll(RECHECK_S)]
                # Whatever woke it: the one wake of a connection may have come here together with the word to stop.
                exit_code = self._accept()
                if exit_code is not None:
                    return exit_code
                if self._stop in ready:
                    return Exit.STOPPED
        return Exit.RECYCLED

    def _accept(self) -> Exit | None:
        """The next job, if there is one; an exit code when this process must not take another."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return None
        with connection:
            return self._serve(connection)

    def _serve(self, connection: socket.socket) -> Exit | None:
        self._jobs += 1
        timeout_s = self._bounds.timeout_s
        self._board.begin(Doing.BUSY, job=self._jobs, limit_s=timeout_s)
        # No handler is set for SIGALRM: its default ends the process, inside C code too.
        signal.setitimer(signal.ITIMER_REAL, timeout_s)
        try:
            connection.sendall(Ticket(os.getpid(), self._jobs).pack())
            answer, exit_code = self._answer(connection)
            connection.sendall(answer)
        except OSError:
            exit_code = None  # The client has gone; nobody waits for the answer.
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if exit_code is None:
            if self._has_grown():
                return Exit.RECYCLED
            self._board.rest(Doing.IDLE)
        return exit_code

    def _answer(self, connection: socket.socket) -> tuple[bytes, Exit | None]:
        try:
            job = receive_job(connection)
        except JobError:
            return pack_reply(Failure(Reason.PROTOCOL, "JobError")), None
        try:
            self._limit(job)
            with job.body() as body:
                return pack_reply(self._inspect(job.head.transfer, body, job.head.ask)), None
        except MemoryError:
            return _OUT_OF_MEMORY, Exit.MEMORY
        except BaseException as error:  # noqa: BLE001 - whatever it is, the client is told and the process ends
            return pack_reply(Failure(Reason.CRASH, type(error).__name__, place_of(error))), Exit.RAISED
        finally:
            job.close()

    def _limit(self, job: Job) -> None:
        size_bytes, timeout_s = job.head.size_bytes, min(job.head.timeout_s, self._bounds.timeout_s)
        self._board.begin(Doing.BUSY, job=self._jobs, limit_s=timeout_s, size_bytes=size_bytes)
        signal.setitimer(signal.ITIMER_REAL, timeout_s)
        space = self._base_bytes + self._bounds.memory_bytes + size_bytes
        limit_job(address_space_bytes=space, timeout_s=timeout_s)

    def _has_grown(self) -> bool:
        now = self._gauge.sizes()[1]
        if now > self._kept_bytes + IDLE_BYTES:
            # What a large job leaves free would stay here beside the next large job, which another inspector may have.
            gc.collect()
            kernel.release_free_memory()
            now = self._kept_bytes = self._gauge.sizes()[1]
        return now > self._resident_bytes + self._bounds.recycle_bytes


def place_of(error: BaseException) -> str:
    """`file.py:line` where it was raised: what may be said of an exception whose message may quote payload."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def close_other_files(keep: set[int]) -> None:
    """Close every descriptor but 0, 1, 2 and `keep`, and turn 0, 1 and 2 to /dev/null.

    C libraries print to them what they choke on, which is payload.
    """
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    for descriptor in {int(name) for name in os.listdir("/proc/self/fd")} - keep - {0, 1, 2}:  # noqa: PTH208
        with suppress(OSError):  # the listing's own is closed already
            os.close(descriptor)


def quiet_signals() -> None:
    """What a terminal or a service manager sends to the whole group is for the pool; the timer's signal kills."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGALRM, signal.SIGXCPU, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
