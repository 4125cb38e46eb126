"""`sluice run`: starts, watches, restarts and drains the processes of one machine."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import FrameType
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gateway.errors import ConfigError, StartError
from gateway.process import PARENT
from gateway.settings import Address, Settings

log = structlog.get_logger()

READY_S = 60.0
"""Longest wait for a process to say that it is ready."""
STOP_S = {"worker": 30.0, "inspectors": 10.0, "recorder": 15.0, "console": 5.0}
"""Kind → longest wait for it to end after SIGTERM; then it is killed."""
BRAKE_S = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Waits before the first, second, … restart of a process that keeps dying; the last one repeats."""
STEADY_S = 30.0
"""A process that ran this long starts again at the first wait."""
TICK_S = 0.2
"""Time between two looks at the children."""
STATE_FOLDERS = ("journal", "spool", "ca", "evidence", "run", "run/metrics")


@dataclass(slots=True)
class Child:
    """One process and what is known of it."""

    kind: str
    argv: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    ready: int = -1
    """Read end of the pipe on which it says that it is ready; -1 once it has."""
    started_at: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    """Monotonic seconds; not started again before."""


@dataclass
class Supervisor:
    """The processes of one gateway."""

    settings: Settings
    config: str | None
    check: Callable[[], object]
    """Raises ConfigError when settings, policy, signatures or catalogue are wrong; asked before every reload."""
    announce: Callable[[], None]
    """Called once, when everything is ready."""
    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    reloading: bool = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; 0 after an orderly stop, 1 when a process could not start at all."""
        self.children = self.plan()
        signal.signal(signal.SIGTERM, self.on_signal)
        signal.signal(signal.SIGINT, self.on_signal)
        signal.signal(signal.SIGHUP, self.on_signal)
        exporter, _ = serve_metrics(self.settings.metrics.listen)
        try:
            for child in self.children:
                self.start(child)
            if not self.wait_ready():
                return 0 if self.stopping else 1
            self.announce()
            while not self.stopping:
                self.tick()
                time.sleep(TICK_S)
        finally:
            self.stop_all()
            exporter.shutdown()
        return 0

    def plan(self) -> list[Child]:
        """The processes to run, in the order of starting."""
        python = (sys.executable, "-m")
        config = ("--config", self.config) if self.config else ()
        workers = self.settings.workers if isinstance(self.settings.workers, int) else os.cpu_count() or 1
        return [
            Child("inspectors", (*python, "gateway.inspectors", *config)),
            Child("recorder", (*python, "gateway.records", *config)),
            *(Child("worker", (*python, "addons", "--slot", str(slot), *config)) for slot in range(workers)),
            Child("console", (*python, "gateway.console", *config)),
        ]

    def start(self, child: Child) -> None:
        """Start the process; a worker says on a pipe when its port is open."""
        argv, write = child.argv, -1
        passed: tuple[int, ...] = ()
        if child.kind == "worker":
            child.ready, write = os.pipe()
            argv, passed = (*argv, "--ready-fd", str(write)), (write,)
        environment = {**os.environ, PARENT: str(os.getpid())}
        child.process = subprocess.Popen(argv, env=environment, pass_fds=passed, stdin=subprocess.DEVNULL)  # noqa: S603
        child.started_at = time.monotonic()
        if write >= 0:
            os.close(write)

    def wait_ready(self) -> bool:
        """Whether every worker opened its port and the inspectors their socket, in time and without dying."""
        deadline = time.monotonic() + READY_S
        pending = [child for child in self.children if child.ready >= 0]
        inspectors = self.settings.state_dir / "run" / "inspectors.sock"
        while (pending or not connectable(inspectors)) and time.monotonic() < deadline and not self.stopping:
            for child in self.children:
                if child.process is not None and child.process.poll() is not None:
                    log.error("a process did not start", kind=child.kind, exit=child.process.returncode)
                    return False
            readable, _, _ = select.select([child.ready for child in pending], [], [], TICK_S)
            for child in [child for child in pending if child.ready in readable]:
                self.hear(child)
                pending.remove(child)
        return not pending and not self.stopping

    def hear(self, child: Child) -> None:
        """Close the pipe of a process that has said what it had to say."""
        if child.ready >= 0:
            os.close(child.ready)
            child.ready = -1

    def tick(self) -> None:
        """Replace what died, and carry out a reload that a signal asked for."""
        if self.reloading:
            self.reloading = False
            self.reload()
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self.bury(child, now)
            if child.process is None and now >= child.start_at:
                self.start(child)

    def bury(self, child: Child, now: float) -> None:
        """Take note of a death and say when the next start may be."""
        assert child.process is not None
        from metrics.catalogue import PROCESS_RESTARTS  # noqa: PLC0415 - after the metrics folder is set

        PROCESS_RESTARTS.labels(kind=child.kind).inc()
        log.error("process died, starting it again", kind=child.kind, exit=child.process.returncode)
        mark_process_dead(child.process.pid)  # type: ignore[no-untyped-call]
        self.hear(child)
        child.deaths = child.deaths + 1 if now - child.started_at < STEADY_S else 0
        child.start_at = now + BRAKE_S[min(child.deaths, len(BRAKE_S) - 1)]
        child.process = None

    def reload(self) -> None:
        """Hand SIGHUP on when everything that would be loaded is right; else keep the old and say why."""
        from metrics.catalogue import POLICY_RELOAD_FAILURES  # noqa: PLC0415 - after the metrics folder is set

        try:
            self.check()
        except ConfigError as error:
            POLICY_RELOAD_FAILURES.inc()
            log.error("not reloaded; everything stays as it was", problems=[str(problem) for problem in error.problems])
            return
        for child in self.children:
            if child.kind in {"worker", "inspectors"} and child.process is not None:
                child.process.send_signal(signal.SIGHUP)
        log.info("reload asked of all workers and inspectors")

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Only take note; the loop acts."""
        if number == signal.SIGHUP:
            self.reloading = True
        else:
            self.stopping = True

    def stop_all(self) -> None:
        """Drain: workers first, then what they need, each within its time."""
        for kind in ("worker", "inspectors", "recorder", "console"):
            mine = [child for child in self.children if child.kind == kind and child.process is not None]
            for child in mine:
                assert child.process is not None
                child.process.terminate()
            deadline = time.monotonic() + STOP_S[kind]
            for child in mine:
                assert child.process is not None
                try:
                    child.process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    log.error("process did not stop in time, killed", kind=kind)
                    child.process.kill()
                    child.process.wait()
                self.hear(child)


def prepare_state(state_dir: Path) -> None:
    """Make the state directory with mode 0700, its folders, and an empty metrics folder; raises StartError."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(state_dir / "run" / "metrics", ignore_errors=True)
        for name in STATE_FOLDERS:
            (state_dir / name).mkdir(mode=0o700, exist_ok=True)
        probe = state_dir / "run" / ".probe"
        probe.write_bytes(b"1")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"{state_dir}: the state directory cannot be written ({error.strerror}); "
            "set state_dir to a folder that this user owns"
        ) from None


def check_port(name: str, address: Address) -> None:
    """Raises StartError with one sentence when something else listens on the address."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen(1)
        except OSError as error:
            raise StartError(
                f"{address}: the {name} cannot listen there ({error.strerror}); "
                "stop the other program or set another address in sluice.yaml"
            ) from None


def serve_metrics(address: Address) -> tuple[WSGIServer, Thread]:
    """The exporter over the files that all processes share."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return start_http_server(address.port, address.host, registry=registry)


def connectable(path: Path) -> bool:
    """Whether somebody listens on the Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
