"""A file looked at in a process of its own: what comes back, and what becomes of one that breaks its reader."""

import ctypes
import json
import os
import signal
import socket
import struct
import time
from contextlib import suppress

import pytest

from gateway.cli import apart as module
from gateway.cli.apart import Apart, Extract, Look, LookError, answer_of, tell
from gateway.findings import Inspection, PartReport
from gateway.inspectors.codec import encode
from gateway.limits import MIB
from gateway.parts import Part, Text


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


class Acts:
    """An inspector that does what the file says; only the reading of hostile files is of interest here."""

    def inspect_file(self, name, data, *, reveal=False, watch=None):
        word, _, argument = bytes(data[:100]).decode().partition(" ")
        said = getattr(self, word)(argument) if hasattr(self, word) else ""
        if watch is not None:
            texts = (Text("第一行", "line 1"), Text("", ""))
            watch(Part(name, name, len(data), "", "", "text/plain", b"", texts=texts))
        return Inspection(parts=(PartReport(name, name, len(data), "", "", f"{reveal}"),), path=said)

    def crash(self, _):
        ctypes.string_at(0)

    def raises(self, _):
        raise ValueError("11010519491231002X")

    def kill(self, number):
        os.kill(os.getpid(), int(number))

    def quits(self, code):
        os._exit(int(code))

    def sleep(self, seconds):
        time.sleep(float(seconds))

    def spin(self, seconds):
        deadline = time.monotonic() + float(seconds)
        while time.monotonic() < deadline:
            pass

    def eat(self, mib):
        return str(len(bytearray(int(mib) * MIB)))

    def open(self, path):
        try:
            with open(path, "rb") as file:
                return f"opened {len(file.read())}"
        except OSError as error:
            return type(error).__name__

    def write(self, path):
        try:
            with open(path, "wb"):
                return "written"
        except OSError as error:
            return type(error).__name__

    def connect(self, _):
        try:
            socket.create_connection(("127.0.0.1", 9), 1).close()
        except OSError as error:
            return type(error).__name__
        return "connected"

    def prints(self, text):
        os.write(1, text.encode())
        os.write(2, text.encode())
        return "printed"

    def files(self, _):
        found = []
        for number in range(64):
            with suppress(OSError):
                os.fstat(number)
                found.append(number)
        return json.dumps(found)

    def long(self, mib):
        return "x" * (int(mib) * MIB)


@pytest.fixture
def apart():
    with Apart(Acts(), memory_bytes=256 * MIB, timeout_s=5.0) as apart:
        yield apart


@pytest.fixture
def look(apart, tmp_path):
    """`look(b"crash")`: what comes of a file with those bytes."""

    def call(data: bytes, **options) -> Look:
        path = tmp_path / "file.txt"
        path.write_bytes(data)
        before = open_files()
        with path.open("rb") as file:
            result = apart.look(file.fileno(), path.name, **options)
        assert open_files() == before
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        return result

    return call


@pytest.mark.parametrize("size", [0, 1, 5 * MIB])
def test_what_the_inspector_says_comes_back(look, size):
    (part,) = look(b"x" * size).inspection.parts
    assert (part.path, part.size_bytes, part.media_type) == ("file.txt", size, "False")


def test_options_reach_the_inspector(look):
    found = look(b"x", reveal=True, with_text=True)
    assert found.inspection.parts[0].media_type == "True"
    assert found.extracts == (Extract("file.txt line 1", "第一行"), Extract("file.txt", ""))
    assert look(b"x").extracts == ()


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        pytest.param(b"crash", "crash", id="segmentation fault"),
        pytest.param(b"raises", "crash", id="exception"),
        pytest.param(b"quits 0", "crash", id="leaves without a word"),
        pytest.param(b"quits 11", "memory", id="says that memory was short"),
        pytest.param(b"kill 9", "crash", id="killed"),
        pytest.param(b"eat 1000", "memory", id="too much memory"),
    ],
)
def test_a_file_that_breaks_its_reader_costs_itself_only(look, capfd, data, failure):
    assert look(data) == Look(Inspection(failure=failure))
    assert look(b"fine").inspection.failure == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("data", [b"sleep 60", b"spin 60"])
