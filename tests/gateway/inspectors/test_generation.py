from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import structlog

from gateway.errors import ConfigError, Problem
from gateway.inspectors import kernel
from gateway.inspectors.board import Board, Doing
from gateway.inspectors.bounds import Bounds
from gateway.inspectors.generation import Generation
from gateway.inspectors.words import Carriage, JobHead, pack_head
from tests.samples.inspectors import BUILDS, TRANSFER, inspect
from tests.support.pool import children_of, fork, save_measurement
from tests.support.waiting import eventually


def room_bytes() -> int:
    """A fork's resident memory begins with that of the process that runs the tests."""
    return (256 << 20) + 2 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Launched:
    """A generation in a forked process, and the pool's end of its link."""

    def __init__(self, folder, build, bounds):
        self.path = str(folder / "i.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.setblocking(False)
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(20)
        self.boards = [Board() for _ in range(bounds.workers)]
        self.bounds = bounds
        pool = os.getpid()
        self.pid = fork()
        if not self.pid:
            self.be_generation(build, theirs, pool)
        theirs.close()

    def be_generation(self, build, link, pool):
        code = 99
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.link.close()
            with structlog.testing.capture_logs() as logs:
                generation = Generation(
                    build, listener=self.listener, link=link, boards=self.boards, bounds=self.bounds
                )
                code = generation.run(pool)
            link.send(json.dumps({"logs": logs}, default=str).encode())
        finally:
            save_measurement()
            os._exit(code)

    def hear(self):
        return json.loads(self.link.recv(1 << 16))

    def end(self):
        """Exit code, after whatever was said last."""
        with suppress(OSError):
            self.link.shutdown(socket.SHUT_WR)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def send(self, body, timeout_s=5.0):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(self.path)
        client.sendall(pack_head(JobHead(TRANSFER, timeout_s, len(body), Carriage.INLINE)) + body)
        return client

    def close(self):
        if self.pid:
            self.end()
        self.link.close()
        self.listener.close()
        for board in self.boards:
            board.close()


@contextmanager
def launched(folder, build=lambda: inspect, **bounds):
    made = Launched(folder, build, Bounds(**{"workers": 2, "memory_bytes": room_bytes(), "timeout_s": 5.0, **bounds}))
    try:
        yield made
    finally:
        made.close()


def read_all(client):
    data = b""
    # Who dies with bytes unread resets the connection.
    with suppress(ConnectionResetError):
        while more := client.recv(1 << 16):
            data += more
    client.close()
    return data


def test_it_says_what_sandbox_its_inspectors_have_once_all_are_up(tmp_path):
    with launched(tmp_path) as generation:
        ready = generation.hear()["ready"]
        assert {name for name, why in ready.items() if not why} >= {"landlock", "seccomp", "no-new-privileges"}
        eventually(lambda: [board.doing for board in generation.boards] == [Doing.IDLE, Doing.IDLE])
        assert len(children_of(generation.pid)) == 2
        assert b"0193-sample" in read_all(generation.send(b"anything"))
        assert generation.end() == 0
        assert generation.hear() == {"logs": []}


def test_it_lets_its_inspectors_finish_when_the_link_is_closed(tmp_path):
    with launched(tmp_path) as generation:
        generation.hear()
        client = generation.send(b"sleep 0.3")
        eventually(lambda: Doing.BUSY in [board.doing for board in generation.boards])
        assert generation.end() == 0
        assert b'"path":"None"' in read_all(client)


@pytest.mark.parametrize(
    ("body", "end"),
    [
        pytest.param(b"segfault", "crash", id="crash"),
        pytest.param(b"raise", "crash", id="exception"),
        pytest.param(b"sleep 60", "timeout", id="its own timer"),
        pytest.param(b"blocked-signals", "timeout", id="the watcher"),
        pytest.param(b"eat", "memory", id="memory"),
    ],
)
def test_it_says_who_died_over_which_job_and_why_and_replaces_it(tmp_path, body, end):
    with launched(tmp_path, timeout_s=0.2, workers=1) as generation:
        generation.hear()
        (victim,) = children_of(generation.pid)
        assert b"0193-sample" in read_all(generation.send(b"a job before"))
        read_all(generation.send(body))
        assert generation.hear() == {"died": [victim, 2, end]}
        assert b"0193-sample" in read_all(generation.send(b"a job after"))
        assert children_of(generation.pid) != [victim]


def test_an_idle_inspector_that_dies_is_replaced_too(tmp_path):
    with launched(tmp_path, workers=1) as generation:
        generation.hear()
        (victim,) = children_of(generation.pid)
        os.kill(victim, signal.SIGKILL)
        assert generation.hear() == {"died": [victim, 0, "crash"]}
        assert b"0193-sample" in read_all(generation.send(b"anything"))


def test_a_recycled_inspector_is_said_so_and_replaced_without_a_pause(tmp_path):
    with launched(tmp_path, workers=1, max_jobs=1) as generation:
        generation.hear()
        begun = time.monotonic()
        for _ in range(12):
            (victim,) = eventually(lambda: children_of(generation.pid))
            read_all(generation.send(b"x"))
            assert generation.hear() == {"died": [victim, 0, "recycled"]}
        assert time.monotonic() - begun < 5


def test_a_death_while_it_drains_is_still_told(tmp_path):
    with launched(tmp_path, workers=1) as generation:
        generation.hear()
        (victim,) = children_of(generation.pid)
        client = generation.send(b"sleep 60")
        eventually(lambda: generation.boards[0].doing == Doing.BUSY)
        generation.link.shutdown(socket.SHUT_WR)
        os.kill(victim, signal.SIGKILL)
        assert generation.hear() == {"died": [victim, 1, "crash"]}
        read_all(client)
        assert generation.end() == 0


def test_it_outlives_a_pool_that_does_not_listen(tmp_path):
    """The pool's end is gone altogether: nothing can be told, and it ends in order."""
    with launched(tmp_path, workers=1) as generation:
        generation.hear()
        (victim,) = children_of(generation.pid)
        client = generation.send(b"sleep 60")
        eventually(lambda: generation.boards[0].doing == Doing.BUSY)
        generation.link.close()
        os.kill(victim, signal.SIGKILL)
        read_all(client)
        assert generation.end() == 0


def test_a_process_that_the_build_left_behind_is_no_inspector(tmp_path):
    def build():
        if not os.fork():
            os._exit(3)
        return inspect

    with launched(tmp_path, build) as generation:
        assert "ready" in generation.hear()
        eventually(lambda: len(children_of(generation.pid)) == 2)


def wrong():
    raise ConfigError([Problem("s.yaml", 3, "no such key"), Problem("s.yaml", 9, "no such key either")])


def broken():
    raise LookupError("110105194912310 02X")


@pytest.mark.parametrize(
    ("build", "told", "exit_code", "logged"),
    [
        pytest.param(
            wrong,
            {"failed": "ConfigError", "problems": 2},
            2,
            [
                {"problem": "s.yaml:3: no such key", "event": "inspectors.problem", "log_level": "error"},
                {"problem": "s.yaml:9: no such key either", "event": "inspectors.problem", "log_level": "error"},
            ],
            id="configuration",
        ),
        pytest.param(
            broken,
            {"failed": "LookupError", "problems": 0},
            1,
            [
                {
                    "error": "LookupError",
                    "at": f"test_generation.py:{broken.__code__.co_firstlineno + 1}",
                    "event": "inspectors.build-failed",
                    "log_level": "error",
                }
            ],
            id="another error, whose message may quote a file",
        ),
    ],
)
def test_a_build_that_fails(tmp_path, build, told, exit_code, logged):
    with launched(tmp_path, build) as generation:
        assert generation.hear() == told
        assert generation.hear() == {"logs": logged}
        assert generation.end() == exit_code


def test_it_gives_up_when_no_inspector_comes_up(tmp_path):
    with launched(tmp_path, BUILDS["starving"], workers=1) as generation:
        said = [generation.hear() for _ in range(6)]
        assert [line["died"][1:] for line in said[:5]] == [[0, "crash"]] * 5
        assert said[5] == {"failed": "inspectors do not start", "problems": 0}
        logs = generation.hear()["logs"]
        assert [(line["event"], line["error"]) for line in logs] == [("inspectors.start-failed", "OSError")] * 5
        assert generation.end() == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the place of a user with a known count of processes")
def test_a_fork_that_fails_is_tried_again(tmp_path):
    """The user has as many processes as it may have; then one of them ends."""

    def become_another():
        os.setresuid(12345, 12345, 12345)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)

    def build():
        become_another()
        resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
        return inspect

    read, write = os.pipe()
    second = fork()
    if not second:
        become_another()
        os.write(write, b"1")
        while True:
            signal.pause()
    os.read(read, 1)
    with launched(tmp_path, build, workers=1) as generation:
        # It found that it must wait: asleep, as the user, and without a child.
        eventually(lambda: owner_of(generation.pid) == 12345 and state_of(generation.pid) == "S")
        assert children_of(generation.pid) == []
        os.kill(second, signal.SIGKILL)
        os.waitpid(second, 0)
        assert generation.hear()["ready"]["unprivileged-user"] == ""
        assert generation.end() == 0
        logs = generation.hear()["logs"]
        assert {line["event"] for line in logs} == {"inspectors.fork-failed"}
        assert logs[0]["error"] == "Resource temporarily unavailable"
    os.close(read)
    os.close(write)


def owner_of(pid):
    return Path(f"/proc/{pid}").stat().st_uid


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
