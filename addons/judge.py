"""One held request → a recorded verdict: who, where, inspect, decide, record, in this order and never short of the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from addons.capture import body_problem, channel_of, head_problem, request_of, with_trailers
from addons.names import Named, named
from addons.resolve import Resolver, Unreachable
from addons.shares import Shares, Turns
from addons.steps import Ruling, Step, announced_bytes, refuse_whole, with_values
from addons.uploads import owner_of
from gateway.errors import InspectorError, RecordError
from gateway.findings import Action, Inspection, Verdict
from gateway.identity.backoff import source_of
from gateway.inspectors.slots import LARGE_BYTES
from gateway.policy.builtin import builtin_verdict
from gateway.policy.decide import decide, hold_mode, largest_body_bytes, refuse_size
from gateway.policy.unread import coat_problem
from gateway.records.gather import Gather
from gateway.records.ids import new_id
from gateway.records.record import build_record, outcome_record
from gateway.refusal.render import refusal_status
from gateway.request_settings import Requests
from gateway.transfer import Destination, Transfer
from gateway.uploads.model import NO_ASK, Ask
from gateway.wire.head import is_telling
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http

    from addons.held import Held
    from addons.identify import Identify
    from addons.loop import Routes
    from addons.uploads import Uploads
    from gateway.inspectors.client import InspectorClient
    from gateway.inspectors.slots import Slots
    from gateway.policy.model import Policy
    from gateway.records.journal import Journal
    from gateway.records.segment import Receipt
    from gateway.uploads.plan import Plan

CALENDAR = ZoneInfo("Asia/Shanghai")
"""Days of policy exceptions and ledgers are days of this zone (LAW.md, 3.1)."""
QUEUE_S = 120.0
"""Longest wait for a free inspector; clients wait minutes for an upload's answer, so a queue is better than a refusal."""
TURNS = 16
"""Inspections of one address at once, in one worker, unless the composition root knows better."""
RECORD_S = 20.0
"""Longest wait for the journal; over it the transfer is refused."""


