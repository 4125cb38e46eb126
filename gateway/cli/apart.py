"""One file looked at in a process of its own, closed in like an inspector: what it holds may be made to break readers.

A crash, a time-out or too much memory costs one file, not the command. The child writes frames on a pipe, each a tag,
a length and JSON: `T` an extracted text, `I` the inspection, which is the last.
"""

from __future__ import annotations

import gc
import mmap
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn, Self

from gateway.findings import Inspection
from gateway.inspection import Inspector
from gateway.inspectors.bounds import KILL_GRACE_S
from gateway.inspectors.codec import decode, encode
from gateway.inspectors.deaths import End, Exit, end_of
from gateway.inspectors.rlimits import MemoryGauge, limit_job, limit_life
from gateway.inspectors.sandbox import Sandbox, readable_paths, separate_network
from gateway.inspectors.words import MAX_REPLY_BYTES, REPLY_HEAD, Reason
from gateway.inspectors.worker import close_other_files, quiet_signals
from gateway.limits import KIB, MIB
from gateway.parts import Part

MAX_ANSWER_BYTES = 1024 * MIB
"""Most bytes taken from a child: the texts of a file may be asked for, and JSON writes a Chinese character in six."""
_TEXT, _INSPECTION = b"T", b"I"
_READ_BYTES = 1 * MIB
_REASONS = {End.TIMEOUT: Reason.TIMEOUT, End.MEMORY: Reason.MEMORY}


@dataclass(frozen=True, slots=True)
class Extract:
    """Text of one part."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """What came of looking at a file."""

    inspection: Inspection
    """With a `failure` when the process ended before it had an answer."""
    extracts: tuple[Extract, ...] = ()


class LookError(Exception):
    """A child wrote what is no answer."""


class Apart:
    """`with Apart(inspector, memory_bytes=…, timeout_s=…) as apart`, then `apart.look(…)` for each file.

    To be made when the engine is built: every child shares it by fork.
    """

    def __init__(
        self, inspector: Inspector, *, memory_bytes: int, timeout_s: float, keep: frozenset[int] = frozenset()
    ) -> None:
        """`keep`: descriptors that the inspector holds open and needs."""
        self._inspector = inspector
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._keep = keep
        self._sandbox = Sandbox(network="", readable=readable_paths(sys.modules))

    def __enter__(self) -> Self:
        """Leave what there is out of collections, so that its pages stay shared."""
        gc.collect()
        gc.freeze()
        return self

    def __exit__(self, *_: object) -> None:
        """Back to usual."""
        gc.unfreeze()

    def look(self, file: int, name: str, *, reveal: bool = False, with_text: bool = False) -> Look:
        """What the regular file behind the descriptor holds; never raises for what is in it."""
        read, write = os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        sys.stderr.flush()
        parent, size = os.getpid(), os.fstat(file).st_size
        pid = os.fork()
        if not pid:  # pragma: no cover - closed in, it can write no coverage report
            self._be_child(parent, file, size, name, write, reveal=reveal, with_text=with_text)
        os.close(write)
        with _Child(pid, read) as child:
            try:
                look = answer_of(child.frames(time.monotonic() + self._timeout_s + KILL_GRACE_S))
            except LookError:
                return Look(Inspection(failure=Reason.PROTOCOL))
            except TimeoutError:
                return Look(Inspection(failure=Reason.TIMEOUT))
        if look is not None:
            return look
        # What a fork has resident begins with what this process has.
        own_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
        end = child.end(self._memory_bytes + size + own_bytes)
        return Look(Inspection(failure=_REASONS.get(end, Reason.CRASH)))

    def _be_child(  # pragma: no cover - as above
        self, parent: int, file: int, size: int, name: str, write: int, *, reveal: bool, with_text: bool
    ) -> NoReturn:
        code = Exit.RAISED
        try:
            quiet_signals()
            gauge = MemoryGauge()
            close_other_files({file, write, gauge.descriptor, *self._keep})
            separate_network()
            self._sandbox.apply(parent, signal.SIGKILL)
            limit_life()
            space = gauge.sizes()[0] + self._memory_bytes + size
            limit_job(address_space_bytes=space, timeout_s=self._timeout_s)
            # No handler is set for SIGALRM: its default ends the process, inside C code too.
            signal.setitimer(signal.ITIMER_REAL, self._timeout_s)
            tell(self._inspector, file, size, name, write, reveal=reveal, with_text=with_text)
            code = Exit.STOPPED
        except MemoryError:
            code = Exit.MEMORY
        finally:
            os._exit(code)


def tell(inspector: Inspector, file: int, size: int, name: str, write: int, *, reveal: bool, with_text: bool) -> None:
    """Inspect the first `size` bytes of the file, and write the frames that say what they hold."""

    def watch(part: Part) -> None:
        for text in part.texts:
            _write(write, _TEXT, encode(Extract(f"{part.path} {text.location}".strip(), text.text)))

    data = memoryview(mmap.mmap(file, size, access=mmap.ACCESS_READ)) if size else b""
    found = inspector.inspect_file(name, data, reveal=reveal, watch=watch if with_text else None)
    _write(write, _INSPECTION, encode(found))


def _write(write: int, tag: bytes, data: bytes) -> None:
    view = memoryview(REPLY_HEAD.pack(tag, len(data)) + data)
    while view:
        view = view[os.write(write, view) :]


def answer_of(frames: Iterator[tuple[bytes, bytes]]) -> Look | None:
    """The answer in the frames; None when they end before the inspection. Raises LookError for what is no answer."""
    extracts: list[Extract] = []
    for tag, data in frames:
        try:
            if tag == _INSPECTION and len(data) <= MAX_REPLY_BYTES:
                return Look(decode(Inspection, data), tuple(extracts))
            if tag != _TEXT:
                raise LookError("an unknown tag, or an inspection that the gateway would not take either")
            extracts.append(decode(Extract, data))
        except ValueError as error:
            raise LookError(str(error)) from None
    return None


class _Child:
    """A forked process and the read end of its pipe; at the end of the `with` block it is gone."""

    def __init__(self, pid: int, read: int) -> None:
        self._pid, self._read = pid, read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._read)
        # One that has closed its pipe is about to end, and keeps its exit code; one that does not, ends now.
        os.kill(self._pid, signal.SIGKILL)
        self._status, self._usage = os.wait4(self._pid, 0)[1:]

    def frames(self, deadline: float) -> Iterator[tuple[bytes, bytes]]:
        """Tag and data of each whole frame, until the pipe is closed; raises TimeoutError, and LookError for too much."""
        received, taken = bytearray(), 0
        while True:
            if not select.select([self._read], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TimeoutError
            data = os.read(self._read, _READ_BYTES)
            if not data:
                return
            received += data
            taken += len(data)
            if taken > MAX_ANSWER_BYTES:
                raise LookError("too long an answer")
            while len(received) >= REPLY_HEAD.size:
                tag, length = REPLY_HEAD.unpack_from(received)
                if len(received) < REPLY_HEAD.size + length:
                    break
                yield tag, bytes(received[REPLY_HEAD.size : REPLY_HEAD.size + length])
                del received[: REPLY_HEAD.size + length]

    def end(self, memory_bytes: int) -> End:
        """How it ended, after the `with` block."""
        return end_of(self._status, self._usage, killed=False, memory_bytes=memory_bytes)
