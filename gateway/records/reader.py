"""Records read from a store that others write, newest first, page by page: nothing is changed, memory stays small."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import RecordError, StartError
from gateway.records import queries

PAGE_ROWS = 500
"""Records read at once; between two pages no transaction is open, so that the writer's log does not grow."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than every record."""


class Reader:
    """A store opened for reading alone. Methods raise RecordError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        """Raises StartError when nothing can be opened there."""
        url = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(url, uri=True), poolclass=NullPool)
        try:
            with self._connection() as connection:
                connection.execute(queries.count_since(_NEVER))
        except RecordError as error:
            raise StartError(f"{path}: {error}; has the gateway run ('sluice run') with this state_dir?") from None

    def count(self, since: datetime) -> int:
        """How many records there are since then."""
        with self._connection() as connection:
            return int(connection.execute(queries.count_since(since)).scalar_one())

    def records(self, since: datetime) -> Iterator[dict[str, Any] | None]:
        """Every record since then, the newest first; None for one that is no JSON object."""
        after: tuple[str, str] | None = None
        while True:
            with self._connection() as connection:
                rows = connection.execute(queries.select_since(since, after, PAGE_ROWS)).all()
            for row in rows:
                yield _load(row.record)
            if len(rows) < PAGE_ROWS:
                return
            after = rows[-1].at, rows[-1].id

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None)
            name = getattr(cause, "sqlite_errorname", None) or type(cause or error).__name__
            raise RecordError(f"the store cannot be read ({name})") from None


def _load(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
