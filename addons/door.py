"""The door of a worker: how many connections it takes, from one address and in all."""

from __future__ import annotations

import resource
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from addons.identify import ip_of
from gateway.identity.backoff import source_of
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy.connection import Client

KEPT_FILES = 256
"""Least descriptors that connections of clients leave for servers, spools and everything else."""


def room() -> int:
    """Connections that a worker may hold: three quarters of its descriptors, for those who are let in need more."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(soft - soft // 4, soft - KEPT_FILES))


@dataclass(eq=False)
class Door:
    """Closes connections over the bounds at once, before a byte is read; never lets the worker run out of descriptors."""

    per_address: int
    in_all: int = field(default_factory=room)
    _inside: dict[str, str] = field(default_factory=dict)
    """Id of a connection → its address."""
    _counts: Counter[str] = field(default_factory=Counter)

    def client_connected(self, client: Client) -> None:
        """Let in, or tell the engine to close."""
        source = source_of(ip_of(client))
        if len(self._inside) >= self.in_all:
            metrics.REFUSED_CONNECTIONS.labels(reason="connections-full").inc()
            client.error = "connections-full"
        elif self._counts[source] >= self.per_address:
            metrics.REFUSED_CONNECTIONS.labels(reason="address-connections").inc()
            client.error = "address-connections"
        else:
            self._inside[client.id] = source
            self._counts[source] += 1

    def client_disconnected(self, client: Client) -> None:
        """Make room; a connection that was not let in has none."""
        source = self._inside.pop(client.id, None)
        if source is None:
            return
        self._counts[source] -= 1
        if not self._counts[source]:
            del self._counts[source]
