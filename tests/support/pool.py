"""A pool of inspectors as a process of its own, and places to try the sandbox in without closing it on the tests."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import coverage

from gateway.errors import InspectorError
from gateway.inspectors.client import InspectorClient
from gateway.inspectors.words import PoolState
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


class RunningPool:
    """`python -m tests.samples.inspectors` and what a test asks of it."""

    def __init__(self, folder: Path, name: str, **options: float) -> None:
        self.socket_path = str(folder / "run" / "i.sock")
        self.log_file = folder / "log"
        flags = [f"--{key}={value}" for key, value in options.items()]
        argv = [sys.executable, "-m", "tests.samples.inspectors", self.socket_path, name, *flags]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(argv, cwd=ROOT, stderr=log, stdout=log, env=measured_environment())

    def client(self, timeout_s: float = 5.0, **options: float) -> InspectorClient:
        return InspectorClient(self.socket_path, timeout_s, **options)

    def state(self) -> PoolState | None:
        """None while there is none."""
        try:
            return asyncio.run(self.client().ping())
        except InspectorError:
            return None

    def wait_for(self, condition: Callable[[PoolState], object]) -> PoolState:
        def look() -> PoolState | None:
            assert self.process.poll() is None, self.log_file.read_text()
            state = self.state()
            return state if state is not None and condition(state) else None

        return eventually(look)

    def generation_pid(self) -> int:
        (pid,) = children_of(self.process.pid)
        return pid

    def worker_pids(self) -> list[int]:
        return children_of(self.generation_pid())

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def events(self, name: str) -> list[dict[str, object]]:
        return [line for line in self.log() if line["event"] == name]

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        self.send(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running_pool(folder: Path, name: str = "actions", **options: float) -> Iterator[RunningPool]:
    """A pool with all inspectors up; it is stopped at the end."""
    pool = RunningPool(folder, name, **{"workers": 2, "timeout_s": 5.0, "memory_mb": 256, **options})
    try:
        pool.wait_for(lambda state: state.idle)
        yield pool
    finally:
        if pool.process.poll() is None:
            pool.stop()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def is_alive(pid: int) -> bool:
    """Whether there is such a process and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def measured_environment() -> dict[str, str]:
    """The environment, with what to measure and where to put it when coverage is measured."""
    measuring = coverage.Coverage.current()
    told = "" if measuring is None else json.dumps([measuring.config.data_file, measuring.config.source])
    return {**os.environ, "SLUICE_TEST_COVERAGE": told}


def measure_if_asked() -> None:
    """The other end of `measured_environment`, in the process that was started."""
    if told := os.environ.get("SLUICE_TEST_COVERAGE"):
        data_file, source = json.loads(told)
        measuring = coverage.Coverage(data_file=data_file, data_suffix=True, branch=True, source=source)
        measuring.set_option("run:patch", ["_exit"])  # forked processes save theirs when they end
        measuring.start()
        atexit.register(measuring.save)


def save_measurement() -> None:
    """What a forked process does before it ends by os._exit; one that is closed in cannot, and that is fine."""
    measuring = coverage.Coverage.current()
    if measuring is not None:
        with suppress(Exception):
            measuring.stop()
            measuring.save()


def in_thread[T](function: Callable[[], T]) -> T:
    """The result of the function in a thread of its own: Landlock, seccomp and capabilities bind a thread only."""
    outcome: list[T | BaseException] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the test
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def fork() -> int:
    """os.fork, also where a test runner has threads: the child runs what the test says and no more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def in_child(function: Callable[[], object]) -> object:
    """The result of the function, as JSON brings it back, in a forked process; raises AssertionError when that dies."""
    read, write = os.pipe()
    child = fork()
    if not child:
        try:
            os.write(write, json.dumps(function()).encode())
        except BaseException as error:  # noqa: BLE001 - told to the test
            os.write(write, json.dumps(repr(error)).encode())
        finally:
            save_measurement()
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    assert data, f"the child ended with {status}"
    return json.loads(data)
