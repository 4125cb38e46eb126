"""Connections that nobody can read: refused, recorded with repeats told together, counted; or lifted by an exception."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

import structlog
from mitmproxy import tcp
from mitmproxy.connection import Client, Server

from addons.judge import count, now, today
from addons.names import is_address
from gateway.channels.agents import service_of_agent
from gateway.channels.protocols import PROTOCOLS
from gateway.channels.repeats import MAX_KEYS, Repeats, Tally
from gateway.findings import Verdict
from gateway.parts import Coverage
from gateway.policy.builtin import BUILTIN, builtin_verdict
from gateway.policy.unread import passing
from gateway.records.connection import Connection, connection_record, inspection_of
from gateway.records.ids import new_id
from gateway.records.record import outcome_record
from gateway.settings import route_for
from gateway.transfer import Actor, Category, Channel, Destination, Request, Transfer
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http

    from addons.judge import Judge
    from gateway.policy.model import PolicyException

FLUSH_S = 5.0
"""Time between two looks at the repeats that wait to be told."""
CLOSED = "refused (closed)"
"""Outcome of a connection that got no answer but its end."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What two attempts must have in common to be told as one."""

    actor: Actor
    destination: Destination
    channel: Channel
    protocol: str
    reason: str
    """Key of `gateway.policy.builtin`."""
    because: str
    app: str = ""

    def crowd(self) -> Attempt:
        """The attempt that stands for many different ones at once."""
        return replace(self, actor=Actor(), destination=Destination("", 0), because="many connections at once", app="")


