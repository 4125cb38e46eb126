"""What the status strip says: readiness and the last day's counts, asked of the machine once in a while for all."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.console.health import Health
from gateway.console.models import Day
from gateway.errors import RecordError
from gateway.parts import Coverage
from gateway.records.chain import rfc3339
from gateway.records.overview import totals
from gateway.records.queries import IncidentFilter
from gateway.records.store import Store

FRESH_S = 5.0
"""How long an answer serves all readers: checks write, connect and count, and many pages may be open."""
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the gateway at one moment."""

    checks: dict[str, str]
    """Name of the check → empty, or what is wrong."""
    day: Day | None
    """None when the store cannot be read."""
    open_incidents: int | None

    @property
    def problems(self) -> dict[str, str]:
        """The checks that failed."""
        return {name: problem for name, problem in self.checks.items() if problem}


class Board:
    """Gives the status, renewed when it is older than `FRESH_S`, by one reader for all."""

    def __init__(self, health: Health, now: Callable[[], datetime], clock: Callable[[], float]) -> None:
        """`now` gives aware UTC times, `clock` seconds that never go back."""
        self._health = health
        self._now = now
        self._clock = clock
        self._lock = asyncio.Lock()
        self._status: Status | None = None
        self._stale_at = 0.0

    async def look(self) -> Status:
        """The status, at most `FRESH_S` old."""
        async with self._lock:
            if self._status is None or self._clock() >= self._stale_at:
                checks, (day, waiting) = await asyncio.gather(
                    self._health.problems(), asyncio.to_thread(_counts, self._health.store, self._now())
                )
                self._status = Status(checks, day, waiting)
                self._stale_at = self._clock() + FRESH_S
            return self._status


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _counts(store: Store, now: datetime) -> tuple[Day | None, int | None]:
    since = now - DAY
    by_action: Counter[str] = Counter()
    by_coverage: Counter[str] = Counter()
    try:
        for total in totals(store, since):
            by_action[total.action] += total.transfers
            by_coverage[total.coverage] += total.transfers
        waiting = store.count(IncidentFilter(state="open"))
    except RecordError:
        return None, None
    transfers = by_action.total()
    ratio = by_coverage[Coverage.INSPECTED] / transfers if transfers else None
    day = Day(
        since=rfc3339(since),
        transfers=transfers,
        by_action=dict(by_action),
        by_coverage=dict(by_coverage),
        inspected_ratio=ratio,
    )
    return day, waiting
