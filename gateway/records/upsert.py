"""Writing rows that may be there already, in the words of each database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, case
from sqlalchemy.dialects import postgresql, sqlite

from gateway.records.chain import Anchor
from gateway.records.schema import JOURNALS

_INSERT: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal is indexed."""

    anchor: Anchor
    """The last good record seen, ever."""
    position: int
    """Bytes read, bad lines counted."""
    done: bool
    """Whether the file is complete and all of it is indexed."""


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], keep: Collection[str] = ()) -> None:
    """Inserts the rows, or updates those whose key is there, but for the columns to keep.

    No two of the rows may have the same key.
    """
    if not rows:
        return
    insert = _INSERT[connection.dialect.name](table)
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    if changed:
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), rows)
    else:
        connection.execute(insert.on_conflict_do_nothing(index_elements=keys), rows)


def put_position(connection: Connection, place: Position) -> None:
    """Notes how far a journal is read. The anchor only ever moves forward.

    So what was seen once stays vouched for, even when the file is read again from its start after a change.
    """
    anchor = place.anchor
    row = {"file": anchor.file, "seq": anchor.seq, "hash": anchor.hash, "size": anchor.size}
    insert = _INSERT[connection.dialect.name](JOURNALS)
    new, old = insert.excluded, JOURNALS.c
    changed = {name: case((new.seq > old.seq, new[name]), else_=old[name]) for name in ("seq", "hash", "size")}
    changed |= {"position": new.position, "done": new.done}
    statement = insert.on_conflict_do_update(index_elements=["file"], set_=changed)
    connection.execute(statement, [{**row, "position": place.position, "done": place.done}])
