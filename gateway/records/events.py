"""`events.jsonl`: one line per transfer, for collectors that follow files. It may be rotated by renaming."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from gateway.errors import RecordError
from gateway.records.chain import lines_from
from gateway.records.due import Event

FILE_MODE = 0o600
"""As the journal's."""


class EventsFile:
    """The file at a path; opened for each group of lines, so that a rotated file is let go."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, events: Iterable[Event]) -> str:
        """Writes the events durably, all or none, and gives the place where the file now ends.

        Raises RecordError when it cannot.
        """
        data = b"".join(_to_line(event) for event in events)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
            try:
                return _append(fd, data)
            finally:
                os.close(fd)
        except OSError as error:
            raise RecordError(f"{self._path} cannot be written: {error.strerror}") from None

    def ids_after(self, place: str) -> Iterator[str]:
        """Ids of the transfers told after the place; of all in the file when the place is not in this file.

        Cuts off a last line that was not written to its end. Raises RecordError when the file cannot be read or cut.
        """
        try:
            with self._path.open("r+b") as file:
                inode, _, size = place.partition(":")
                status = os.fstat(file.fileno())
                known = int(size) if inode == str(status.st_ino) and int(size) <= status.st_size else 0
                for offset, raw in lines_from(file, known):
                    if not raw.endswith(b"\n"):
                        file.truncate(offset)
                        return
                    if identity := _id(raw):
                        yield identity
        except FileNotFoundError:
            return
        except OSError as error:
            raise RecordError(f"{self._path} cannot be read: {error.strerror}") from None


def _append(fd: int, data: bytes) -> str:
    start = os.fstat(fd).st_size
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fdatasync(fd)
    except OSError:
        with suppress(OSError):
            os.ftruncate(fd, start)
        raise
    return f"{os.fstat(fd).st_ino}:{start + len(data)}"


def _to_line(event: Event) -> bytes:
    return f'{event.record.rstrip()[:-1]},"outcome":{json.dumps(event.outcome, ensure_ascii=False)}}}\n'.encode()


def _id(raw: bytes) -> str:
    try:
        found = json.loads(raw)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""
