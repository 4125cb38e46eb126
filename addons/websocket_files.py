"""Files that come in several messages of one WebSocket, put together again on the disk, and given up when in doubt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway.errors import LimitError, MalformedError
from gateway.wire.frames.lwp import ANNOUNCE, COMMIT, MAX_PIECES, UploadFrame
from gateway.wire.frames.messages import FILE_HEADER

if TYPE_CHECKING:
    from gateway.spool import Spool

MAX_OPEN = 32
"""Most files under way on one connection; the page sends a few at a time."""
MAX_NAME_CHARS = 255
"""Longest name that goes with the file; file systems allow no longer one."""


@dataclass(slots=True)
class File:
    """One file under way."""

    spool: Spool
    name: str = ""
    declared_bytes: int = 0
    """0 when nothing was declared."""
    pieces: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    """Index → start and length in the spool, digest."""

    @property
    def size_bytes(self) -> int:
        """What it will have at least: the larger of what was declared and what has come."""
        return max(self.declared_bytes, self.spool.size_bytes)


class Files:
    """The files under way on one connection; `max_bytes` bounds all of them together."""

    def __init__(self, new_spool: Callable[[], Spool], max_bytes: int) -> None:
        self.new_spool = new_spool
        self.max_bytes = max_bytes
        self.open: dict[str, File] = {}
        self.announced: list[tuple[str, int]] = []
        """Names and sizes of announcements that name no upload, oldest first."""

    def take(self, step: UploadFrame) -> File | None:
        """Follow one step; the file it belongs to, None for an announcement of one that has no id yet.

        Raises MalformedError for a piece that differs from what came before under its number, LimitError when there
        are too many files or bytes, OSError when the disk fails.
        """
        if step.step == ANNOUNCE and not step.upload:
            self.announced = [*self.announced[-MAX_OPEN + 1 :], (step.name, step.size_bytes)]
            return None
        file = self.open.get(step.upload)
        if file is None:
            if len(self.open) >= MAX_OPEN:
                raise LimitError("files under way", allowed=MAX_OPEN, actual=len(self.open) + 1)
            name, size_bytes = self.announced.pop(0) if self.announced and step.step != ANNOUNCE else ("", 0)
            file = self.open[step.upload] = File(self.new_spool(), name, size_bytes)
        if step.step == ANNOUNCE:
            file.name, file.declared_bytes = step.name or file.name, max(step.size_bytes, file.declared_bytes)
        elif step.index >= 0:
            self._add(file, step)
        return file

    def _add(self, file: File, step: UploadFrame) -> None:
        digest = hashlib.sha256(step.data).digest()
        known = file.pieces.get(step.index)
        if known is not None:
            if known[2] != digest:
                # Nobody knows which of the two the service keeps.
                raise MalformedError("LWP", "two contents for one piece")
            return
        count = 1 + sum(len(one.pieces) for one in self.open.values())
        if count > MAX_PIECES:
            raise LimitError("pieces under way", allowed=MAX_PIECES, actual=count)
        held = sum(one.spool.size_bytes for one in self.open.values())
        if held + len(step.data) > self.max_bytes:
            raise LimitError("max_body_bytes", allowed=self.max_bytes, actual=held + len(step.data))
        file.pieces[step.index] = (file.spool.size_bytes, len(step.data), digest)
        file.spool.write(step.data)

    def whole(self, step: UploadFrame) -> tuple[Spool, str]:
        """The file that the step completes, in the order of its pieces, and its name; the caller closes the spool.

        Raises MalformedError when a piece is missing or fewer bytes came than were declared.
        """
        assert step.step == COMMIT
        file = self.open.pop(step.upload)
        try:
            starts = [file.pieces[index][:2] for index in sorted(file.pieces)]
            first = min(file.pieces, default=0)
            if first > 1 or sorted(file.pieces) != list(range(first, first + len(starts))):
                raise MalformedError("LWP", "pieces are missing")
            if file.spool.size_bytes < file.declared_bytes:
                raise MalformedError("LWP", "fewer bytes than declared")
            if starts == sorted(starts):
                return file.spool, file.name
            ordered = self.new_spool()
            for start, length in starts:
                for chunk in file.spool.chunks(start, length):
                    ordered.write(chunk)
        except BaseException:
            file.spool.close()
            raise
        file.spool.close()
        return ordered, file.name

    def close(self) -> None:
        """Give memory and disk back."""
        for file in self.open.values():
            file.spool.close()
        self.open.clear()


def file_headers(name: str) -> dict[str, str]:
    """The headers under which a file put together is inspected.

    >>> file_headers("a b.txt")["content-disposition"]
    "attachment; filename*=UTF-8''a%20b.txt"
    """
    encoded = quote(name[:MAX_NAME_CHARS].encode("utf-8", "replace"), safe="")
    return {"content-type": "application/octet-stream", FILE_HEADER: f"attachment; filename*=UTF-8''{encoded}"}
