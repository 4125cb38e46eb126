"""Addresses that other systems have told of (802.1X, NAC, DHCP): one SQLite file, written by the console, read by all."""

from __future__ import annotations

import ipaddress
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import StartError
from gateway.identity.ip import Address

FILE = "addresses.db"
"""Name in the state directory."""
MAX_LEASES = 200_000
"""Most addresses kept; a network that has more knows its senders by network or by login."""
MAX_TTL_S = 31 * 86400
"""Longest time an address is held without being told again."""
BUSY_S = 5.0
"""Longest wait for another writer; readers never wait for one."""

_SCHEMA = """
create table if not exists leases (
    address blob primary key, user text not null, expires_at real not null, changed_at real not null
) without rowid, strict;
create index if not exists leases_by_end on leases (expires_at);
"""


class LeaseError(Exception):
    """The file cannot be read or written."""


class FullError(Exception):
    """As many addresses are held as may be."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that somebody has until a moment."""

    address: Address
    user: str
    expires_at: float
    """POSIX seconds; it counts before this moment only."""
    changed_at: float


class Leases:
    """The file. Safe in threads; every process opens its own."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """Makes the file where there is none; raises StartError when that cannot be done. `now` gives POSIX seconds."""
        self._now = now
        self._lock = threading.Lock()
        try:
            path.touch(mode=0o600)
            self._database = _open(path)
        except (sqlite3.Error, OSError) as error:
            raise StartError(
                f"{path}: the addresses cannot be kept there ({type(error).__name__}); move the file away to begin anew"
            ) from None

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._database.close()

    def user_of(self, address: Address) -> str | None:
        """Who has the address now. Raises LeaseError when the file cannot be read."""
        rows = self._ask("select user from leases where address = ? and expires_at > ?", (address.packed, self._now()))
        return str(rows[0][0]) if rows else None

    def find(self, address: Address) -> Lease | None:
        """The lease that counts now. Raises LeaseError."""
        found = self._leases("where address = ? and expires_at > ?", (address.packed, self._now()))
        return found[0] if found else None

    def after(self, address: Address | None, most: int) -> list[Lease]:
        """Leases that count now, in the order of their addresses, from behind `address` on. Raises LeaseError."""
        packed = address.packed if address else b""
        return self._leases(
            "where address > ? and expires_at > ? order by address limit ?", (packed, self._now(), most)
        )

    def count(self) -> int:
        """How many count now. Raises LeaseError."""
        return int(self._ask("select count(*) from leases where expires_at > ?", (self._now(),))[0][0])

    def put(self, address: Address, user: str, expires_at: float) -> Lease | None:
        """Say who has the address from now on; gives back the lease that this one replaced.

        Raises FullError when there is no room for another address, LeaseError when it could not be kept.
        """
        now = self._now()
        with self._lock, self._transaction():
            self._database.execute("delete from leases where expires_at <= ?", (now,))
            old = self._database.execute(
                "select user, expires_at, changed_at from leases where address = ?", (address.packed,)
            ).fetchone()
            if old is None:
                (count,) = self._database.execute("select count(*) from leases").fetchone()
                if count >= MAX_LEASES:
                    raise FullError
            self._database.execute(
                "insert or replace into leases values (?, ?, ?, ?)", (address.packed, user, expires_at, now)
            )
        return Lease(address, *old) if old else None

    def delete(self, address: Address) -> Lease | None:
        """End the lease of the address; gives it back, None when there was none. Raises LeaseError."""
        with self._lock, self._transaction():
            row = self._database.execute(
                "delete from leases where address = ? and expires_at > ? returning user, expires_at, changed_at",
                (address.packed, self._now()),
            ).fetchone()
        return Lease(address, *row) if row else None

    def _transaction(self) -> _Transaction:
        return _Transaction(self._database)

    def _leases(self, where: str, values: tuple[Any, ...]) -> list[Lease]:
        rows = self._ask(f"select address, user, expires_at, changed_at from leases {where}", values)  # noqa: S608 - ours
        return [Lease(ipaddress.ip_address(packed), *rest) for packed, *rest in rows]

    def _ask(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise LeaseError(type(error).__name__) from None


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = normal")
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


class _Transaction:
    """All or nothing; errors of SQLite become LeaseError."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        try:
            self._database.execute("begin immediate")
        except sqlite3.Error as error:
            raise LeaseError(type(error).__name__) from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        try:
            self._database.execute("rollback" if kind else "commit")
        except sqlite3.Error as failure:
            raise LeaseError(type(failure).__name__) from None
        if isinstance(error, sqlite3.Error):
            raise LeaseError(type(error).__name__) from None
