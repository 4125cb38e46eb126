"""Making the index again from the journals."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from gateway.records import due
from gateway.records.recorder import Places, Recorder, only_one
from gateway.records.schema import SCHEMA_VERSION
from gateway.records.store import Store, utc_now

BUSY_S = 5.0
"""How long the check of the old store waits for another process that writes it."""

_SQLITE_FILES = ("", "-wal", "-shm")


def rebuild(places: Places, *, now: Callable[[], datetime] = utc_now) -> Path | None:
    """Indexes all journals from their start; gives where a store that could not be read was moved to.

    States of incidents, anchors and what is still due to `events.jsonl` are kept when the old store can be read.
    When it cannot, they are gone, and every transfer that `events.jsonl` does not hold is told once more.
    Raises StartError, RecordError or OSError when the store or the journals cannot be used, or a recorder runs.
    """
    with only_one(places.lock):
        moved = _move_away(places.store, now()) if isinstance(places.store, Path) else None
        with Store.open(places.store, now=now) as store:
            with store.transaction() as connection:
                due.forget_index(connection)
            recorder = Recorder(places, store, told=bool(store.positions()))
            while recorder.step(now()):
                pass
        return moved


def _move_away(store: Path, now: datetime) -> Path | None:
    if not store.exists() or _is_sound(store):
        return None
    target = store.with_name(f"{store.name}.broken-{now:%Y%m%dT%H%M%S}")
    for suffix in _SQLITE_FILES:
        with suppress(FileNotFoundError):
            store.with_name(store.name + suffix).rename(target.with_name(target.name + suffix))
    return target


def _is_sound(store: Path) -> bool:
    """Whether the file is a database of ours; raises nothing for one that is not.

    A database that is only locked or on a full disk counts as sound: its states of incidents are worth keeping.
    """
    try:
        with closing(sqlite3.connect(store, timeout=BUSY_S)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            found = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}
    return bool(verdict == "ok" and found == (SCHEMA_VERSION,))
