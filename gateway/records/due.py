"""Which transfers still owe something: an outcome, or their line in `events.jsonl`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, or_, select, update

from gateway.records.schema import EVENTS_DUE, JOURNALS, TRANSFERS

ABORTED = "aborted"
"""Outcome of a transfer whose process ended without telling one."""


@dataclass(frozen=True, slots=True)
class Event:
    """A transfer to be told."""

    id: str
    record: str
    """JSON object, as in the journal."""
    outcome: str
    """Empty when it is told before its outcome is known."""


def abandon(connection: Connection, live_runs: Collection[str]) -> int:
    """Notes as aborted every transfer without outcome whose process is gone; gives how many."""
    gone = select(EVENTS_DUE.c.id).where(EVENTS_DUE.c.run.not_in(list(live_runs)))
    change = update(TRANSFERS).where(TRANSFERS.c.outcome == "", TRANSFERS.c.id.in_(gone))
    return connection.execute(change.values(outcome=ABORTED)).rowcount


def select_due(connection: Connection, *, waiting_since: float, limit: int) -> list[Event]:
    """The oldest untold transfers that have an outcome, or have waited for one since before that Unix time."""
    query = (
        select(TRANSFERS.c.id, TRANSFERS.c.record, TRANSFERS.c.outcome)
        .join(EVENTS_DUE, EVENTS_DUE.c.id == TRANSFERS.c.id)
        .where(EVENTS_DUE.c.told.is_(False), or_(TRANSFERS.c.outcome != "", EVENTS_DUE.c.since < waiting_since))
        .order_by(TRANSFERS.c.id)
        .limit(limit)
    )
    return [Event(row.id, row.record, row.outcome) for row in connection.execute(query)]


def mark_told(connection: Connection, ids: Collection[str]) -> None:
    """Notes that these transfers are told; ids that are not due are ignored."""
    connection.execute(update(EVENTS_DUE).where(EVENTS_DUE.c.id.in_(list(ids))).values(told=True))


def forget_settled(connection: Connection) -> None:
    """Drops what is told and has its outcome."""
    settled = select(TRANSFERS.c.id).where(TRANSFERS.c.outcome != "")
    connection.execute(delete(EVENTS_DUE).where(EVENTS_DUE.c.told.is_(True), EVENTS_DUE.c.id.in_(settled)))


def forget_index(connection: Connection) -> None:
    """Empties the index so that it is read again; anchors, incident states and events still due stay."""
    connection.execute(delete(TRANSFERS))
    connection.execute(update(JOURNALS).values(position=0, done=False))
