"""A small SQLite database that several worker processes share, and what happens when its file is not what it should be.

What cannot be read is set aside under another name, never repaired and never emptied in place: whoever asks for an
upload that was in it finds none, and pieces and commits of unknown uploads are refused. So a lost database refuses
more than before, and never less.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import StoreError, StoreFull

BUSY_S = 10.0
"""How long SQLite waits for another writer before it gives up; writers here hold it for milliseconds."""
MAX_IDLE = 4
"""Most connections kept for the next call; each has about 100 KiB."""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "secure_delete = FAST",
)
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class Database:
    """One database file, mode 0600. Methods may be called from any thread and raise StoreError."""

    def __init__(self, path: Path, schema: str, application_id: int) -> None:
        """`schema`: statements that may run again; `application_id`: tells this file from any other, and its version."""
        self.path = path
        self.set_aside: Path | None = None
        """Where an unreadable file was moved to; None when there was none."""
        self._schema = schema
        self._application_id = application_id
        self._guard = threading.Lock()
        self._idle: list[tuple[int, sqlite3.Connection]] = []
        with faults():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.chmod(0o700)
            self._prepare()

    @contextmanager
    def transaction(self, *, is_reading: bool = False) -> Iterator[sqlite3.Connection]:
        """All or nothing. Nobody else writes meanwhile; one that only reads waits for nobody."""
        with faults():
            inode, connection = self._taken()
            is_sound = False
            try:
                connection.execute("BEGIN" if is_reading else "BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # SQLite has ended it itself when the disk was full.
                        connection.execute("ROLLBACK")
                    is_sound = True
                    raise
                connection.execute("COMMIT")
                is_sound = True
            finally:
                self._give_back(inode, connection, is_sound=is_sound)

    def close(self) -> None:
        """Let all idle connections go."""
        with self._guard:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()

    def _prepare(self) -> None:
        # Workers start together: one of them looks at the file while the others wait.
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_foreign():
                self.set_aside = self._moved()
            connection = self._connected()
            try:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _statements(self._schema):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {self._application_id}")
                connection.execute("COMMIT")
            finally:
                self._give_back(self.path.stat().st_ino, connection, is_sound=True)
        finally:
            os.close(lock)

    def _is_foreign(self) -> bool:
        """Whether there is a file that is not a sound database of this application and version."""
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        try:
            connection = self._connected()
            try:
                (found,) = connection.execute("PRAGMA application_id").fetchone()
                (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _BROKEN:
                return True
            raise
        return bool(found != self._application_id or sound != "ok")

    def _moved(self) -> Path:
        number = 1
        while (target := self.path.with_name(f"{self.path.name}.unreadable-{number}")).exists():
            number += 1
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}{suffix}", f"{target}{suffix}")  # noqa: PTH105 - a name with a suffix behind
        return self.path.replace(target)

    def _connected(self) -> sqlite3.Connection:
        # SQLite gives its other files the mode of this one.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _taken(self) -> tuple[int, sqlite3.Connection]:
        """A connection to the file that stands there now: another process may have set the earlier one aside."""
        now = self.path.stat().st_ino
        while True:
            with self._guard:
                inode, connection = self._idle.pop() if self._idle else (0, None)
            if connection is None:
                return now, self._connected()
            if inode == now:
                return inode, connection
            connection.close()

    def _give_back(self, inode: int, connection: sqlite3.Connection, *, is_sound: bool) -> None:
        with self._guard:
            if is_sound and len(self._idle) < MAX_IDLE:
                self._idle.append((inode, connection))
                return
        connection.close()


def _statements(schema: str) -> Iterator[str]:
    """One by one; a trigger has semicolons in it."""
    statement = ""
    for piece in schema.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def faults() -> Iterator[None]:
    """Turns what the disk and SQLite raise into StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        # No chaining: SQLite's messages may repeat a name.
        raise StoreFull("disk") if _code(error) == sqlite3.SQLITE_FULL else StoreError("unusable") from None
    except OSError as error:
        raise StoreFull("disk") if error.errno in _NO_ROOM else StoreError("unusable") from None
    except OverflowError:
        # A number of more than 63 bits.
        raise StoreError("unusable") from None


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
