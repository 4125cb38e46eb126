"""`sluice run`: starts, watches, restarts and drains the processes of one machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import IO
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gateway.errors import StartError
from gateway.fleet import Fleet
from gateway.inspectors.sockets import control_path, reachable
from gateway.process import Child, Signals, raise_open_files
from gateway.settings import Address, Settings

log = structlog.get_logger()

READY_S = 60.0
"""Longest wait for all processes to be ready at the start."""
STOP_S = {"worker": 30.0, "inspectors": 10.0, "recorder": 15.0, "console": 5.0}
"""Kind → longest wait for it to end after SIGTERM; then it is killed."""
STOP_ORDER = (("worker",), ("inspectors", "console"), ("recorder",))
"""Who ends before whom: uploads need inspectors until the last, and the recorder reads what all others wrote."""
WATCH_S = 1.0
"""Longest time between two looks at the children; the end of one is told at once."""
START_LOOK_S = 0.02
"""Time between two looks at what starts: sockets do not say when they come up."""
WRONG = 2
"""Exit code of a process whose configuration is wrong (INTERFACE, 2)."""
MAX_PROBLEMS = 100
"""Most lines of a check that are logged."""


@dataclass
class Supervisor:
    """The processes of one gateway."""

    settings: Settings
    children: list[Child]
    """In the order of starting; the first worker stands before all others."""
    check_argv: Sequence[str]
    """A command that lists everything wrong with the configuration on its stderr, and ends with 0 when nothing is."""
    announce: Callable[[], None]
    """Called once, when everything is ready."""
    reload_argv: Sequence[str] = ()
    """The same before a reload: what it found right is kept by its digest. Empty: as `check_argv`."""
    stopping: bool = False
    hurrying: bool = False
    reloading: bool = False
    checking: subprocess.Popen[bytes] | None = None
    """The check before a reload, while it runs."""
    said: IO[bytes] | None = field(default=None, repr=False)
    """What that check writes."""

    def __post_init__(self) -> None:
        self.fleet = Fleet(self.settings.state_dir)

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, in the main thread: 0 after an orderly stop, 1 or 2 when a process did not start.

        Raises StartError for a start that failed for a reason no process has told.
        """
        raise_open_files()
        with Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as self.signals:
            exporter, thread = serve_metrics(self.settings.metrics.listen)
            try:
                code = self.bring_up()
                if code is None and not self.stopping:
                    self.announce()
                while code is None and not self.stopping:
                    self.tick(time.monotonic())
                    self.listen(self.pause_s(time.monotonic()))
            finally:
                self.stop_all()
                exporter.shutdown()
                exporter.server_close()
                thread.join()
        return code or 0

    def listen(self, timeout_s: float) -> None:
        """Wait for a signal, for a child to end or to say that it is ready; take note of what came."""
        pipes = [child.ready_fd for child in self.children if child.ready_fd >= 0]
        for number in self.signals.wait(timeout_s, pipes):
            if number == signal.SIGHUP:
                self.reloading = True
            elif number != signal.SIGCHLD:
                # Who presses Ctrl-C again does not want to wait for what is open.
                self.hurrying = self.hurrying or (self.stopping and number == signal.SIGINT)
                self.stopping = True
        for child in self.children:
            child.hear()

    def bring_up(self) -> int | None:
        """Start everything; None once it is ready, an exit code when a process gave up. Raises StartError.

        The other workers and the console wait for the first worker: what is wrong is said once, and the port opens soon.
        """
        first = next(index for index, child in enumerate(self.children) if child.kind == "worker") + 1
        deadline = time.monotonic() + READY_S
        for group, needed in ((self.children[:first], self.children[first - 1 : first]), (self.children[first:], None)):
            for child in group:
                try:
                    child.start()
                except OSError as error:
                    raise StartError(f"the {child.kind} cannot be started: {error.strerror}") from None
            while not self.stopping and not all(self.is_up(child) for child in needed or self.children):
                ended = [child for child in self.children if child.has_ended]
                if ended:
                    return self.gave_up(ended[0])
                if time.monotonic() > deadline:
                    late = next(child.kind for child in self.children if child.process is None or not self.is_up(child))
                    raise StartError(f"the {late} was not ready within {READY_S:.0f} s; is the machine overloaded?")
                self.listen(START_LOOK_S)
        return None

    def is_up(self, child: Child) -> bool:
        """Whether the process has come up; of the recorder, whose work can wait, that it was started is enough."""
        if not child.is_ready and child.kind == "inspectors":
            # The socket for jobs gets its name first, and an inspector would have to look at every probe of it.
            jobs = self.settings.state_dir / "run" / "inspectors.sock"
            child.is_ready = connectable(Path(control_path(str(jobs))))
        if not child.is_ready and child.kind == "console":
            child.is_ready = connectable(self.settings.console.listen)
        return child.is_ready or child.kind == "recorder"

    def gave_up(self, child: Child) -> int:
        """The exit code for a process that ended at the start, after everything that a person must know was said."""
        assert child.process is not None
        if child.process.returncode == WRONG:
            # It said what it found first; the check says everything.
            subprocess.run(self.check_argv, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module
            return WRONG
        if child.process.returncode < 0:
            # Of any other end the process itself has told the reason.
            log.error("a process was killed while it started", kind=child.kind, signal=-child.process.returncode)
        return 1

    def pause_s(self, now: float) -> float:
        """Until the next start that is due, at most WATCH_S."""
        return min([WATCH_S, *(child.start_at - now for child in self.children if child.process is None)])

    def tick(self, now: float) -> None:
        """Replace what died, and carry on with a reload that a signal asked for."""
        for child in self.children:
            if child.has_ended:
                self.bury(child, now)
            if child.process is None and now >= child.start_at:
                self.start_again(child, now)
        self.fleet.tell(self.children, now)
        if self.checking is not None and self.checking.poll() is not None:
            self.end_check(self.checking.returncode)
        if self.reloading and self.checking is None:
            self.reloading = False
            self.said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the check has ended
            # All workers load the copy that was found right: never half a file, never two of them.
            self.checking = subprocess.Popen(  # noqa: S603 - our own module
                self.reload_argv or self.check_argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.said,
                process_group=0,
            )

    def bury(self, child: Child, now: float) -> None:
        """Count a death and say it; the next start comes when the brake lets go."""
        assert child.process is not None
        from metrics.catalogue import PROCESS_RESTARTS  # noqa: PLC0415 - after the metrics folder is set

        PROCESS_RESTARTS.labels(kind=child.kind).inc()
        log.error("process died, starting it again", kind=child.kind, exit=child.process.returncode)
        mark_process_dead(child.process.pid)  # type: ignore[no-untyped-call]
        child.bury(now)

    def start_again(self, child: Child, now: float) -> None:
        """Start it; a machine that has no process or descriptor to give is asked again after the brake's time."""
        try:
            child.start()
        except OSError as error:
            log.error("process could not be started", kind=child.kind, error=error.strerror)
            child.bury(now)

    def end_check(self, code: int) -> None:
        """Hand SIGHUP on when everything that would be loaded is right; else keep the old and say why."""
        from metrics.catalogue import POLICY_RELOAD_FAILURES  # noqa: PLC0415 - after the metrics folder is set

        assert self.said is not None
        with self.said as said:
            said.seek(0)
            problems = said.read().decode("utf-8", "replace").splitlines()
        self.checking = self.said = None
        if code:
            POLICY_RELOAD_FAILURES.inc()
            log.error("not reloaded; everything stays as it was", problems=problems[:MAX_PROBLEMS])
            return
        for child in self.children:
            if child.kind in {"worker", "inspectors"}:
                child.signal(signal.SIGHUP)
        log.info("reload asked of all workers and inspectors")

    def stop_all(self) -> None:
        """Drain: workers first, then what they need, each within its time; at once when somebody is in a hurry."""
        if self.checking is not None and self.said is not None:
            self.checking.kill()
            self.checking.wait()
            self.said.close()
        for kinds in STOP_ORDER:
            group = [child for child in self.children if child.kind in kinds]
            for child in group:
                child.signal(signal.SIGTERM)
            began = time.monotonic()
            for child in group:
                while child.is_running and not self.hurrying and time.monotonic() < began + STOP_S[child.kind]:
                    self.listen(WATCH_S)
                if child.is_running:
                    log.error("process did not stop in time, killed", kind=child.kind)
                child.kill()


def plan(settings: Settings, config: str | None) -> list[Child]:
    """The processes of a gateway, in the order of starting."""
    python = (sys.executable, "-m")
    # Without assertions: mitmproxy leaves its checks of types and states out then, a twentieth of a request's cost.
    quick = (sys.executable, "-O", "-m")
    own = ("--config", config) if config else ()
    workers = settings.workers if isinstance(settings.workers, int) else len(os.sched_getaffinity(0))
    return [
        Child("inspectors", (*python, "gateway.inspectors", *own)),
        Child("recorder", (*python, "gateway.records", *own)),
        *(Child("worker", (*quick, "addons", "--slot", str(n), *own), says_ready=True) for n in range(workers)),
        Child("console", (*python, "gateway.console", *own)),
    ]


def serve_metrics(address: Address) -> tuple[WSGIServer, Thread]:
    """The exporter over the files that all processes share; raises StartError when it cannot listen."""
    from metrics.catalogue import BUILD_INFO  # noqa: PLC0415 - after the metrics folder is set

    BUILD_INFO.labels(version=version("sluice-dlp")).set(1)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        return start_http_server(address.port, address.host, registry=registry)
    except OSError as error:
        raise StartError(
            f"{address}: the metrics exporter cannot listen there ({error.strerror}); set another metrics.listen"
        ) from None


def connectable(where: Path | Address) -> bool:
    """Whether somebody listens on the Unix socket or at the address."""
    with suppress(OSError):
        if isinstance(where, Address):
            socket.create_connection(where, timeout=WATCH_S).close()
            return True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            with reachable(str(where)) as name:
                probe.connect(name)
            return True
    return False
