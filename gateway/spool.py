"""Where the bytes of a held upload lie: in memory while small, else in an unlinked file."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING

from gateway.limits import KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_BYTES = 256 * KIB
"""Most bytes of one upload kept in memory; larger ones go to the disk (ARCHITECTURE, the hold)."""
CHUNK_BYTES = 64 * KIB
"""Bytes per read when an upload is forwarded: one socket read."""


class Quota:
    """Bytes that the spools of one sender may have on the disk together; for one thread."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.taken_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Count so many more; raises OSError, as a disk with quotas does, when that is over the most."""
        if self.taken_bytes + size_bytes > self.most_bytes:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        self.taken_bytes += size_bytes

    def give(self, size_bytes: int) -> None:
        """Count so many less."""
        self.taken_bytes -= size_bytes


class Spool:
    """The body of one upload; owned by one worker, read by one inspector through `descriptor`.

    Raises OSError from `write` when the disk is full or gone, or the quota is; the caller refuses the upload.
    """

    def __init__(self, directory: str, quota: Quota | None = None) -> None:
        self.directory = directory
        self.quota = quota
        """What its bytes on the disk count into; may be set until the first byte is written."""
        self.size_bytes = 0
        self._taken_bytes = 0
        self._memory: bytearray | None = bytearray()
        self._file = -1

    def write(self, data: bytes) -> None:
        """Append `data`; moves everything to an unlinked file once it no longer fits in memory."""
        if self._memory is not None:
            self._memory += data
            if len(self._memory) > MEMORY_BYTES:
                self._take(len(self._memory))
                self._file = _unlinked_file(self.directory)
                _write_all(self._file, self._memory)
                self._memory = None
        else:
            self._take(len(data))
            _write_all(self._file, data)
        self.size_bytes += len(data)

    @property
    def on_disk_bytes(self) -> int:
        """Bytes that lie on the disk; 0 while the upload is in memory."""
        return 0 if self._memory is not None or self._file < 0 else self.size_bytes

    @property
    def payload(self) -> bytes | int:
        """The bytes themselves while in memory, else the file descriptor (still owned by the spool)."""
        return bytes(self._memory) if self._memory is not None else self._file

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The body, or `length` bytes from `start` on, at most CHUNK_BYTES at a time; the descriptor's offset is not used."""
        end = self.size_bytes if length is None else min(self.size_bytes, start + length)
        if self._memory is not None:
            view = memoryview(self._memory)
            for at in range(start, min(end, len(view)), CHUNK_BYTES):
                yield bytes(view[at : min(at + CHUNK_BYTES, end)])
            return
        while start < end:
            chunk = os.pread(self._file, min(CHUNK_BYTES, end - start), start)
            if not chunk:
                raise OSError(0, "the spool file is shorter than what was written to it")
            start += len(chunk)
            yield chunk

    def close(self) -> None:
        """Give memory and disk back; the size stays known. May be called again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._memory = bytearray()
        if self.quota is not None:
            self.quota.give(self._taken_bytes)
            self._taken_bytes = 0

    def _take(self, size_bytes: int) -> None:
        if self.quota is not None:
            self.quota.take(size_bytes)
            self._taken_bytes += size_bytes


def _unlinked_file(directory: str) -> int:
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        # Not every file system has O_TMPFILE; a named file that is unlinked at once is the same a moment later.
        descriptor, name = tempfile.mkstemp(dir=directory)
        os.unlink(name)  # noqa: PTH108 - beside os.open
        return descriptor


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
