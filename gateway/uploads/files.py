"""The files that keep the raw bodies of uploads: append only, one per upload, written by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import StoreError

COPY_BYTES = 64 * 1024 * 1024
"""Most bytes asked of one copy call; the kernel may copy fewer."""
_NO_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}
"""Answers of copy_file_range where the file systems do not take part."""


class Files:
    """A directory with a file per upload, mode 0600. Raises OSError."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._directory = directory

    def create(self, name: str) -> None:
        """An empty file; FileExistsError when there is one."""
        os.close(os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    @contextmanager
    def locked(self, name: str) -> Iterator[int]:
        """A descriptor for writing; nobody else has one until it is given back. StoreError when there is no such file."""
        try:
            descriptor = os.open(self._directory / name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise StoreError("closed") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def reading(self, name: str) -> int:
        """A descriptor for reading, the caller's to close."""
        return os.open(self._directory / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def remove(self, name: str) -> None:
        """The file goes; whoever has it open keeps it until he closes it. Nothing when there is none."""
        with suppress(FileNotFoundError):
            os.unlink(self._directory / name)  # noqa: PTH108 - beside os.open

    def names(self) -> set[str]:
        """Names of all files."""
        return set(os.listdir(self._directory))  # noqa: PTH208 - names, not paths


def append(target: int, at: int, source: bytes | int, size: int) -> None:
    """Write `size` bytes of `source`, from its start, into `target` at offset `at`; neither offset is used or moved.

    `source`: the bytes, or a descriptor of a regular file. What `target` had at and behind `at`, left by a writer that
    died, goes first. Raises OSError, after which `target` ends at `at` again.
    """
    os.ftruncate(target, at)
    try:
        if isinstance(source, bytes):
            _write(target, at, memoryview(source)[:size])
        else:
            _copy(target, at, source, size)
        if os.fstat(target).st_size != at + size:
            raise OSError(errno.EIO, "the body is shorter than announced")
    except OSError:
        with suppress(OSError):
            os.ftruncate(target, at)
        raise


def _write(target: int, at: int, rest: memoryview) -> None:
    while rest:
        done = os.pwrite(target, rest, at)
        at, rest = at + done, rest[done:]


def _copy(target: int, at: int, source: int, size: int) -> None:
    done = 0
    is_native = True
    while done < size:
        wanted = min(COPY_BYTES, size - done)
        if is_native:
            try:
                copied = os.copy_file_range(source, target, wanted, done, at + done)
            except OSError as error:
                if error.errno not in _NO_COPY:
                    raise
                is_native = False
                continue
        else:
            os.lseek(target, at + done, os.SEEK_SET)
            copied = os.sendfile(target, source, done, wanted)
        if not copied:
            return  # The source is shorter; the length tells.
        done += copied
