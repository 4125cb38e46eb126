"""What one client address may take of a worker, so that it leaves something for the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from gateway.errors import InspectorError
from gateway.limits import Limits
from gateway.spool import Quota


@dataclass(slots=True)
class Share:
    """One request under way; counts until everybody who uses it is done."""

    shares: Shares
    source: str
    users: int = 1

    def use(self) -> None:
        """One more user: an inspection goes on when the client has gone."""
        self.users += 1

    def release(self) -> None:
        """One user less."""
        self.users -= 1
        if not self.users:
            self.shares.end(self.source)


@dataclass(eq=False)
class Shares:
    """The requests and spools of a worker by the address they come from (`gateway.identity.backoff.source_of`)."""

    limits: Limits = field(default_factory=Limits)
    _open: Counter[str] = field(default_factory=Counter)
    _quotas: WeakValueDictionary[str, Quota] = field(default_factory=WeakValueDictionary)

    def begin(self, source: str) -> Share | None:
        """A request's share, None when the address has its most already."""
        if self._open[source] >= self.limits.max_open_per_address:
            return None
        self._open[source] += 1
        return Share(self, source)

    def end(self, source: str) -> None:
        """A request is over; called by its share."""
        self._open[source] -= 1
        if not self._open[source]:
            del self._open[source]

    def quota(self, source: str) -> Quota:
        """What the spools of the address count into; forgotten with the last of them."""
        found = self._quotas.get(source)
        if found is None:
            found = self._quotas[source] = Quota(self.limits.max_spool_bytes_per_address)
        return found


@dataclass(eq=False)
class Turns:
    """Bodies of one address take turns at the inspectors, so that those of others do not wait behind all of them."""

    most: int
    """Inspections of one address at once; when it is alone, they must be enough to keep all inspectors busy."""
    _turns: WeakValueDictionary[str, asyncio.Semaphore] = field(default_factory=WeakValueDictionary)

    @asynccontextmanager
    async def taken(self, source: str, wait_s: float) -> AsyncIterator[None]:
        """Has a turn inside the block; raises InspectorError("busy") when none came in time."""
        turn = self._turns.get(source)
        if turn is None:
            turn = self._turns[source] = asyncio.Semaphore(self.most)
        if turn.locked():
            try:
                async with asyncio.timeout(wait_s):
                    await turn.acquire()
            except TimeoutError:
                raise InspectorError("busy") from None
        else:
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()