def now() -> str:
    """The time as records have it: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Judge:
    """Everything a verdict needs; one per worker."""

    resolver: Resolver
    identify: Identify
    identity_required: bool
    policy: Callable[[], Policy]
    inspectors: InspectorClient
    slots: Slots
    journal: Journal
    routes: Routes
    uploads: Uploads
    node: str
    shares: Shares = field(default_factory=Shares)
    turns: Turns = field(default_factory=lambda: Turns(TURNS))
    large_turns: Turns = field(default_factory=lambda: Turns(TURNS))
    """Those of bodies that need a slot."""
    rules: Requests = field(default_factory=Requests)
    draining: bool = False
    _gather: Gather | None = None

    def open(self, flow: http.HTTPFlow, held: Held, declared_bytes: int) -> Verdict | None:
        """Make the transfer from the head; the verdict when the head alone refuses it, without any waiting."""
        request = request_of(flow, declared_bytes)
        held.named = named(flow)
        destination, match = self.resolver.matched(held.named.host, flow.request.port, request)
        held.transfer = Transfer(
            id=new_id(),
            at=now(),
            actor=self.identify.actor(flow),
            destination=destination,
            channel=channel_of(flow),
            request=request,
        )
        reason, because = coat_problem(held.transfer, self.policy(), today=today())
        if not reason:
            reason, because = head_problem(flow, self.rules)
        if self.draining:
            reason, because = "draining", ""
        elif not reason and self.identity_required and not held.transfer.actor.user:
            reason, because = "identity", ""
        elif not reason and declared_bytes > held.max_body_bytes:
            reason, because = "body-limit", f"{declared_bytes} bytes declared, {held.max_body_bytes} allowed"
        if reason:
            return builtin_verdict(reason, self.policy().digest, because=because)
        largest = largest_body_bytes(held.transfer, self.policy(), today=today())
        if largest is not None:
            held.max_body_bytes = min(held.max_body_bytes, largest)
        held.where, held.plan = match.facts, self.uploads.plan(held.transfer, match.split)
        whole_bytes = announced_bytes(held.plan) if held.plan is not None else -1
        return self.size_verdict(held.transfer, declared_bytes) or refuse_whole(
            held.transfer, whole_bytes, self.policy(), today=today()
        )

    def size_verdict(self, transfer: Transfer, size_bytes: int) -> Verdict | None:
        """The refusal for a body of that length at that destination, None when it may be received."""
        return refuse_size(transfer, size_bytes, self.policy(), today=today(), whole_body=True)

    async def judge(self, held: Held, transfer: Transfer) -> None:
        """Set `held.verdict` and `held.recorded`; whatever goes wrong leaves them as they are, which refuses."""
        request = with_trailers(transfer.request, held.trailer_fields)
        transfer = replace(transfer, request=replace(request, bytes=held.spool.size_bytes))
        held.transfer = transfer
        reason = (
            "trailers" if held.trailers else "spool" if held.spool_failed else "body-limit" if held.too_large else ""
        )
        # Over HTTP/2 a body need not be announced.
        because = body_problem(transfer.request.method, self.rules) if held.spool.size_bytes else ""
        if because and not reason:
            reason = "unexpected-body"
        if reason:
            early = self.size_verdict(transfer, held.max_body_bytes + 1) if held.too_large else None
            verdict = early or builtin_verdict(reason, self.policy().digest, because=because)
            await self.settle(held, transfer, Inspection(failure="too-large" if held.too_large else reason), verdict)
            return
        host = transfer.destination.host
        try:
            located = await self.resolver.locate(
                transfer.destination, transfer.request, held.named or Named(host, host)
            )
        except Unreachable as why:
            verdict = builtin_verdict(why.reason, self.policy().digest, because=why.because)
            await self.settle(held, transfer, Inspection(failure=why.reason), verdict)
            return
        ruling = await self.rule(held, replace(transfer, destination=located.destination), located.claimed)
        held.transfer = ruling.transfer
        if held.own_answer is not None:
            # Nothing leaves and nothing is decided: the verdict comes with the last piece.
            return
        if held.bare and ruling.verdict.action is Action.ALLOW and not ruling.inspection.parts:
            held.verdict = ruling.verdict
        else:
            await self.settle(held, *ruling)
            await self.uploads.hashes.remember(ruling, self.policy(), time.time())
        if held.may_leave:
            self.routes.approve(located.asked, located.target)

    async def rule(self, held: Held, transfer: Transfer, claimed: Destination | None) -> Ruling:
        """Inspect and decide: over the request, or over the whole file of which it is the last piece."""
        inspection = await self.inspect(held, transfer, await self.uploads.ask(held, transfer, self.policy()))
        transfer = with_values(transfer, held.where, inspection.values)
        inspection = await self.uploads.hashes.known(held, transfer, inspection, self.policy())
        transfer, verdict = self.stricter(transfer, claimed, inspection)
        own = Ruling(transfer, inspection, verdict)
        return own if held.plan is None else await self.uploads.rule(self.step(held, held.plan, own, claimed))

    def step(self, held: Held, plan: Plan, own: Ruling, claimed: Destination | None) -> Step:
        """The request as a step of its upload, with what is needed to judge the whole."""
        policy = self.policy()
        return Step(
            held=held,
            plan=plan,
            transfer=own.transfer,
            inspection=own.inspection,
            verdict=own.verdict,
            owner=owner_of(own.transfer),
            mode=hold_mode(own.transfer, policy, today=today()),
            policy=policy,
            today=today(),
            decide=lambda transfer, inspection: self.stricter(transfer, claimed, inspection),
            inspect=self.inspect_body,
        )

    def stricter(
        self, transfer: Transfer, claimed: Destination | None, inspection: Inspection
    ) -> tuple[Transfer, Verdict]:
        """The verdict, and the transfer as it was judged: as one to a name nothing proves when that is refused sooner."""
        verdict = decide(transfer, inspection, self.policy(), today=today())
        if claimed is not None:
            other = replace(transfer, destination=claimed)
            by_name = decide(other, inspection, self.policy(), today=today())
            if by_name.action > verdict.action:
                return other, by_name
        return transfer, verdict

    async def inspect(self, held: Held, transfer: Transfer, ask: Ask = NO_ASK) -> Inspection:
        """What the inspectors say of the request."""
        if held.bare and not is_telling(transfer.request):
            return Inspection()
        return await self.inspect_body(transfer, held.spool.payload, held.spool.size_bytes, ask)

    async def inspect_body(self, transfer: Transfer, body: bytes | int, size_bytes: int, ask: Ask) -> Inspection:
        """What the inspectors say of a body; a failure is an inspection that says so, never an exception."""
        try:
            source, is_large = source_of(transfer.actor.ip), size_bytes > LARGE_BYTES
            # Who waits for a slot must not keep the small ones of its address waiting.
            large = self.large_turns.taken(source, QUEUE_S) if is_large else nullcontext()
            async with large, self.slots.taken(size_bytes, QUEUE_S), self.turns.taken(source, QUEUE_S):
                found = await self.inspectors.inspect(transfer, body, size_bytes, ask)
        except InspectorError as error:
            metrics.FAILURES.labels(part="inspector").inc()
            return Inspection(failure=error.reason)
        for stage, seconds in found.stages.items():
            _child(metrics.INSPECTION_SECONDS, stage).observe(seconds)
        return found

    async def settle(self, held: Held, transfer: Transfer, inspection: Inspection, verdict: Verdict) -> None:
        """Make the verdict durable, then let it count; raises RecordError when it cannot be made durable."""
        held.verdict = verdict
        duration_ms = (time.monotonic() - held.started_at) * 1000
        body = build_record(transfer, inspection, verdict, node=self.node, duration_ms=duration_ms)
        waits = [self.append("verdict", body)]
        if not verdict.action.lets_through:
            status = held.close_code or refusal_status(verdict)
            outcome = "aborted" if held.aborted else f"refused ({status})"
            waits.append(self.append("outcome", outcome_record(transfer.id, outcome, now())))
            held.outcome_told = True
        try:
            async with asyncio.timeout(RECORD_S):
                await (waits[0] if len(waits) == 1 else asyncio.gather(*waits))
        except (RecordError, TimeoutError) as error:
            metrics.FAILURES.labels(part="journal").inc()
            held.verdict = builtin_verdict("unrecorded", verdict.policy_digest)
            raise RecordError("the verdict could not be recorded") from error
        held.recorded = True
        count(transfer, inspection, verdict)
        if held.arrived_at:
            metrics.UPLOAD_HOLD_SECONDS.observe(time.monotonic() - held.arrived_at)

    def append(self, kind: Literal["verdict", "outcome"], body: Mapping[str, Any]) -> Awaitable[Receipt]:
        """A wait for one journal line to be on the disk."""
        return self.gathered().append(kind, body)

    def gathered(self) -> Gather:
        """The loop's own way to the journal; `flush` it before the loop ends."""
        if self._gather is None:
            self._gather = Gather(self.journal.append_group)
        return self._gather

    def tell_outcome(self, held: Held, outcome: str) -> None:
        """Journal what became of a recorded transfer, once; nobody waits for it."""
        if held.outcome_told or not held.recorded or held.transfer is None:
            return
        held.outcome_told = True
        self.gathered().append_later("outcome", outcome_record(held.transfer.id, outcome, now()))


