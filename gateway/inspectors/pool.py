"""The pool's parent process: owns the sockets, counts, and keeps one generation of inspectors in force."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field

import structlog

from gateway.inspectors.board import Board, Doing
from gateway.inspectors.bounds import Bounds
from gateway.inspectors.codec import encode
from gateway.inspectors.deaths import DeathBook, End
from gateway.inspectors.generation import Build, Generation
from gateway.inspectors.sockets import Sockets
from gateway.inspectors.words import LENGTH, QUESTION_BYTES, STATE, WHY, PoolState, Ticket, Why
from gateway.inspectors.worker import place_of
from metrics.catalogue import FAILURES, INSPECTOR_RESTARTS, INSPECTORS, SANDBOX_LAYERS

COUNT_S = 0.5
"""Between updates of the idle and busy gauges."""
DRAIN_GRACE_S = 3.0
"""What a generation may live over the time of its last job when the pool ends."""
REBUILD_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits before the builds that follow a generation that failed or died, the last one for all further."""
KNOWN_DEATHS = 1024
"""Deaths that can be asked about; a client asks within milliseconds."""
ANSWER_S = 0.2
"""Longest wait for a question on the control socket; clients send it at once."""

log = structlog.get_logger("inspectors")


@dataclass(slots=True, eq=False)
class _Child:
    """A generation as the pool sees it."""

    pid: int
    link: socket.socket
    boards: list[Board]
    give_up_at: float
    layers: dict[str, bool] = field(default_factory=dict)
    said_failed: bool = False


