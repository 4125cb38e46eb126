from __future__ import annotations

import ctypes
import faulthandler
import mmap
import os
import resource
import signal
import socket
import threading

import pytest

from gateway.inspectors import kernel, seccomp
from tests.support.pool import fork, in_thread

SETUID, SETGROUPS = {"x86_64": (105, 116), "aarch64": (146, 159)}[os.uname().machine]


def filtered(action):
    """The action's outcome in a thread under the filter."""
    rules = seccomp.Filter()

    def run():
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        rules.load(os.getpid())
        try:
            return action()
        except (OSError, RuntimeError) as error:
            return type(error).__name__

    return in_thread(run)


REFUSED = [
    pytest.param(lambda: socket.socket(socket.AF_INET), id="socket: IPv4"),
    pytest.param(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), id="socket: IPv6"),
    pytest.param(lambda: socket.socket(socket.AF_UNIX), id="socket: Unix"),
    pytest.param(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW), id="socket: netlink"),
    pytest.param(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW), id="socket: packet"),
    pytest.param(socket.socketpair, id="socketpair"),
    pytest.param(os.fork, id="fork"),
    pytest.param(lambda: os.posix_spawn("/bin/true", ["true"], {}), id="spawn"),
    pytest.param(lambda: os.execv("/bin/true", ["true"]), id="execve"),
    pytest.param(lambda: os.kill(os.getppid(), 0), id="kill"),
    pytest.param(lambda: os.pidfd_open(os.getpid()), id="pidfd"),
    pytest.param(lambda: os.open("/dev/null", os.O_WRONLY), id="open for writing"),
    pytest.param(lambda: os.open("/dev/null", os.O_RDWR), id="open for both"),
    pytest.param(lambda: os.open("/nowhere/x", os.O_RDONLY | os.O_CREAT), id="create"),
    pytest.param(lambda: os.unlink("/nowhere/x"), id="unlink"),
    pytest.param(lambda: os.rename("/nowhere/x", "/nowhere/y"), id="rename"),
    pytest.param(lambda: os.mkdir("/nowhere/x"), id="mkdir"),
    pytest.param(lambda: os.chmod("/nowhere/x", 0), id="chmod"),
    pytest.param(lambda: os.memfd_create("x"), id="memfd"),
    pytest.param(lambda: os.unshare(os.CLONE_NEWUSER), id="unshare"),
    # by number: the C library ends a process whose threads would get different users
    pytest.param(lambda: kernel.syscall(SETUID, 0), id="setuid"),
    pytest.param(lambda: kernel.syscall(SETGROUPS, 0, None), id="setgroups"),
    pytest.param(kernel.drop_capabilities, id="capset"),
    pytest.param(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE), id="limits of another"),
]


@pytest.mark.parametrize("action", REFUSED)
def test_refused(action):
    assert filtered(action) == "PermissionError"


def test_no_thread_is_started():
    assert filtered(lambda: threading.Thread(target=int).start()) == "RuntimeError"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda libc: libc.ptrace(16, os.getppid(), 0, 0), id="ptrace"),
        pytest.param(lambda libc: libc.mount(b"none", b"/", b"tmpfs", 0, None), id="mount"),
        pytest.param(lambda libc: libc.setns(0, 0), id="setns"),
        pytest.param(lambda libc: libc.syscall(425, 1, None), id="io_uring"),
        pytest.param(
            lambda libc: libc.syscall(321, 0, None, 0), id="bpf", marks=pytest.mark.skipif("os.uname()[4] != 'x86_64'")
        ),
    ],
)
def test_refused_by_number(call):
    libc = ctypes.CDLL(None, use_errno=True)
    assert filtered(lambda: (call(libc), ctypes.get_errno())) == (-1, 1)


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        pytest.param(lambda: len(os.read(os.open("/dev/null", os.O_RDONLY), 1)), 0, id="open for reading"),
        pytest.param(lambda: len(mmap.mmap(-1, 4096)), 4096, id="map memory"),
        pytest.param(lambda: resource.getrlimit(resource.RLIMIT_CORE) is not None, True, id="its own limits"),
        pytest.param(lambda: signal.raise_signal(0), None, id="signal itself"),
        pytest.param(lambda: b"abc"[1:], b"bc", id="compute"),
    ],
)
def test_left(action, outcome):
    assert filtered(action) == outcome


def test_abort_still_ends_with_its_own_signal():
    child = fork()
    if not child:
        faulthandler.disable()
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.Filter().load(os.getpid())
        os.abort()
    assert os.waitpid(child, 0)[1] & 127 == signal.SIGABRT


def test_a_name_that_the_library_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(seccomp, "REFUSED", ("no_such_call", "socket"))
    assert filtered(lambda: socket.socket(socket.AF_UNIX)) == "PermissionError"


def test_without_the_library_there_is_no_filter(monkeypatch):
    monkeypatch.setattr(seccomp, "pyseccomp", None)
    with pytest.raises(OSError, match="libseccomp is not installed"):
        seccomp.Filter()


def test_every_name_stands_once():
    assert len(set(seccomp.REFUSED)) == len(seccomp.REFUSED)