def test_time_runs_out(apart, look, data):
    apart._timeout_s = 0.3
    began = time.monotonic()
    assert look(data) == Look(Inspection(failure="timeout"))
    assert time.monotonic() - began < 5


def test_reader_that_does_not_end_by_itself_is_killed(apart, look, monkeypatch):
    """The child's own timer comes first; this is for one that was taken over and switched it off."""
    monkeypatch.setattr(module, "KILL_GRACE_S", -4.9)
    assert look(b"sleep 60") == Look(Inspection(failure="timeout"))


def test_memory_that_is_allowed_is_there(look):
    assert look(b"eat 64").inspection.path == str(64 * MIB)


def test_child_has_nothing_but_its_file(look, tmp_path, capfd):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    assert look(f"write {secret}".encode()).inspection.path in {"PermissionError", "OSError"}
    assert look(b"connect").inspection.path in {"PermissionError", "OSError", "ConnectionRefusedError"}
    assert look(b"prints 11010519491231002X").inspection.path == "printed"
    assert capfd.readouterr() == ("", "")
    # 0, 1 and 2 lead to nowhere; then the file and its mapping, the pipe and the size gauge.
    files = json.loads(look(b"files").inspection.path)
    assert (files[:3], len(files)) == ([0, 1, 2], 7)


def test_descriptors_the_inspector_needs_are_kept(tmp_path):
    with Apart(
        Acts(), memory_bytes=256 * MIB, timeout_s=5.0, keep=frozenset([os.open("/dev/zero", os.O_RDONLY)])
    ) as apart:
        (kept,) = apart._keep
        path = tmp_path / "file"
        path.write_bytes(b"files")
        with path.open("rb") as file:
            assert kept in json.loads(apart.look(file.fileno(), "file").inspection.path)
        os.close(kept)


def test_inspection_longer_than_the_gateway_would_take(look):
    assert look(b"long 9") == Look(Inspection(failure="protocol"))


def test_answer_longer_than_is_taken(look, monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1000)
    assert look(b"long 1") == Look(Inspection(failure="protocol"))


def test_ctrl_c_leaves_no_child(apart, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"sleep 60")
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with path.open("rb") as file, pytest.raises(KeyboardInterrupt):
            apart.look(file.fileno(), "file")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def frames_of(data: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    while data:
        tag, length = struct.unpack_from(">cI", data)
        found.append((tag, data[5 : 5 + length]))
        data = data[5 + length :]
    return found


@pytest.mark.parametrize("with_text", [False, True])
def test_frames_a_child_writes(tmp_path, with_text):
    path = tmp_path / "file.txt"
    path.write_bytes(b"abc")
    read, write = os.pipe()
    with path.open("rb") as file:
        tell(Acts(), file.fileno(), 3, "file.txt", write, reveal=False, with_text=with_text)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        frames = frames_of(pipe.read())
    assert [tag for tag, _ in frames] == ([b"T", b"T"] if with_text else []) + [b"I"]
    look = answer_of(iter(frames))
    assert look.inspection.parts[0].size_bytes == 3
    assert [extract.text for extract in look.extracts] == (["第一行", ""] if with_text else [])


FINE = encode(Inspection(path="p"))


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([(b"X", FINE)], id="unknown tag"),
        pytest.param([(b"I", b"{}")], id="no inspection"),
        pytest.param([(b"T", FINE), (b"I", FINE)], id="no text"),
        pytest.param([(b"I", b"")], id="nothing"),
        pytest.param([(b"I", b"[" * 100_000)], id="deep"),
    ],
)
def test_what_is_no_answer(frames):
    with pytest.raises(LookError):
        answer_of(iter(frames))


def test_frames_that_end_early():
    assert answer_of(iter([])) is None
    assert answer_of(iter([(b"T", encode(Extract("a", "b")))])) is None


def test_what_follows_the_inspection_is_not_looked_at():
    assert answer_of(iter([(b"I", FINE), (b"X", b"")])) == Look(Inspection(path="p"))
