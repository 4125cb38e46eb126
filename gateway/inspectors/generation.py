"""One build of the inspection function and the inspectors that share it by fork.

A child of the pool, which knows nothing heavy: so a reload starts from clean modules, and what a build leaks goes
with its generation. It watches its inspectors, kills those over their time and forks their replacements.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import structlog

from gateway.errors import ConfigError
from gateway.inspectors.board import Board, Doing
from gateway.inspectors.bounds import KILL_GRACE_S, START_S, Bounds
from gateway.inspectors.deaths import STORM_MAX_S, Brake, End, Exit, end_of
from gateway.inspectors.kernel import die_with_parent
from gateway.inspectors.rlimits import MemoryGauge, limit_life
from gateway.inspectors.sandbox import Layer, Report, Sandbox, readable_paths, separate_network
from gateway.inspectors.worker import Inspect, Worker, close_other_files, place_of, quiet_signals

type Build = Callable[[], Inspect]
"""Makes the inspection function; raises ConfigError when signatures or settings are wrong."""

WATCH_S = 0.25
"""Between looks at the clock of each inspector."""
FAILED_STARTS = 5
"""Inspectors in a row that never came up before a generation that never worked gives up."""

log = structlog.get_logger("inspectors")


@dataclass(slots=True)
class _Child:
    pid: int
    slot: int
    killed: bool = False
    started: bool = False


class Generation:
    """The process between the pool and its inspectors. It ends when the pool closes `link`."""

    def __init__(
        self, build: Build, *, listener: socket.socket, link: socket.socket, boards: list[Board], bounds: Bounds
    ) -> None:
        self._build = build
        self._listener = listener
        self._link = link
        self._boards = boards
        self._bounds = bounds
        self._children: dict[int, _Child] = {}
        self._start_at: dict[int, float] = dict.fromkeys(range(len(boards)), 0.0)
        self._brake = Brake(free=5 * len(boards))
        self._failed_starts = 0
        self._report: Report = dict.fromkeys(Layer, "")
        self._ready = False
        self._draining = False

    def run(self, pool: int) -> int:
        """Build, serve and drain; the exit code of the process. Ends at once when process `pool` does."""
        self._parent = os.getpid()
        network = separate_network()
        die_with_parent(signal.SIGKILL, pool)
        before = _open_files()
        try:
            self._inspect = self._build()
        except ConfigError as error:
            for problem in error.problems:
                log.error("inspectors.problem", problem=str(problem))
            self._tell({"failed": "ConfigError", "problems": len(error.problems)})
            return 2
        except Exception as error:  # noqa: BLE001 - the pool keeps what it has, whatever went wrong here
            # No trace: it repeats the message, which may quote a file.
            log.error("inspectors.build-failed", error=type(error).__name__, at=place_of(error))
            self._tell({"failed": type(error).__name__, "problems": 0})
            return 1
        self._build_files = _open_files() - before
        self._sandbox = Sandbox(network=network, readable=readable_paths(sys.modules))
        gc.collect()
        gc.freeze()  # Pages with objects that no collection touches stay shared with the inspectors.
        return self._watch()

    def _watch(self) -> int:
        self._stop_read, self._stop_write = os.pipe()
        self._starts_read, self._starts_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        while self._children or not self._draining:
            self._fill()
            watched = [self._wake_read, self._starts_read] + ([] if self._draining else [self._link])
            readable, _, _ = select.select(watched, [], [], self._pause_s())
            if self._link in readable:
                self._drain()
            if self._wake_read in readable:
                os.read(self._wake_read, 4096)
            self._hear_starts()
            self._reap()
            self._kill_overdue()
            if self._failed_starts >= FAILED_STARTS and not self._ready:
                self._tell({"failed": "inspectors do not start", "problems": 0})
                return 1
        return 0

    def _pause_s(self) -> float:
        """Until the next replacement is due, at most WATCH_S."""
        waits = [at - time.monotonic() for at in self._start_at.values()]
        return min(max(min(waits, default=WATCH_S), 0.0), WATCH_S)

    def _drain(self) -> None:
        """Every inspector ends after the job it has."""
        self._draining = True
        self._start_at.clear()
        os.close(self._stop_write)

    def _fill(self) -> None:
        now = time.monotonic()
        for slot in [slot for slot, at in self._start_at.items() if at <= now]:
            del self._start_at[slot]
            self._fork(slot)

    def _fork(self, slot: int) -> None:
        self._boards[slot].begin(Doing.STARTING, limit_s=START_S)
        try:
            pid = os.fork()
        except OSError as error:
            log.error("inspectors.fork-failed", error=error.strerror)
            self._boards[slot].rest(Doing.NOTHING)
            self._start_at[slot] = time.monotonic() + STORM_MAX_S
            return
        if not pid:  # pragma: no cover - as below
            self._be_child(slot)
        self._children[pid] = _Child(pid, slot)

    def _be_child(self, slot: int) -> NoReturn:  # pragma: no cover - closed in, it can write no coverage report
        code = Exit.FAILED_START
        try:
            code = self._be_worker(slot)
        except BaseException as error:  # noqa: BLE001 - the last frame of a process that has no screen
            os.write(self._starts_write, _start_line(os.getpid(), error=type(error).__name__))
        finally:
            os._exit(code)

    def _be_worker(self, slot: int) -> Exit:  # pragma: no cover - as above
        quiet_signals()
        gauge = MemoryGauge()
        for other in (board for board in self._boards if board is not self._boards[slot]):
            other.close()
        kept = {self._listener.fileno(), self._stop_read, self._starts_write, gauge.descriptor}
        _be_first_to_die()
        close_other_files(kept | self._build_files)
        report = self._sandbox.apply(self._parent, signal.SIGKILL)
        limit_life()
        worker = Worker(
            listener=self._listener,
            stop=self._stop_read,
            board=self._boards[slot],
            inspect=self._inspect,
            bounds=self._bounds,
            gauge=gauge,
        )
        # From here on it reads what senders wrote, so it loses its voice here first.
        os.write(self._starts_write, _start_line(os.getpid(), report=report))
        os.close(self._starts_write)
        return worker.run()

    def _hear_starts(self) -> None:
        """Lines of at most PIPE_BUF bytes are written whole, so a read ends at the end of one."""
        try:
            lines = os.read(self._starts_read, 1 << 16).splitlines()
        except BlockingIOError:
            return
        for line in lines:
            said = json.loads(line)
            child = self._children.get(said["pid"])
            if child is None or "error" in said:
                log.error("inspectors.start-failed", pid=said["pid"], error=said.get("error", ""))
                continue
            child.started, self._failed_starts = True, 0
            for name, why in said["report"].items():
                self._report[Layer(name)] = self._report[Layer(name)] or why
        if not self._ready and not self._start_at and all(child.started for child in self._children.values()):
            self._ready = True
            self._tell({"ready": self._report})

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                board = self._boards[child.slot]
                memory_bytes = self._bounds.memory_bytes + board.size_bytes
                end = end_of(status, usage, killed=child.killed, memory_bytes=memory_bytes)
                self._bury(child, end, board.job if board.doing == Doing.BUSY else 0)
                board.rest(Doing.NOTHING)

    def _bury(self, child: _Child, end: End, job: int) -> None:
        if not child.started:
            self._failed_starts += 1
        if end is not End.STOPPED or not self._draining:
            self._tell({"died": [child.pid, job, end]})
        if not self._draining:
            now = time.monotonic()
            self._start_at[child.slot] = now + (0.0 if end is End.RECYCLED else self._brake.delay_s(now))

    def _kill_overdue(self) -> None:
        for child in self._children.values():
            if not child.killed and self._boards[child.slot].is_overdue(KILL_GRACE_S):
                child.killed = True
                os.kill(child.pid, signal.SIGKILL)

    def _tell(self, message: dict[str, object]) -> None:
        try:
            self._link.send(json.dumps(message).encode())
        except OSError:
            # The pool has gone or closed the link; draining follows from that, and nobody is left to be told.
            return


def _open_files() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/fd")}  # noqa: PTH208 - numbers, not paths


def _be_first_to_die() -> None:  # pragma: no cover - as above
    """When the machine runs out of memory, an inspector goes before the gateway does."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123 - not a file of ours
            score.write("500")
    except OSError:
        return


def _start_line(pid: int, *, report: Report | None = None, error: str = "") -> bytes:  # pragma: no cover - as above
    said: dict[str, object] = {"pid": pid, "error": error} if report is None else {"pid": pid, "report": report}
    return json.dumps(said).encode() + b"\n"
