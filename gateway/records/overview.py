"""Questions of the console to the store: what happened since a time, values to filter by, the page before a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import func, select

from gateway.records.chain import rfc3339
from gateway.records.queries import IncidentFilter, select_incidents
from gateway.records.rows import clean, split
from gateway.records.schema import INCIDENTS, TRANSFERS
from gateway.records.store import Store

MAX_LOOKED_AT = 2000
"""Newest incidents whose values are offered as filters: bounds the time of a page, whatever the store holds."""
MAX_OFFERED = 200
"""Most values offered for one filter, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many transfers ended so."""

    action: str
    coverage: str
    transfers: int


@dataclass(frozen=True, slots=True)
class KnownValues:
    """Values that recent incidents have, in order of the alphabet."""

    users: tuple[str, ...]
    services: tuple[str, ...]
    rules: tuple[str, ...]
    signatures: tuple[str, ...]


def totals(store: Store, since: datetime) -> list[Total]:
    """All transfers since then (aware, inclusive), the allowed ones too, by action and coverage."""
    at, action, coverage = TRANSFERS.c.at, TRANSFERS.c.action, TRANSFERS.c.coverage
    query = select(action, coverage, func.count().label("transfers")).where(at >= rfc3339(since.astimezone(UTC)))
    with store.transaction() as connection:
        return [Total(*row) for row in connection.execute(query.group_by(action, coverage))]


def known_values(store: Store) -> KnownValues:
    """What the list may usefully be filtered by."""
    columns = (TRANSFERS.c.user, TRANSFERS.c.service, TRANSFERS.c.rules, TRANSFERS.c.signatures)
    joined = select(*columns).join(INCIDENTS, INCIDENTS.c.id == TRANSFERS.c.id)
    with store.transaction() as connection:
        rows = connection.execute(joined.order_by(TRANSFERS.c.id.desc()).limit(MAX_LOOKED_AT)).all()
    return KnownValues(
        users=_offered(row.user for row in rows),
        services=_offered(row.service for row in rows),
        rules=_offered(name for row in rows for name in split(row.rules)),
        signatures=_offered(name for row in rows for name in split(row.signatures)),
    )


def newer_cursor(store: Store, asked: IncidentFilter) -> str:
    """`before_id` of the page before the one that `asked` gives; empty when that is the newest page."""
    query = select_incidents(replace(asked, before_id="")).where(TRANSFERS.c.id >= clean(asked.before_id))
    oldest_first = query.order_by(None).order_by(TRANSFERS.c.id).offset(asked.limit).limit(1)
    with store.transaction() as connection:
        row = connection.execute(oldest_first).first()
    return str(row.id) if row else ""


def _offered(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(value for value, _ in Counter(filter(None, values)).most_common(MAX_OFFERED)))
