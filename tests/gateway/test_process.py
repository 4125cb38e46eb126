"""Children that are started, heard, buried and started again; signals that wake; ends that come with the parent's."""

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.process import BRAKE_S, PARENT, STEADY_S, Child, Signals, die_with_parent, raise_open_files
from tests.support.pool import in_child, is_alive
from tests.support.waiting import eventually

SLEEP = ("sleep", "60")
READY = ("sh", "-c", 'echo 1 >"/proc/self/fd/$1"; exec sleep 60')
"""Says that it is ready on the descriptor behind `--ready-fd`."""


@pytest.fixture
def child(request):
    child = Child("worker", getattr(request, "param", SLEEP), says_ready=getattr(request, "param", SLEEP) is not SLEEP)
    yield child
    child.kill()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_child_is_started_apart_from_the_terminal(child):
    child.start()
    assert child.is_running
    assert not child.has_ended
    assert os.getpgid(child.process.pid) == child.process.pid
    told = Path(f"/proc/{child.process.pid}/environ").read_text()
    assert f"{PARENT}={os.getpid()}" in told.split("\0")


@pytest.mark.parametrize(("kind", "seen"), [("worker", b"gate:hunter2\n"), ("inspectors", b"\n"), ("console", b"\n")])
def test_login_of_the_next_proxy_is_for_workers(tmp_path, monkeypatch, kind, seen):
    monkeypatch.setenv("SLUICE_UPSTREAM_LOGIN", "gate:hunter2")
    child = Child(kind, ("sh", "-c", f'echo "$SLUICE_UPSTREAM_LOGIN" >{tmp_path}/seen'))
    child.start()
    child.process.wait(10)
    assert (tmp_path / "seen").read_bytes() == seen


def test_child_that_was_not_started(child):
    assert not child.is_running
    assert not child.has_ended
    child.signal(signal.SIGTERM)
    child.hear()
    assert not child.is_ready


@pytest.mark.parametrize("child", [READY], indirect=True, ids=["says ready"])
def test_ready_is_heard_once(child):
    before = open_files()
    child.start()
    assert open_files() == before + 1

    def heard():
        child.hear()
        return child.is_ready

    eventually(heard)
    assert open_files() == before
    child.hear()
    assert child.is_ready


@pytest.mark.parametrize("child", [("true",)], indirect=True, ids=["ends without a word"])
def test_end_is_not_taken_for_ready(child):
    before = open_files()
    child.start()

    def hung_up():
        child.hear()
        return child.ready_fd == -1

    eventually(hung_up)
    eventually(lambda: child.has_ended)
    assert not child.is_ready
    assert open_files() == before


@pytest.mark.parametrize("child", [("/nowhere/such-a-program",)], indirect=True, ids=["no such program"])
def test_failed_start_leaves_no_descriptor(child):
    before = open_files()
    with pytest.raises(FileNotFoundError):
        child.start()
    child.kill()
    assert open_files() == before


def test_brake(child):
    now, waits = 1000.0, []
    for _ in range(6):
        child.started_at = now
        child.bury(now + 1)
        waits.append(child.start_at - now - 1)
    assert waits == [0.5, 1.0, 2.0, 5.0, 5.0, 5.0]
    child.started_at = now
    child.bury(now + STEADY_S)
    assert child.start_at - now - STEADY_S == BRAKE_S[0] == 0.0


@pytest.mark.parametrize(
    ("deaths", "started_at", "runs", "expected"),
    [
        (2, 0.0, False, False),
        (3, 0.0, False, True),
        (3, 100.0, True, True),
        (3, 60.0, True, False),
    ],
    ids=["twice is an accident", "waits for its next start", "has just started again", "runs steadily now"],
)
def test_keeps_dying(deaths, started_at, runs, expected):
    child = Child("worker", ("true",), deaths=deaths, started_at=started_at)
    child.process = object() if runs else None
    assert child.keeps_dying(100.0) is expected


def test_burial_hangs_up(child):
    child.argv, child.says_ready = READY, True
    before = open_files()
    child.start()
    child.process.kill()
    child.process.wait()
    child.bury(child.started_at)
    assert (child.process, child.ready_fd, open_files()) == (None, -1, before)


def test_signal_reaches_the_child(child):
    child.start()
    child.signal(signal.SIGTERM)
    assert child.process.wait(20) == -signal.SIGTERM
    assert child.has_ended


def test_signals_wake_in_order_and_are_put_back():
    before = signal.getsignal(signal.SIGHUP), open_files()
    with Signals(signal.SIGHUP, signal.SIGTERM) as signals:
        assert signals.wait(0.0) == []
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wait(20.0) == [signal.SIGHUP, signal.SIGTERM]
        assert signals.wait(0.0) == []
    assert (signal.getsignal(signal.SIGHUP), open_files()) == before


def test_end_of_a_child_wakes():
    with Signals() as signals:
        process = subprocess.Popen(["true"])
        assert signals.wait(20.0) == [signal.SIGCHLD]
        assert process.wait() == 0


def test_descriptor_wakes_without_a_signal():
    read, write = os.pipe()
    timer = threading.Timer(0.05, os.write, (write, b"1"))
    with Signals(signal.SIGHUP) as signals:
        timer.start()
        assert signals.wait(20.0, [read]) == []
    timer.join()
    os.close(read)
    os.close(write)


PARENT_PROGRAM = """
import subprocess, sys, os
from gateway.process import PARENT
child = subprocess.Popen([sys.executable, "-c", '''
import time
from gateway.process import die_with_parent
die_with_parent()
print("armed", flush=True)
time.sleep(60)
'''], env={**os.environ, PARENT: str(os.getpid())}, stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), child.pid, flush=True)
sys.stdin.read()
"""


def test_child_ends_when_its_parent_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT_PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        word, pid = parent.stdout.readline().split()
        assert (word, is_alive(int(pid))) == ("armed", True)
        parent.kill()
    eventually(lambda: not is_alive(int(pid)))


def test_parent_that_was_gone_before_the_call():
    def ask() -> int:
        got = []
        signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
        os.environ[PARENT] = "1999999999"
        die_with_parent()
        return got

    assert in_child(ask) == [signal.SIGTERM]


@pytest.mark.parametrize("named", [True, False], ids=["named", "nobody said who"])
def test_parent_that_is_there(named):
    parent = os.getpid()

    def ask() -> int:
        got = []
        signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
        os.environ.pop(PARENT, None)
        if named:
            os.environ[PARENT] = str(parent)
        die_with_parent()
        return got

    assert in_child(ask) == []


@pytest.mark.parametrize(("hard", "bound"), [(700, 700), (resource.RLIM_INFINITY, 1 << 20)], ids=["700", "none"])
def test_open_files_are_raised_as_far_as_they_may(monkeypatch, hard, bound):
    soft = [256]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (soft[0], hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _what, limits: soft.__setitem__(0, limits[0]))
    assert raise_open_files() == bound


def test_open_files_that_may_not_be_raised_stay(monkeypatch):
    def refuse(*_arguments):
        raise PermissionError

    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_open_files() == before
