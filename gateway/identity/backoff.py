"""Wrong logins by address: a few are free, then each one makes the next wait longer."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.identity.ip import parse_ip

FREE = 5
"""Wrong logins that cost nothing: people mistype, and many may share one address."""
DRAIN_S = 30.0
"""Seconds after which one wrong login is forgotten."""
MAX_WAIT_S = 60.0
"""Longest wait."""
MAX_SOURCES = 10_000
"""Most addresses remembered; the one that was wrong longest ago is forgotten first."""


@dataclass(slots=True)
class _Source:
    level: float
    """Wrong logins that are not forgotten yet."""
    at: float
    """When the level was taken."""
    until: float
    """No login is looked at before."""


def source_of(ip: str) -> str:
    """What an address counts as: itself, or its /64 for IPv6, which one machine can have to itself.

    >>> source_of("2001:db8:0:1:2::3"), source_of("::ffff:10.1.2.3")
    ('2001:db8:0:1::/64', '10.1.2.3')
    """
    address = parse_ip(ip)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address or ip)


class Backoff:
    """For one event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def wait_s(self, source: str) -> float:
        """Seconds until a login from there is looked at; 0 for at once."""
        known = self._sources.get(source)
        return max(known.until - self._clock(), 0.0) if known else 0.0

    def failed(self, source: str) -> None:
        """A login from there was wrong."""
        now = self._clock()
        known = self._sources.pop(source, None) or _Source(0.0, now, now)
        known.level = max(known.level - (now - known.at) / DRAIN_S, 0.0) + 1
        known.at = now
        over = known.level - FREE
        known.until = now + min(2.0 ** min(over, 10.0), MAX_WAIT_S) if over > 0 else now
        self._sources[source] = known
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)
