"""Connections that pass unread by somebody's word: judged and recorded before a byte goes on, counted, told at their end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog
from mitmproxy.proxy import commands, events, layers
from mitmproxy.proxy.context import Context

from addons.judge import RECORD_S, count, today
from addons.names import Named
from addons.resolve import Unreachable
from addons.unread import connection_of
from gateway.errors import RecordError
from gateway.findings import Action, Ground, Inspection, Verdict
from gateway.parts import Coverage
from gateway.passthrough.entries import PassthroughEntry, listed
from gateway.policy.decide import decide
from gateway.records.connection import Connection, Phase, connection_record, inspection_of
from gateway.records.record import outcome_record
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy.connection import Client

    from addons.judge import Judge
    from addons.unread import Unread
    from gateway.policy.model import PolicyException
    from gateway.transfer import Transfer

RULE = "wire.passthrough"
"""Rule id of the ground that lets a connection pass; records and `sluice passthrough` go by it."""
TELL_S = 600.0
"""Time between two records of one long connection."""
LOOK_S = 5.0
"""Time between two looks at what is to be told."""
FORWARDED = "forwarded (unread)"
"""Outcome of what passed."""

SENT = metrics.PASSTHROUGH_BYTES.labels(direction="sent")
RECEIVED = metrics.PASSTHROUGH_BYTES.labels(direction="received")
COVERED = metrics.COVERAGE_BYTES.labels(coverage=Coverage.PASSTHROUGH_POLICY.value)

log = structlog.get_logger()

type Commands = Generator[commands.Command, Any, None]


@dataclass(eq=False, slots=True)
class Passing:
    """One connection on its way through."""

    client: Client
    host: str
    """Name that is resolved and connected to, in its normal form."""
    port: int
    protocol: str
    entry: str
    """Host as the list writes it, or id of the exception."""
    word: str
    """Who answers for it and until when, in one sentence."""
    exception: str = ""
    """Id of the policy's exception; empty for an entry of the settings."""
    may_pass: bool = False
    """Deny first: set only after the opening is recorded and the address judged."""
    transfer: Transfer | None = None
    verdict: Verdict | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    told_sent_bytes: int = 0
    told_received_bytes: int = 0
    told_at: float = field(default_factory=time.monotonic)
    """Monotonic seconds of the last record."""


@dataclass
class SluicePassHook(commands.StartHook):
    """Blocks the connection until it was judged and its opening is recorded; handled by `Passthrough`."""

    passing: Passing


@dataclass
class SluicePassedHook(commands.StartHook):
    """The connection is over."""

    passing: Passing


class RawRelay(layers.TCPLayer):
    """Passes bytes both ways, unread and counted, once `may_pass` says so; until then nothing is connected to."""

    def __init__(self, context: Context, passing: Passing) -> None:
        super().__init__(context, ignore=True)
        self.passing = passing

    def begin(self, event: events.Event) -> Commands:
        """Ask for the judgement, then open the connection or close the client's."""
        yield SluicePassHook(self.passing)
        if not self.passing.may_pass:
            yield commands.CloseConnection(self.context.client)
            self._handle_event = self.done  # type: ignore[method-assign]  # a layer's state is its handler
            return
        yield from self.start(event)
        if self._handle_event == self.done:
            yield SluicePassedHook(self.passing)

    _handle_event = begin

    def relay_messages(self, event: events.Event) -> Commands:
        """The stock relay, and a count of every byte."""
        if isinstance(event, events.DataReceived):
            size = len(event.data)
            if event.connection is self.context.client:
                self.passing.sent_bytes += size
                SENT.inc(size)
                COVERED.inc(size)
            else:
                self.passing.received_bytes += size
                RECEIVED.inc(size)
        yield from super().relay_messages(event)
        if self._handle_event == self.done:
            yield SluicePassedHook(self.passing)


