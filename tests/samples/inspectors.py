"""Inspection functions that behave badly, and a pool around one of them as a process of its own.

`python -m tests.samples.inspectors SOCKET NAME [--workers N] [--timeout_s S] [--memory_mb M] [--max_jobs N] …`
serves with the functions of build NAME. What a job asks for stands in its body: `word argument`.
"""

from __future__ import annotations

import argparse
import ctypes
import mmap
import os
import resource
import signal
import socket
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

from gateway.errors import ConfigError, Problem
from gateway.findings import Inspection, PartReport
from gateway.inspectors.bounds import Bounds
from gateway.inspectors.pool import Pool
from gateway.limits import MIB
from gateway.logs import log_to_stderr
from gateway.transfer import Actor, Buffer, Channel, Destination, Request, Transfer
from gateway.uploads.model import NO_ASK, Ask
from tests.support.pool import measure_if_asked

TRANSFER = Transfer(
    id="0193-sample",
    at="2026-05-01T08:00:00.000Z",
    actor=Actor(user="wang.fang", groups=("sales", "售后"), role="staff", ip="10.0.0.9"),
    destination=Destination(host="qyapi.weixin.qq.com", service="wecom"),
    channel=Channel.HTTP2,
    request=Request(path="/cgi-bin/media/upload", headers={"content-type": "application/json", "x": "\udce4"}, bytes=9),
)
"""A transfer with Chinese, a lone surrogate and defaults in it."""


def say(text: str) -> Inspection:
    """An inspection that carries one sentence."""
    return Inspection(path=text)


def inspect(transfer: Transfer, body: Buffer, ask: Ask = NO_ASK) -> Inspection:
    """Do what the body says."""
    word, _, argument = bytes(body[:200]).decode("latin-1").partition(" ")
    if word in ACTIONS:
        return ACTIONS[word](argument)
    return Inspection(
        parts=(PartReport("p", "n", len(body), sha256(body).hexdigest(), "", type(body).__name__),), path=transfer.id
    )


def _tried(step) -> Inspection:
    try:
        return say(f"done {step()}")
    except (OSError, RuntimeError) as error:
        return say(type(error).__name__)


def _loop_in_python(_):
    while True:
        pass


def _connect(kind):
    with socket.socket(*{"inet": (socket.AF_INET, socket.SOCK_STREAM), "unix": (socket.AF_UNIX,)}[kind]) as made:
        made.connect(("127.0.0.1", 9) if kind == "inet" else "/run/x")


def _thread():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _fork():
    child = os.fork()
    if not child:
        os._exit(0)
    return os.waitpid(child, 0)


def _prctl_dumpable():
    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)


def _status(key):
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(line for line in lines if line.startswith(key))


def _kept(view=[]):  # noqa: B006 - it is to be kept
    view.append(bytearray(60 * MIB))
    return len(view)


ACTIONS = {
    "pid": lambda _: say(str(os.getpid())),
    "segfault": lambda _: say(str(ctypes.string_at(0))),
    "abort": lambda _: os.abort(),
    "raise": lambda _: (_ for _ in ()).throw(ValueError("110105194912310 02X")),
    "system-exit": lambda _: sys.exit(0),
    "loop": _loop_in_python,
    "loop-in-c": lambda _: say(str(sum(range(10**12)))),
    "sleep": lambda seconds: say(str(time.sleep(float(seconds)))),
    "blocked-signals": lambda _: [signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()), _loop_in_python(0)],
    "eat": lambda _: say(str(len(bytearray(1 << 40)))),
    "eat-slowly": lambda _: [bytearray(MIB) for _ in range(1 << 20)] and say("full"),
    "huge": lambda _: say("x" * (9 * MIB)),
    "not-an-inspection": lambda _: 7,
    "keep": lambda _: say(str(_kept())),
    "print": lambda _: say(f"{os.write(1, b'payload-on-stdout')}{os.write(2, b'payload-on-stderr')}"),
    "connect": lambda kind: _tried(lambda: _connect(kind)),
    "read": lambda path: _tried(lambda: len(Path(path).read_bytes())),
    "list": lambda path: _tried(lambda: len(os.listdir(path))),
    "write": lambda path: _tried(lambda: Path(path).write_bytes(b"x")),
    "unlink": lambda path: _tried(lambda: os.unlink(path)),
    "fork": lambda _: _tried(_fork),
    "thread": lambda _: _tried(_thread),
    "execve": lambda _: _tried(lambda: os.execv("/bin/true", ["true"])),
    "spawn": lambda _: _tried(lambda: os.posix_spawn("/bin/true", ["true"], {})),
    "kill-parent": lambda _: _tried(lambda: os.kill(os.getppid(), signal.SIGKILL)),
    "setuid": lambda _: _tried(lambda: os.setuid(0)),
    "unshare": lambda _: _tried(lambda: os.unshare(os.CLONE_NEWUSER)),
    "memfd": lambda _: _tried(lambda: os.memfd_create("x")),
    "ptrace": lambda _: say(str(ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0))),
    "map": lambda _: _tried(lambda: len(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE))),
    "late-import": lambda _: say(
        __import__("encodings.gb18030", fromlist=["x"]).__name__ + "绝密".encode("gb18030").hex()
    ),
    "dumpable": lambda _: say(str(_prctl_dumpable())),
    "status": lambda key: _tried(lambda: _status(key)),
    "ids": lambda _: say(f"{os.getuid()} {os.getgid()} {os.getgroups()}"),
    "descriptors": lambda _: say(" ".join(str(number) for number in range(64) if _is_open(number))),
}


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _from_file(path: str):
    """A build whose outcome stands in a file, so that a test can change it."""

    def build():
        word = Path(path).read_text("ascii")
        if word == "wrong":
            raise ConfigError([Problem("s.yaml", 3, "no such key"), Problem("s.yaml", 9, "no such key either")])
        if word == "broken":
            raise LookupError("110105194912310 02X")
        if word == "slow":
            time.sleep(60)
        if word == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return lambda transfer, body, ask: inspect(transfer, body, ask) if body else say(word)

    return build


def _starve(left: int):
    """A build after which so many more descriptors can be opened; 6 is what the generation's own pipes need."""

    def build():
        taken = {int(name) for name in os.listdir("/proc/self/fd")}
        free = [number for number in range(100) if number not in taken]
        resource.setrlimit(resource.RLIMIT_NOFILE, (free[left], resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        return inspect

    return build


BUILDS = {"actions": lambda: inspect, "starving": _starve(6), "starved": _starve(3)}


def main() -> int:
    """Run the pool until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("name")
    for option, kind in (
        ("workers", int),
        ("timeout_s", float),
        ("memory_mb", int),
        ("max_jobs", int),
        ("build_s", float),
    ):
        parser.add_argument(f"--{option}", type=kind)
    given = {key: value for key, value in vars(parser.parse_args()).items() if value is not None}
    path, name = given.pop("socket"), given.pop("name")
    if "memory_mb" in given:
        given["memory_bytes"] = given.pop("memory_mb") * MIB
    measure_if_asked()
    log_to_stderr()
    build = BUILDS.get(name) or _from_file(name)
    return Pool(build, socket_path=path, bounds=Bounds(**given)).run()


if __name__ == "__main__":
    sys.exit(main())
