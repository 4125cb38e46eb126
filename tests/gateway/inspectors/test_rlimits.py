from __future__ import annotations

import os
import resource
import signal

import pytest

from gateway.inspectors.rlimits import MemoryGauge, limit_job, limit_life
from tests.support.pool import fork, in_child

MIB = 1024 * 1024


@pytest.fixture
def child():
    """A process that waits."""
    pid = fork()
    while not pid:
        signal.pause()
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def limits_of(pid):
    names = ("FSIZE", "CORE", "NPROC", "MEMLOCK", "MSGQUEUE", "NOFILE")
    return {name: resource.prlimit(pid, getattr(resource, f"RLIMIT_{name}")) for name in names}


NOTHING = (0, 0)
FOR_LIFE = dict.fromkeys(("FSIZE", "CORE", "NPROC", "MEMLOCK", "MSGQUEUE"), NOTHING)


def test_limits_for_life(child):
    limit_life(child)
    assert limits_of(child) == FOR_LIFE | {"NOFILE": (64, 64)}


def test_a_limit_that_is_tighter_already_stays(child):
    resource.prlimit(child, resource.RLIMIT_NOFILE, (20, 20))
    limit_life(child)
    assert limits_of(child) == FOR_LIFE | {"NOFILE": (20, 20)}


def test_a_file_cannot_grow(tmp_path):
    def run():
        file = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT)
        limit_life()
        try:
            os.write(file, b"x")
        except OSError as error:
            return error.strerror
        return "written"

    assert in_child(run) == "File too large"


def test_limits_of_a_job_can_be_raised_for_the_next():
    def run():
        limit_job(address_space_bytes=8 << 40, timeout_s=5.0)
        limit_job(address_space_bytes=9 << 40, timeout_s=50.5)
        return resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]

    space, seconds = in_child(run)
    assert space == 9 << 40
    assert 52 <= seconds < 55


def test_limits_of_a_job_stay_under_hard_ones():
    def run():
        resource.setrlimit(resource.RLIMIT_AS, (8 << 40, 8 << 40))
        limit_job(address_space_bytes=9 << 40, timeout_s=5.0)
        return resource.getrlimit(resource.RLIMIT_AS)

    assert in_child(run) == [8 << 40, 8 << 40]


def test_a_job_over_its_memory_gets_a_memory_error():
    def run():
        gauge = MemoryGauge()
        limit_job(address_space_bytes=gauge.sizes()[0] + 64 * MIB, timeout_s=5.0)
        try:
            return len(bytearray(2048 * MIB))
        except MemoryError:
            return len(bytearray(32 * MIB))

    assert in_child(run) == 32 * MIB


def test_the_gauge_sees_growth():
    gauge = MemoryGauge()
    try:
        space, resident = gauge.sizes()
        block = bytearray(64 * MIB)
        block[::4096] = b"x" * len(block[::4096])
        grown_space, grown = gauge.sizes()
    finally:
        gauge.close()
    assert grown_space - space > 60 * MIB
    assert grown - resident > 60 * MIB
    with pytest.raises(OSError):
        os.fstat(gauge.descriptor)