@dataclass(eq=False)
class Passthrough:
    """The addon that judges, records and tells; one per worker."""

    judge: Judge
    unread: Unread
    _open: dict[Passing, None] = field(default_factory=dict)
    _counted_on: object = None
    _looking: asyncio.Task[None] | None = None

    def entry_for(self, host: str) -> PassthroughEntry | None:
        """The entry of `tls.passthrough` in force that names the host."""
        return listed(self.judge.resolver.settings.tls.passthrough, host, today())

    def by_entry(self, client: Client, host: str, port: int, protocol: str, entry: PassthroughEntry) -> Passing:
        """A connection that an entry of the settings names."""
        word = f"tls.passthrough {entry.host}: {entry.owner} answers for it until {entry.expires}"
        return Passing(client, host, port, protocol, entry.host, word)

    def by_exception(self, client: Client, host: str, port: int, protocol: str, exception: PolicyException) -> Passing:
        """A connection that an exception of the policy names."""
        word = f"exception {exception.id}: {exception.owner} answers for it until {exception.expires}"
        return Passing(client, host, port, protocol, exception.id, word, exception.id)

    async def sluice_pass(self, passing: Passing) -> None:
        """Judge and record the opening; whatever goes wrong leaves `may_pass` as it is, which refuses."""
        try:
            await self._judge(passing)
        except Unreachable as why:
            self._refuse(passing, why.reason, why.because)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it was, nothing is connected to
            passing.may_pass = False
            metrics.FAILURES.labels(part="judge").inc()
            log.error("connection refused after a fault", kind=type(error).__name__)

    def sluice_passed(self, passing: Passing) -> None:
        """Tell the end, once."""
        if passing in self._open:
            del self._open[passing]
            self._tell(passing, "closed")

    def client_disconnected(self, client: Client) -> None:
        """The client is gone, however its connections ended."""
        for passing in [one for one in self._open if one.client is client]:
            self.sluice_passed(passing)

    def running(self) -> None:
        """Begin to tell of long connections."""
        self.count_entries()
        self._looking = asyncio.create_task(self._look())

    def done(self) -> None:
        """Tell the end of everything that is still open."""
        if self._looking is not None:
            self._looking.cancel()
        for passing in list(self._open):
            self.sluice_passed(passing)

    def count_entries(self) -> None:
        """Tell how many entries of the list are in force today, and how many ended."""
        if self._counted_on == (day := today()):
            return
        self._counted_on = day
        left = [entry.days_left(day) >= 0 for entry in self.judge.resolver.settings.tls.passthrough]
        metrics.PASSTHROUGH_ENTRIES.labels(status="in-force").set(sum(left))
        metrics.PASSTHROUGH_ENTRIES.labels(status="ended").set(len(left) - sum(left))

    def tell_long_ones(self, now_s: float) -> None:
        """Record what passed since the last record of connections that are open for TELL_S more."""
        for passing in self._open:
            if now_s - passing.told_at >= TELL_S:
                self._tell(passing, "running")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.count_entries()
            self.tell_long_ones(time.monotonic())

    async def _judge(self, passing: Passing) -> None:
        judge, client = self.judge, passing.client
        destination = self.unread.destination(passing.host, passing.port, passing.protocol)
        actor = self.unread.actor(client)
        if judge.draining:
            raise Unreachable("draining", "")
        if judge.identity_required and not actor.user:
            raise Unreachable("identity", "")
        # One byte, so that rules for uploads hold: what passes unread may be one.
        transfer = connection_of(actor, destination, 1)
        name = Named(passing.host, passing.host)
        located = await judge.resolver.locate(transfer.destination, transfer.request, name)
        transfer = replace(transfer, destination=located.destination)
        verdict = passing.verdict = self._verdict(passing, transfer)
        passing.transfer = transfer = replace(transfer, request=replace(transfer.request, bytes=0))
        if not verdict.action.lets_through:
            await self._record(passing, transfer, verdict, "refused", "refused (closed)")
            return
        await self._record(passing, transfer, verdict, "open", FORWARDED)
        judge.routes.approve(located.asked, located.target)
        passing.told_at = time.monotonic()
        if passing.client.timestamp_end is not None:
            # Gone while we waited: a connection made now would belong to nobody.
            self._tell(passing, "closed")
            return
        self._open[passing] = None
        passing.may_pass = True

    def _verdict(self, passing: Passing, transfer: Transfer) -> Verdict:
        """What the policy says of destination and sender alone, and the word by which it passes unread."""
        decided = decide(transfer, Inspection(), self.judge.policy(), today=today())
        ground = Ground(RULE, Action.LOG, (), passing.word)
        action = max(decided.action, Action.LOG)
        used = ", ".join(filter(None, (passing.exception, decided.exception)))
        return Verdict(action, (*decided.grounds, ground), decided.policy_digest, used)

    async def _record(self, passing: Passing, transfer: Transfer, verdict: Verdict, phase: Phase, outcome: str) -> None:
        """Make the opening or its refusal durable, then count it; raises RecordError."""
        told = Connection(passing.protocol, phase, last_at=transfer.at, entry=passing.entry)
        coverage = Coverage.PASSTHROUGH_POLICY if phase == "open" else Coverage.UNKNOWN_PROTOCOL
        body = connection_record(transfer, verdict, told, coverage, node=self.judge.node, duration_ms=0.0)
        try:
            async with asyncio.timeout(RECORD_S):
                await asyncio.gather(
                    self.judge.append("verdict", body),
                    self.judge.append("outcome", outcome_record(transfer.id, outcome, transfer.at)),
                )
        except TimeoutError:
            raise RecordError("the opening could not be recorded") from None
        metrics.UNREAD_CONNECTIONS.labels(protocol=passing.protocol, action=verdict.action.word).inc()
        # Bytes are counted as they pass.
        count(transfer, inspection_of(told, coverage), verdict)

    def _tell(self, passing: Passing, phase: Phase) -> None:
        """Journal what passed since the last record; nobody waits for it."""
        opened, verdict = passing.transfer, passing.verdict
        if opened is None or verdict is None:
            return
        sent = passing.sent_bytes - passing.told_sent_bytes
        received = passing.received_bytes - passing.told_received_bytes
        transfer = connection_of(opened.actor, opened.destination, sent)
        told = Connection(
            passing.protocol,
            phase,
            last_at=transfer.at,
            sent_bytes=sent,
            received_bytes=received,
            opened=opened.id,
            entry=passing.entry,
        )
        now_s = time.monotonic()
        body = connection_record(
            transfer,
            verdict,
            told,
            Coverage.PASSTHROUGH_POLICY,
            node=self.judge.node,
            duration_ms=(now_s - passing.told_at) * 1000,
        )
        passing.told_sent_bytes, passing.told_received_bytes = passing.sent_bytes, passing.received_bytes
        passing.told_at = now_s
        self.judge.journal.append("verdict", body)
        self.judge.journal.append("outcome", outcome_record(transfer.id, FORWARDED, transfer.at))

    def _refuse(self, passing: Passing, reason: str, because: str) -> None:
        self.unread.refuse(
            passing.client, passing.host, passing.port, protocol=passing.protocol, reason=reason, because=because
        )