@dataclass(eq=False)
class Unread:
    """Judges and records connections instead of requests; one per worker, an addon for its clock."""

    judge: Judge
    clock: Callable[[], float] = time.monotonic
    _repeats: Repeats[Attempt] = field(default_factory=lambda: Repeats(Attempt.crowd))
    _ids: OrderedDict[Attempt, str] = field(default_factory=OrderedDict)
    _agents: WeakKeyDictionary[Client, str] = field(default_factory=WeakKeyDictionary)
    _flushing: asyncio.Task[None] | None = None

    def running(self) -> None:
        """Begin to tell what waits."""
        self._flushing = asyncio.create_task(self._flush())

    def done(self) -> None:
        """Tell everything that is left."""
        if self._flushing is not None:
            self._flushing.cancel()
        for attempt, tally in self._repeats.rest():
            self._record(attempt, tally)

    def refuse(
        self,
        client: Client,
        host: str,
        port: int,
        *,
        protocol: str,
        reason: str,
        because: str = "",
        size_bytes: int = 0,
        outcome: str = CLOSED,
    ) -> str:
        """Count and record one refusal; the id of the record that tells of it. Never raises.

        `host` is in its normal form, empty when the client named none; `size_bytes` is what it sent.
        """
        attempt = Attempt(
            actor=self.actor(client),
            destination=self.destination(host, port, protocol),
            channel=Channel.UDP if client.transport_protocol == "udp" else Channel.TCP,
            protocol=protocol,
            reason=reason,
            because=because or f"{PROTOCOLS[protocol].says}: {BUILTIN[reason].zh}{BUILTIN[reason].en}",
            app=self._agents.get(client, ""),
        )
        coverage, verdict = coverage_of(reason), self.verdict(attempt)
        metrics.UNREAD_CONNECTIONS.labels(protocol=protocol, action="block").inc()
        counted = Connection(protocol, sent_bytes=size_bytes)
        count(self.transfer(attempt, size_bytes), inspection_of(counted, coverage), verdict)
        told = self._repeats.seen(attempt, self.clock(), size_bytes)
        if told is not None:
            return self._record(*told, outcome=outcome)
        return self._ids.get(attempt) or self._ids.get(attempt.crowd(), "")

    def lifted(self, client: Client, host: str, port: int, *, protocol: str, reason: str) -> PolicyException | None:
        """The exception of the policy by which the connection may pass all the same."""
        destination = self.destination(host, port, protocol)
        attempt = Attempt(self.actor(client), destination, Channel.TCP, protocol, reason, "")
        rule = BUILTIN[reason].rule
        return passing(self.judge.policy(), self.transfer(attempt, 1), rule, protocol, today=today())

    def is_listed(self, address: str, port: int) -> bool:
        """Whether somebody listed the bare address: by a fixed route, or as one of the private networks of servers."""
        settings = self.judge.resolver.settings
        if not is_address(address) or route_for(settings, address, port) is not None:
            return True
        bare = ipaddress.ip_address(address)
        return any(bare in network for network in settings.upstream_private)

    def remember_agent(self, flow: http.HTTPFlow) -> None:
        """Keep which app the program says it is; the text itself is not kept."""
        if app := service_of_agent(flow.request.headers.get("user-agent", "")):
            self._agents[flow.client_conn] = app

    def actor(self, client: Client) -> Actor:
        """Who connects, as far as is known; only the address when that cannot be found out."""
        flow = tcp.TCPFlow(client, Server(address=None))
        try:
            return self.judge.identify.actor(cast("http.HTTPFlow", flow))
        except Exception as error:  # noqa: BLE001 - the connection is refused either way, and must be recorded
            metrics.FAILURES.labels(part="judge").inc()
            log.error("sender of a connection not known", kind=type(error).__name__)
            return Actor(ip=client.peername[0] if client.peername else "")

    def destination(self, host: str, port: int, protocol: str) -> Destination:
        """What the catalogue knows of the host, else what the protocol says; nothing is resolved."""
        known = self.judge.resolver.known(host, port, Request(method="CONNECT"))
        named = PROTOCOLS[protocol]
        if known.service:
            return known
        category = named.category if known.category is Category.OTHER else known.category
        return replace(known, service=named.service, category=category)

    def transfer(self, attempt: Attempt, size_bytes: int) -> Transfer:
        """One attempt as everything that judges and records knows it."""
        return connection_of(attempt.actor, attempt.destination, size_bytes, attempt.channel)

    def verdict(self, attempt: Attempt) -> Verdict:
        """The refusal of the attempt."""
        return builtin_verdict(attempt.reason, self.judge.policy().digest, because=attempt.because)

    def _record(self, attempt: Attempt, tally: Tally, outcome: str = CLOSED) -> str:
        transfer = self.transfer(attempt, tally.size_bytes)
        told = Connection(
            attempt.protocol,
            count=tally.count,
            last_at=transfer.at,
            sent_bytes=tally.size_bytes,
            app=attempt.app,
        )
        coverage = coverage_of(attempt.reason)
        body = connection_record(transfer, self.verdict(attempt), told, coverage, node=self.judge.node, duration_ms=0.0)
        # Nobody waits: nothing leaves either way, and the journal counts what it cannot write.
        self.judge.journal.append("verdict", body)
        self.judge.journal.append("outcome", outcome_record(transfer.id, outcome, now()))
        self._ids[attempt] = transfer.id
        self._ids.move_to_end(attempt)
        if len(self._ids) > MAX_KEYS:
            self._ids.popitem(last=False)
        return transfer.id

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush(self.clock())

    def flush(self, now_s: float) -> None:
        """Tell the repeats that waited long enough."""
        for attempt, tally in self._repeats.due(now_s):
            self._record(attempt, tally)


def connection_of(actor: Actor, destination: Destination, size_bytes: int, channel: Channel = Channel.TCP) -> Transfer:
    """A connection as a transfer of its own, made now."""
    return Transfer(new_id(), now(), actor, destination, channel, Request(method="CONNECT", bytes=size_bytes))


def coverage_of(reason: str) -> Coverage:
    """TLS that was not opened is encrypted content; everything else is a protocol nobody reads."""
    return Coverage.ENCRYPTED if reason in {"tls-refused", "tls-unclear"} else Coverage.UNKNOWN_PROTOCOL
