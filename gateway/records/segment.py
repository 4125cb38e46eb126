"""One journal file while it is written: made, grown by whole groups, closed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.records.chain import ZERO_HASH, Anchor, Kind, encode, seal
from gateway.records.files import HEAD_SUFFIX, JournalName, Link, encode_head

FILE_MODE = 0o600
"""Records name people; only the gateway's own user reads them."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a durable record stands."""

    file: str
    """Name of the journal, without directory."""
    seq: int
    hash: str


class Segment:
    """A journal file that this process alone writes, from its first line to its last."""

    def __init__(self, directory: Path, name: JournalName, prev: str) -> None:
        self.name = name
        self.seq = 0
        self.hash = prev
        self.size = 0
        """Bytes up to the end of the last durable record."""
        self.broken = False
        """True after a failed write: the file takes no more records."""
        self._uncut = False
        """True when the remains of a failed write could not be removed."""
        self._path = directory / name.file
        self._head_path = directory / (name.file + HEAD_SUFFIX)
        self._fd = -1
        self._head_fd = -1

    @classmethod
    def create(
        cls, directory: Path, name: JournalName, *, previous: Link | None, facts: Mapping[str, Any], at: str
    ) -> Segment:
        """A new file with its durable first line; raises OSError and leaves nothing behind when that fails.

        `facts` are added to the first line's body: node, worker, version, run.
        """
        segment = cls(directory, name, previous.anchor.hash if previous else ZERO_HASH)
        try:
            segment._make(directory)
            segment.commit([("open", encode({**facts, "file": name.file, "previous": _say(previous)}))], at)
            os.fsync(segment._head_fd)
        except OSError:
            segment._withdraw()
            raise
        return segment

    def commit(self, entries: Sequence[tuple[Kind, bytes]], at: str) -> list[Receipt]:
        """Receipts of the entries, once all of them are on disk.

        Raises OSError when they are not; then none of them stays in the file, as far as the disk still obeys.
        """
        seq, prev, lines, receipts = self.seq, self.hash, [], []
        for kind, body in entries:
            seq += 1
            line, prev = seal(seq, prev, kind, at, body)
            lines.append(line)
            receipts.append(Receipt(self.name.file, seq, prev))
        data = b"".join(lines)
        try:
            _write_durably(self._fd, data)
            # The head comes last, so that it never vouches for bytes that a power cut could take back.
            os.pwrite(self._head_fd, encode_head(seq, self.size + len(data), prev), 0)
        except OSError:
            self.broken = self._uncut = True
            with suppress(OSError):
                os.ftruncate(self._fd, self.size)
                self._uncut = False
            raise
        self.seq, self.hash, self.size = seq, prev, self.size + len(data)
        return receipts

    def finish(self, reason: str, at: str) -> None:
        """Writes the last line (`reason`: `shutdown` or `rotated`); raises OSError when it cannot."""
        self.commit([("close", encode({"reason": reason}))], at)
        os.fsync(self._head_fd)

    def link(self) -> Link:
        """What the next file says of this one."""
        return Link(Anchor(self.name.file, self.seq, self.hash, self.size), live=self._uncut)

    def release(self) -> None:
        """Lets the file go; readers then see that nobody writes it."""
        for fd in (self._fd, self._head_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._head_fd = -1

    def _withdraw(self) -> None:
        """Removes what this process made, and only that."""
        made = [(self._head_fd, self._head_path), (self._fd, self._path)]
        for path in [path for fd, path in made if fd >= 0]:
            with suppress(OSError):
                path.unlink()
        self.release()

    def _make(self, directory: Path) -> None:
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._head_fd = os.open(self._head_path, new, FILE_MODE)
        os.pwrite(self._head_fd, encode_head(0, 0, ZERO_HASH), 0)
        os.fsync(self._head_fd)
        self._fd = os.open(self._path, new | os.O_APPEND, FILE_MODE)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _say(previous: Link | None) -> dict[str, Any] | None:
    if previous is None:
        return None
    anchor = previous.anchor
    return {
        "file": anchor.file,
        "seq": anchor.seq,
        "hash": anchor.hash,
        "size": anchor.size,
        "live": previous.live,
    }


def _write_durably(fd: int, data: bytes) -> None:
    """Append to a file opened for that; what is written is on the disk when it returns."""
    view = memoryview(data)
    while view:
        # One call that writes and syncs; the offset says nothing for a file opened with O_APPEND.
        view = view[os.pwritev(fd, [view], 0, os.RWF_DSYNC) :]