class Pool:
    """`run` serves until SIGTERM or SIGINT; SIGHUP builds anew. To be run in a process of one thread."""

    def __init__(self, build: Build, *, socket_path: str, bounds: Bounds) -> None:
        self._build = build
        self._sockets = Sockets(socket_path)
        self._bounds = bounds
        self._current: _Child | None = None
        self._next: _Child | None = None
        self._retiring: list[_Child] = []
        self._deaths = DeathBook(KNOWN_DEATHS)
        self._generation = 0
        self._failures = 0
        self._launch_at: float | None = 0.0
        self._stopping = False
        self._exit_code: int | None = None

    def run(self) -> int:
        """Exit code: 0 after SIGTERM, 2 when the first build found wrong configuration, 1 when it failed otherwise.

        Raises StartError when the sockets cannot be made.
        """
        self._sockets.open()
        try:
            wake = self._listen_to_signals()
            while self._exit_code is None:
                self._launch_when_due()
                children = {child.link.fileno(): child for child in self._children()}
                control = -1 if self._stopping else self._sockets.control.fileno()
                watched = [wake, *children, *([] if self._stopping else [control])]
                readable, _, _ = select.select(watched, [], [], COUNT_S)
                if wake in readable:
                    self._hear_signals(os.read(wake, 4096))
                for link in children.keys() & set(readable):
                    self._hear(children[link])
                if control in readable and not self._stopping:
                    self._answer()
                self._look_at_clock()
                self._count()
        finally:
            self._sockets.close()
        return self._exit_code

    def state(self) -> PoolState:
        """The pool now."""
        doing = [board.doing for child in (self._current, *self._retiring) if child for board in child.boards]
        idle, busy = doing.count(Doing.IDLE), doing.count(Doing.BUSY)
        return PoolState(
            generation=self._generation,
            workers=idle + busy,
            idle=idle,
            busy=busy,
            building=self._next is not None,
            layers=self._current.layers if self._current else {},
        )

    def _children(self) -> list[_Child]:
        return [child for child in (self._current, self._next, *self._retiring) if child is not None]

    def _listen_to_signals(self) -> int:
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake = (wake_read, wake_write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        return wake_read

    def _hear_signals(self, numbers: bytes) -> None:
        if signal.SIGHUP in numbers and not self._stopping:
            log.info("inspectors.reload")
            self._launch_at = 0.0
        if (signal.SIGTERM in numbers or signal.SIGINT in numbers) and not self._stopping:
            log.info("inspectors.stopping")
            self._stopping, self._launch_at = True, None
            self._stop_at = time.monotonic() + self._bounds.timeout_s + DRAIN_GRACE_S
            self._sockets.close()
            if self._next is not None:
                os.kill(self._next.pid, signal.SIGKILL)
            for child in self._children():
                child.link.shutdown(socket.SHUT_WR)

    def _launch_when_due(self) -> None:
        """Start a build when one is asked for and none is under way."""
        if self._launch_at is None or self._next is not None or time.monotonic() < self._launch_at:
            return
        self._launch_at = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        boards = [Board() for _ in range(self._bounds.workers)]
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            code = 1
            try:
                code = self._be_generation(parent, ours, theirs, boards)
            except BaseException as error:  # noqa: BLE001 - the last frame of this process
                log.error("inspectors.generation-failed", error=type(error).__name__, at=place_of(error))
            finally:
                os._exit(code)
        theirs.close()
        self._next = _Child(pid, ours, boards, time.monotonic() + self._bounds.build_s)

    def _be_generation(self, parent: int, ours: socket.socket, theirs: socket.socket, boards: list[Board]) -> int:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in self._children():
            child.link.close()
            for board in child.boards:
                board.close()
        ours.close()
        self._sockets.control.close()
        for descriptor in self._wake:
            os.close(descriptor)
        generation = Generation(
            self._build, listener=self._sockets.jobs, link=theirs, boards=boards, bounds=self._bounds
        )
        return generation.run(parent)

    def _hear(self, child: _Child) -> None:
        data = child.link.recv(1 << 16)
        if not data:
            self._bury(child)
            return
        message = json.loads(data)
        if "died" in message:
            pid, job, end = message["died"]
            self._deaths.add(Ticket(pid, job), End(end))
            INSPECTOR_RESTARTS.labels(end).inc()
            if end not in {End.RECYCLED, End.STOPPED}:
                log.warning("inspectors.died", pid=pid, job=job, reason=end)
        elif "ready" in message:
            self._take_over(child, message["ready"])
        else:
            child.said_failed = True
            self._count_failure(child, message["failed"], message["problems"])

    def _take_over(self, child: _Child, missing: dict[str, str]) -> None:
        """The new generation is in force; the old one finishes what it has."""
        if self._current is not None:
            self._current.link.shutdown(socket.SHUT_WR)
            self._retiring.append(self._current)
        child.layers = {layer: not why for layer, why in missing.items()}
        self._current, self._next = child, None
        self._generation += 1
        self._sockets.publish()
        self._failures = 0
        for layer, in_force in child.layers.items():
            SANDBOX_LAYERS.labels(layer).set(in_force)
        absent = {layer: why for layer, why in missing.items() if why}
        say = log.warning if absent else log.info
        say(
            "inspectors.ready",
            generation=self._generation,
            workers=len(child.boards),
            sandbox=[layer for layer, in_force in child.layers.items() if in_force],
            sandbox_missing=absent,
        )

    def _count_failure(self, child: _Child, error: str, problems: int) -> None:
        FAILURES.labels("signatures").inc()
        log.error("inspectors.reload-failed", error=error, problems=problems, keeps=self._generation)
        if child is self._next and not self._generation:
            self._exit_code = 2 if error == "ConfigError" else 1

    def _bury(self, child: _Child) -> None:
        """A generation has ended: as it was told to, or by itself; then the next build is due."""
        _, status = os.waitpid(child.pid, 0)
        child.link.close()
        for board in child.boards:
            board.close()
        if child in self._retiring:
            self._retiring.remove(child)
        elif child is self._next:
            if not child.said_failed and not self._stopping:
                self._count_failure(child, "killed", 0)
            self._next = None
        else:
            self._current = None
            if not self._stopping:
                FAILURES.labels("inspectors").inc()
                log.error("inspectors.generation-died", status=status)
        if self._current is None and not self._stopping and self._launch_at is None:
            wait_s = REBUILD_S[min(self._failures, len(REBUILD_S) - 1)]
            self._failures += 1
            self._launch_at = time.monotonic() + wait_s
        if self._stopping and not self._children():
            self._exit_code = 0

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        late = [child for child in (self._next,) if child is not None and now > child.give_up_at]
        if self._stopping and now > self._stop_at:
            late = self._children()
        for child in late:
            os.kill(child.pid, signal.SIGKILL)

    def _count(self) -> None:
        state = self.state()
        INSPECTORS.labels("idle").set(state.idle)
        INSPECTORS.labels("busy").set(state.busy)

    def _answer(self) -> None:
        """One question on the control socket; whoever asks is of the same user, and sends it at once."""
        try:
            connection, _ = self._sockets.control.accept()
            with connection:
                connection.settimeout(ANSWER_S)
                answer = self._answer_to(connection.recv(QUESTION_BYTES))
                connection.sendall(LENGTH.pack(len(answer)) + answer)
        except OSError:
            return

    def _answer_to(self, question: bytes) -> bytes:
        if len(question) == QUESTION_BYTES and question[:1] == WHY:
            return encode(Why(self._deaths.reason(Ticket.unpack(question[1:]))))
        return encode(self.state()) if question[:1] == STATE else b"{}"