def today() -> date:
    """The calendar day that policy exceptions and ledgers go by."""
    return datetime.now(CALENDAR).date()


@lru_cache(maxsize=1024)
def _child(metric: Any, *labels: str) -> Any:
    """The series of the metric with these labels, in its own order; looking one up anew costs as much as counting."""
    return metric.labels(*labels)


def count(transfer: Transfer, inspection: Inspection, verdict: Verdict) -> None:
    """The metrics of one recorded transfer."""
    destination: Destination = transfer.destination
    action, category = verdict.action.word, destination.category.value
    _child(metrics.TRANSFERS, action, category, destination.region.value, transfer.channel.value).inc()
    _child(metrics.TRANSFER_BYTES, action, category).inc(transfer.request.bytes)
    identified = "yes" if transfer.actor.user else "no"
    _child(metrics.IDENTIFIED, identified).inc()
    _child(metrics.IDENTIFIED_BYTES, identified).inc(transfer.request.bytes)
    coverage = inspection.coverage.value
    _child(metrics.COVERAGE, coverage).inc()
    _child(metrics.COVERAGE_BYTES, coverage).inc(transfer.request.bytes)
    if not verdict.action.lets_through:
        for rule in {ground.rule for ground in verdict.enforced if not ground.action.lets_through}:
            metrics.BLOCKED.labels(rule=rule).inc()
    for part in inspection.parts:
        for finding in part.findings:
            metrics.FINDINGS.labels(signature=finding.signature, severity=finding.severity.value).inc(finding.count)
