"""Questions about incidents: what may be asked, the SQL for it, the rows that answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select

from gateway.records.chain import rfc3339
from gateway.records.rows import clean, split
from gateway.records.schema import INCIDENTS, TRANSFERS

MAX_ROWS = 1000
"""Most rows of one answer; more come with `before_id`."""

_EQUAL = ("action", "user", "service", "region")
_LISTS = {"rule": TRANSFERS.c.rules, "signature": TRANSFERS.c.signatures}
_SEARCHED = tuple(
    TRANSFERS.c[name] for name in ("id", "user", "ip", "host", "service", "rules", "signatures", "names", "country")
)
_COLUMNS = tuple(column for column in TRANSFERS.c if column.name not in {"record", "names", "journal", "seq"})


class IncidentState(StrEnum):
    """What an operator decided about an incident."""

    OPEN = "open"
    RELEASED = "released"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents; an empty field asks for nothing. All given fields must hold."""

    action: str = ""
    """`hold` or `block`."""
    user: str = ""
    service: str = ""
    rule: str = ""
    """Id of a rule among the grounds."""
    region: str = ""
    signature: str = ""
    """Name of a signature found in any part."""
    since: datetime | None = None
    """Aware; inclusive."""
    until: datetime | None = None
    """Aware; exclusive."""
    text: str = ""
    """Searched, ignoring case, in id, user, address, host, service, country, rules, signatures and file names."""
    state: str = ""
    """`open`, `released` or `closed`."""
    limit: int = 50
    """Most rows, 1 to `MAX_ROWS`; outside it is moved inside."""
    before_id: str = ""
    """Only older ones: the id of the last row of the page before."""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One line of the list of incidents."""

    id: str
    at: str
    action: str
    user: str
    ip: str
    host: str
    service: str
    category: str
    region: str
    country: str
    rules: tuple[str, ...]
    signatures: tuple[str, ...]
    coverage: str
    bytes: int
    outcome: str
    """Empty while the transfer is under way."""
    state: IncidentState
    note: str
    closed_by: str
    state_at: str
    """When the state last changed."""


def select_incidents(asked: IncidentFilter) -> Select[Any]:
    """The newest incidents first, one page."""
    state = (INCIDENTS.c.state, INCIDENTS.c.note, INCIDENTS.c.closed_by, INCIDENTS.c.at.label("state_at"))
    query = select(*_COLUMNS, *state).join(INCIDENTS, INCIDENTS.c.id == TRANSFERS.c.id).where(*_conditions(asked))
    if asked.before_id:
        query = query.where(TRANSFERS.c.id < clean(asked.before_id))
    return query.order_by(TRANSFERS.c.id.desc()).limit(min(max(asked.limit, 1), MAX_ROWS))


def count_incidents(asked: IncidentFilter) -> Select[Any]:
    """How many there are on all pages."""
    joined = TRANSFERS.join(INCIDENTS, INCIDENTS.c.id == TRANSFERS.c.id)
    return select(func.count()).select_from(joined).where(*_conditions(asked))


def select_incident(identity: str) -> Select[Any]:
    """Record, outcome and state of one incident."""
    columns = (TRANSFERS.c.record, TRANSFERS.c.outcome, TRANSFERS.c.journal, TRANSFERS.c.seq, INCIDENTS)
    return select(*columns).join(INCIDENTS, INCIDENTS.c.id == TRANSFERS.c.id).where(TRANSFERS.c.id == clean(identity))


def select_records(rule: str, since: datetime, limit: int) -> Select[Any]:
    """The newest records, refused or not, that name the rule among their grounds."""
    named = TRANSFERS.c.rules.contains(f"\n{clean(rule)}\n", autoescape=True)
    asked = (named, TRANSFERS.c.at >= rfc3339(since.astimezone(UTC)))
    return select(TRANSFERS.c.record).where(*asked).order_by(TRANSFERS.c.at.desc()).limit(limit)


def select_since(since: datetime, after: tuple[str, str] | None, limit: int) -> Select[Any]:
    """One page of all records since then, the newest first; `after` is time and id of the last row before the page."""
    query = select(TRANSFERS.c.id, TRANSFERS.c.at, TRANSFERS.c.record).where(_since(since))
    if after is not None:
        at, identity = after
        query = query.where(TRANSFERS.c.at <= at, or_(TRANSFERS.c.at < at, TRANSFERS.c.id < identity))
    return query.order_by(TRANSFERS.c.at.desc(), TRANSFERS.c.id.desc()).limit(limit)


def count_since(since: datetime) -> Select[Any]:
    """How many records there are since then."""
    return select(func.count()).select_from(TRANSFERS).where(_since(since))


def _since(since: datetime) -> ColumnElement[bool]:
    return TRANSFERS.c.at >= rfc3339(since.astimezone(UTC))


def to_incident(row: Row[Any]) -> IncidentRow:
    """The row of `select_incidents` as a value."""
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's mapping
    values |= {"rules": split(row.rules), "signatures": split(row.signatures), "state": IncidentState(row.state)}
    return IncidentRow(**values)


def _conditions(asked: IncidentFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        TRANSFERS.c[name] == clean(value) for name in _EQUAL if (value := getattr(asked, name))
    ]
    for name, column in _LISTS.items():
        if value := getattr(asked, name):
            found.append(column.contains(f"\n{clean(value)}\n", autoescape=True))
    if asked.since:
        found.append(TRANSFERS.c.at >= rfc3339(asked.since.astimezone(UTC)))
    if asked.until:
        found.append(TRANSFERS.c.at < rfc3339(asked.until.astimezone(UTC)))
    if asked.text:
        text = clean(asked.text).lower()
        found.append(or_(*(func.lower(column).contains(text, autoescape=True) for column in _SEARCHED)))
    if asked.state:
        found.append(INCIDENTS.c.state == clean(asked.state))
    return found
