from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest

from gateway.inspectors.deaths import Brake, DeathBook, End, end_of
from gateway.inspectors.words import Ticket

MEMORY = 1024 * 1024


def exited(code):
    return code << 8


@pytest.mark.parametrize(
    ("status", "killed", "resident_kib", "end"),
    [
        pytest.param(exited(0), False, 1, End.STOPPED, id="told to stop"),
        pytest.param(exited(10), False, 1, End.RECYCLED, id="due for a fresh one"),
        pytest.param(exited(11), False, 1, End.MEMORY, id="ran out of memory and said so"),
        pytest.param(exited(12), False, 1, End.CRASH, id="the inspection raised"),
        pytest.param(exited(13), False, 1, End.CRASH, id="did not start"),
        pytest.param(exited(77), False, 1, End.CRASH, id="an exit code it does not have"),
        pytest.param(signal.SIGALRM, False, 1, End.TIMEOUT, id="its timer"),
        pytest.param(signal.SIGXCPU, False, 1, End.TIMEOUT, id="its processor time"),
        pytest.param(signal.SIGKILL, True, 1, End.TIMEOUT, id="the watcher"),
        pytest.param(signal.SIGKILL, True, 1024, End.TIMEOUT, id="the watcher, and it was large"),
        pytest.param(signal.SIGKILL, False, 1, End.CRASH, id="somebody else's kill"),
        pytest.param(signal.SIGSEGV, False, 1, End.CRASH, id="segmentation fault"),
        pytest.param(signal.SIGABRT, False, 921, End.CRASH, id="abort below nine tenths"),
        pytest.param(signal.SIGABRT, False, 922, End.MEMORY, id="abort over nine tenths"),
        pytest.param(signal.SIGKILL, False, 1024, End.MEMORY, id="the kernel, out of memory"),
        pytest.param(exited(12), False, 1024, End.CRASH, id="raised while large"),
    ],
)
def test_end(status, killed, resident_kib, end):
    usage = SimpleNamespace(ru_maxrss=resident_kib)
    assert end_of(status, usage, killed=killed, memory_bytes=MEMORY) is end


def test_the_brake_slows_down_with_the_deaths_of_the_last_seconds_only():
    brake = Brake(2)
    assert [round(brake.delay_s(now), 3) for now in (0.0, 0.0, 0.1, 0.2, 10.15, 10.3, 30.0)] == [
        0.0,
        0.0,
        0.1,
        0.2,
        0.0,
        0.0,
        0.0,
    ]


def test_the_book_keeps_the_last_deaths():
    book = DeathBook(2)
    for job, end in ((1, End.CRASH), (2, End.TIMEOUT), (3, End.MEMORY)):
        book.add(Ticket(7, job), end)
    assert [book.reason(Ticket(7, job)) for job in range(5)] == ["", "", "timeout", "memory", ""]


def test_the_brake_has_a_longest_delay():
    brake = Brake(0)
    assert [brake.delay_s(0.0) for _ in range(100)][-1] == 2.0
