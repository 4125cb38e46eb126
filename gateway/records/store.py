"""The index of the journals in a database: lists, filters and states of incidents. It may be lost and made again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, bindparam, create_engine, event, make_url, select, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import RecordError, StartError
from gateway.records import queries
from gateway.records.chain import Anchor, rfc3339
from gateway.records.queries import IncidentFilter, IncidentRow, IncidentState
from gateway.records.rows import Batch, clean, to_rows
from gateway.records.schema import EVENTS_DUE, INCIDENTS, JOURNALS, META, SCHEMA_VERSION, TRANSFERS, create_tables
from gateway.records.upsert import Position, put, put_position

BUSY_MS = 5000
"""How long SQLite waits for another writer before it gives up; writers here hold it for milliseconds."""
CACHE_KIB = 16 * 1024
"""Page cache of one SQLite connection."""

MAX_RECORDS = 100_000
"""Most records of one answer of `records`; a year of one telling an hour for ten apps."""

_SET_UP = {
    "sqlite": (
        f"PRAGMA busy_timeout={BUSY_MS}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        f"PRAGMA cache_size=-{CACHE_KIB}",
    )
}
"""Database → what each new connection is told first. A lost end of the index is read again from the journal, so
NORMAL is enough."""


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


class Store:
    """A database of records; safe to share between threads. Every method raises RecordError when it cannot be used."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._file: tuple[int, int] | None = None
        """Device and inode of the SQLite file; None for a server."""

    @classmethod
    def open(cls, target: str | Path, *, now: Callable[[], datetime] = utc_now) -> Store:
        """The store at a path (SQLite, made with mode 0600) or a database URL; tables are made where missing.

        Raises StartError when it cannot be opened, made or written.
        """
        try:
            engine = create_engine(_url(target), hide_parameters=True)
            event.listen(engine, "connect", partial(_set_up, _SET_UP.get(engine.dialect.name, ())))
            store = cls(engine, now)
            try:
                store._prepare()
            except Exception:
                store.close()
                raise
        except (SQLAlchemyError, RecordError, OSError, ImportError) as error:
            raise StartError(
                f"the store {_shown(target)} cannot be opened ({_why(error)}); make its directory writable, "
                "or move the file away and it is built again from the journal"
            ) from None
        return store

    def close(self) -> None:
        """Lets all connections go."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def index(self, batch: Batch) -> int:
        """Puts the lines in, once however often they come, and remembers how far the file was read, all or nothing.

        Gives the number of lines that were not what they promise and were left out.
        """
        rows = to_rows(batch.lines, batch.anchor.file)
        since, told = self._now().timestamp(), batch.told
        due = [{"id": key, "run": batch.run, "since": since, "told": told} for key in rows.transfers]
        with self.transaction() as connection:
            put(connection, TRANSFERS, list(rows.transfers.values()), keep=("outcome",))
            put(connection, INCIDENTS, rows.incidents, keep=("state", "note", "closed_by", "at"))
            put(connection, EVENTS_DUE, due, keep=("run", "since", "told"))
            if rows.outcomes:
                known = [{"key": key, "value": value} for key, value in rows.outcomes.items()]
                change = update(TRANSFERS).where(TRANSFERS.c.id == bindparam("key"))
                connection.execute(change.values(outcome=bindparam("value")), known)
            put_position(connection, Position(batch.anchor, batch.position, batch.done))
        return rows.skipped

    def positions(self) -> dict[str, Position]:
        """Journal file → how far it is indexed."""
        with self.transaction() as connection:
            rows = connection.execute(select(JOURNALS)).all()
        return {
            row.file: Position(Anchor(row.file, row.seq, row.hash, row.size), row.position, row.done) for row in rows
        }

    def anchors(self) -> list[Anchor]:
        """The last indexed record of every journal; `verify_directory` holds the files against them."""
        return [position.anchor for position in self.positions().values() if position.anchor.seq]

    def incidents(self, asked: IncidentFilter) -> list[IncidentRow]:
        """One page of incidents, newest first."""
        with self.transaction() as connection:
            return [queries.to_incident(row) for row in connection.execute(queries.select_incidents(asked))]

    def count(self, asked: IncidentFilter) -> int:
        """How many incidents there are on all pages."""
        with self.transaction() as connection:
            return int(connection.execute(queries.count_incidents(asked)).scalar_one())

    def incident(self, identity: str) -> dict[str, Any] | None:
        """The record of an incident with `outcome`, `incident` {state, note, closed_by, at} and `journal` {file, seq}.

        None when there is no such incident.
        """
        with self.transaction() as connection:
            row = connection.execute(queries.select_incident(identity)).first()
        if row is None:
            return None
        record: dict[str, Any] = json.loads(row.record)
        state = {"state": row.state, "note": row.note, "closed_by": row.closed_by, "at": row.at}
        place = {"file": row.journal, "seq": row.seq}
        return {**record, "outcome": row.outcome, "incident": state, "journal": place}

    def records(self, rule: str, since: datetime, limit: int = MAX_RECORDS) -> list[dict[str, Any]]:
        """The newest records that name the rule, refused or not, as their journal has them."""
        with self.transaction() as connection:
            rows = connection.execute(queries.select_records(rule, since, limit)).all()
        return [json.loads(row.record) for row in rows]

    def set_state(self, identity: str, state: IncidentState, by: str, note: str) -> bool:
        """Notes what an operator decided; False when there is no such incident."""
        values = {"state": state.value, "closed_by": clean(by), "note": clean(note), "at": rfc3339(self._now())}
        with self.transaction() as connection:
            done = connection.execute(update(INCIDENTS).where(INCIDENTS.c.id == clean(identity)).values(values))
            return bool(done.rowcount)

    def check_writable(self) -> None:
        """Writes for real; raises RecordError with a sentence when that fails."""
        self.remember("probe", rfc3339(self._now()))

    def check_same_file(self) -> None:
        """Raises RecordError when the SQLite file was moved or deleted: what is written then, nobody would find."""
        if self._file is not None and _identity(_file_of(self._engine.url)) != self._file:
            raise RecordError("the store cannot be used: its file was taken away")

    def recall(self, name: str) -> str:
        """A remembered value; empty when there is none."""
        with self.transaction() as connection:
            return connection.execute(select(META.c.value).where(META.c.name == name)).scalar_one_or_none() or ""

    def remember(self, name: str, value: str) -> None:
        """Keeps a small value."""
        with self.transaction() as connection:
            put(connection, META, [{"name": name, "value": value}])

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection whose changes count together when the block ends without an error."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise RecordError(f"the store cannot be used: {_why(error)}") from None

    def _prepare(self) -> None:
        path = _file_of(self._engine.url)
        if path:
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._file = _identity(path)
        with self._engine.begin() as connection:
            create_tables(connection)
            put(connection, META, [{"name": "schema", "value": SCHEMA_VERSION}], keep=("value",))
        found = self.recall("schema")
        if found != SCHEMA_VERSION:
            raise StartError(
                f"the store {path or self._engine.url} has layout {found} and this version needs {SCHEMA_VERSION}; "
                "stop the gateway and run `python -m gateway.records rebuild`"
            )


def _url(target: str | Path) -> str | URL:
    text = str(target)
    return text if "://" in text else URL.create("sqlite", database=text)


def _file_of(url: URL) -> str:
    """Path of an SQLite file; empty for a server and for a database in memory."""
    return url.database or "" if url.get_backend_name() == "sqlite" else ""


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked ten times a second
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _shown(target: str | Path) -> str:
    """The target without the password that a URL may hold."""
    text = str(target)
    return make_url(text).render_as_string(hide_password=True) if "://" in text else text


def _set_up(statements: Sequence[str], connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    try:
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
    except Exception:
        connection.close()  # nobody else knows of it yet
        raise


def _why(error: Exception) -> str:
    """What went wrong, in words that hold no value of a record: databases quote values in their messages."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorname", None) or type(cause or error).__name__
