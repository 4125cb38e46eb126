from __future__ import annotations

import errno
import os
import signal

import pytest

from gateway.inspectors import kernel
from tests.support.pool import fork, in_child, in_thread, is_alive
from tests.support.waiting import eventually


def test_a_system_call_by_number_gives_its_result():
    assert kernel.syscall({"x86_64": 39, "aarch64": 172}[os.uname().machine]) == os.getpid()


def test_a_system_call_that_fails_raises_with_its_number():
    with pytest.raises(OSError) as caught:
        kernel.syscall(100_000)
    assert caught.value.errno == errno.ENOSYS


def test_a_setting_that_does_not_exist_raises():
    with pytest.raises(OSError):
        kernel.prctl(999, 0)


def test_capabilities_are_gone_for_good():
    def drop():
        kernel.drop_capabilities()
        return kernel.capabilities()

    before = kernel.capabilities()
    assert in_thread(drop) == 0
    assert kernel.capabilities() == before


def test_a_child_dies_with_its_parent():
    """in_child → parent → child; the parent ends, so the child must."""

    def parent():
        read, write = os.pipe()
        own = os.getpid()
        child = fork()
        if not child:
            kernel.die_with_parent(signal.SIGKILL, own)
            os.write(write, b"1")
            while True:
                signal.pause()
        os.read(read, 1)
        return child

    child = in_child(parent)
    eventually(lambda: not is_alive(child))


def test_a_child_whose_parent_is_gone_already_dies_at_once():
    died = fork()
    if not died:
        kernel.die_with_parent(signal.SIGKILL, 1 << 30)
        os._exit(0)
    assert os.waitpid(died, 0)[1] == signal.SIGKILL


def test_no_signal_is_sent_where_none_is_asked_for():
    kernel.die_with_parent(0, 1 << 30)


def test_the_signal_of_the_parents_death_stays_out_of_a_process_with_its_parent():
    def live():
        kernel.die_with_parent(signal.SIGKILL, os.getppid())
        return "alive"

    assert in_child(live) == "alive"


def test_free_memory_is_given_back():
    blocks = [bytearray(100_000) for _ in range(100)]
    del blocks
    kernel.release_free_memory()
