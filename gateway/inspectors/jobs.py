"""The inspector's end of a job: taken off its connection, body mapped or held, never read through a shared offset."""

from __future__ import annotations

import mmap
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.inspectors.codec import decode
from gateway.inspectors.words import LENGTH, MAX_HEAD_BYTES, MAX_INLINE_BYTES, Carriage, JobHead
from gateway.limits import KIB
from gateway.transfer import Buffer

_FIRST_READ_BYTES = 64 * KIB
"""Takes a usual job whole, in one system call."""


class JobError(Exception):
    """What came over the connection is no job; the message is a word without content."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as received; who has it closes `descriptor`."""

    head: JobHead
    inline: bytes
    """Empty when the body travels by descriptor."""
    descriptor: int
    """-1 when the body is inline."""

    @contextmanager
    def body(self) -> Iterator[Buffer]:
        """The body, read-only, while the context lasts; raises OSError when it cannot be mapped."""
        if self.descriptor < 0 or not self.head.size_bytes:
            yield self.inline
            return
        mapped = mmap.mmap(self.descriptor, self.head.size_bytes, access=mmap.ACCESS_READ)
        view = memoryview(mapped)
        try:
            yield view
        finally:
            _unmap(mapped, view)

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)


def _unmap(mapped: mmap.mmap, view: memoryview) -> None:
    try:
        view.release()
        mapped.close()
    except BufferError:
        # The inspection kept a slice of it. The mapping goes when that does, and the inspector's size tells if not.
        return


def receive_job(connection: socket.socket) -> Job:
    """The one job of a connection; raises JobError when it is none, OSError when the client has gone."""
    data, descriptors, _, _ = socket.recv_fds(connection, _FIRST_READ_BYTES, 1)
    descriptor = descriptors[0] if descriptors else -1
    try:
        received = bytearray(data)
        _fill(connection, received, LENGTH.size)
        (length,) = LENGTH.unpack_from(received)
        if length > MAX_HEAD_BYTES:
            raise JobError("head too large")
        start = LENGTH.size + length
        _fill(connection, received, start)
        head = _head(bytes(received[LENGTH.size : start]))
        inline = _inline(connection, received, start, head, descriptor)
    except BaseException:
        if descriptor >= 0:
            os.close(descriptor)
        raise
    return Job(head, inline, descriptor)


def _head(data: bytes) -> JobHead:
    try:
        head = decode(JobHead, data)
    except ValueError as error:
        raise JobError(str(error)) from None
    if head.size_bytes < 0 or not head.timeout_s > 0:
        raise JobError("size or time out of range")
    return head


def _inline(connection: socket.socket, received: bytearray, start: int, head: JobHead, descriptor: int) -> bytes:
    """The body when it is inline, after checking that exactly the announced kind of body came."""
    if (head.carriage is Carriage.DESCRIPTOR) != (descriptor >= 0):
        raise JobError("body and its announcement differ")
    if descriptor >= 0:
        file = os.fstat(descriptor)
        if not stat.S_ISREG(file.st_mode) or file.st_size < head.size_bytes:
            raise JobError("not a file of that length")
        end = start
    else:
        if head.size_bytes > MAX_INLINE_BYTES:
            raise JobError("inline body too large")
        end = start + head.size_bytes
        _fill(connection, received, end)
    if len(received) != end:
        raise JobError("bytes after the job")
    return bytes(received[start:end])


def _fill(connection: socket.socket, received: bytearray, until: int) -> None:
    while len(received) < until:
        data = connection.recv(until - len(received))
        if not data:
            raise ConnectionResetError
        received += data
