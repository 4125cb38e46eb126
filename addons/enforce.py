"""The hooks: open a request, ask for the verdict, answer with the refusal. Any error leaves the refusal in place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import structlog
from mitmproxy import ctx, http

from addons.announced import Announced
from addons.answer import answer_for, response_of
from addons.held import HELD, Held, held_of
from addons.identify import ip_of
from addons.layers import unsent_bytes
from gateway.errors import RecordError
from gateway.findings import Inspection
from gateway.identity.backoff import source_of
from gateway.limits import KIB
from gateway.policy.builtin import builtin_verdict
from gateway.policy.unread import UNREAD_RULES
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy.connection import Connection

    from addons.judge import Judge
    from gateway.findings import Verdict

MAX_UNSENT_BYTES = 256 * KIB
"""Most bytes that may wait for an HTTP/2 upstream's window before more is read; with 32 slow servers each one counts."""
STALL_S = 120.0
"""Longest time an upstream may take nothing before the upload is given up."""
POLL_S = 0.005
"""Wait between two looks at an HTTP/2 window; hyper-h2 has no call-back for it."""
GONE = "the client went away before everything had arrived"
SLOW = "the body came too slowly, and the connection was closed"

log = structlog.get_logger()


@dataclass
class Enforce:
    """The addon between mitmproxy and the judge."""

    judge: Judge
    _looking: WeakKeyDictionary[Connection, asyncio.Lock] = field(default_factory=WeakKeyDictionary)

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Refuse what the head alone refuses, before a byte of the body is asked for."""
        held = flow.metadata.get(HELD)
        if held is None:
            return
        if flow.error:
            # The stock validation answers with 400 itself; there is no destination to record.
            metrics.REFUSED_CONNECTIONS.labels(reason="malformed-head").inc()
            return
        held.counted = True
        metrics.OPEN_TRANSFERS.inc()
        try:
            # In a tunnel the login was checked with its CONNECT; this is for plain HTTP.
            held.refusal = await self.judge.identify.authenticate(flow)
            if held.refusal is not None:
                return
            held.share = self.judge.shares.begin(source_of(ip_of(flow.client_conn)))
            if held.share is None:
                metrics.REFUSED_CONNECTIONS.labels(reason="address-requests").inc()
                held.refusal = too_many()
                return
            verdict = self.judge.open(flow, held, declared_bytes(flow))
            if verdict is not None and held.transfer is not None:
                held.refusal = answer_for(flow, held, verdict)
                inspection = Inspection(failure=failure_of(verdict))
                await self.judge.settle(held, held.transfer, inspection, verdict)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it was, the request is refused
            self.failed(flow, held, error)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Ask for the verdict; the layer forwards only when it is recorded and lets through."""
        held = flow.metadata.get(HELD)
        if held is None or held.refusal is not None:
            return
        share = held.share
        if share is not None:
            # The inspection goes on when the client has gone, and counts as long.
            share.use()
        spooled_bytes = held.spool.on_disk_bytes
        metrics.SPOOL_BYTES.inc(spooled_bytes)
        held.bare = not (held.spool.size_bytes or held.spool_failed or held.too_large or held.trailers)
        try:
            if held.transfer is None:
                raise RecordError("the request was never opened")
            await self.judge.judge(held, held.transfer)
            if held.own_answer is not None:
                held.refusal = response_of(held.own_answer.status, held.own_answer.headers, held.own_answer.body)
            elif not held.may_leave and held.verdict is not None:
                held.refusal = answer_for(flow, held, held.verdict)
            flow.request.headers.update(held.fields)
            if held.upload:
                # The answer is read here, and nobody should have to undo an encoding for it.
                flow.request.headers["accept-encoding"] = "identity"
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it was, the request is refused
            self.failed(flow, held, error)
        finally:
            metrics.SPOOL_BYTES.dec(spooled_bytes)
            if share is not None:
                share.release()

    def failed(self, flow: http.HTTPFlow, held: Held, error: BaseException) -> None:
        """Refuse with a reason after a fault of our own; the record is what could be recorded."""
        part = "journal" if isinstance(error, RecordError) else "judge"
        metrics.FAILURES.labels(part=part).inc()
        log.error(
            "request refused after a fault", part=part, kind=type(error).__name__, id=held.transfer and held.transfer.id
        )
        reason = "unrecorded" if isinstance(error, RecordError) else "internal"
        held.recorded = False
        held.verdict = builtin_verdict(reason, "")
        held.refusal = answer_for(flow, held, held.verdict)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """The origin answered: tell the outcome, and let the response stream."""
        held = flow.metadata.get(HELD)
        if held is None or flow.response is None:
            return
        flow.response.stream = True
        if held.upload:
            answer = Announced(partial(self.note, flow, held))
            answer.head()
            flow.response.stream = answer
        self.judge.tell_outcome(held, f"forwarded ({flow.response.status_code})")

    def note(self, flow: http.HTTPFlow, held: Held, body: object) -> None:
        """Note what an answer calls the upload that its request announced; once for its head, once for its body."""
        if flow.response is not None and held.transfer is not None:
            request, host = held.transfer.request, held.transfer.destination.host
            url = f"{flow.request.scheme}://{host}{request.path}?{request.query}"
            headers = {name.lower(): value for name, value in flow.response.headers.items()}
            self.judge.uploads.link(held, url, headers, body)

    def response(self, flow: http.HTTPFlow) -> None:
        """The exchange is over."""
        self.closed(flow)

    async def error(self, flow: http.HTTPFlow) -> None:
        """The exchange broke off: a forwarded upload is told as aborted, one that never got a verdict is recorded."""
        held = flow.metadata.get(HELD)
        if held is None:
            return
        held.aborted = True
        self.judge.tell_outcome(held, "aborted")
        if not held.recorded and held.transfer is not None and held.verdict is None and held.spool.size_bytes:
            verdict = builtin_verdict("internal", "", because=SLOW if held.slow else GONE)
            try:
                await self.judge.settle(held, held.transfer, Inspection(failure="aborted"), verdict)
            except RecordError:
                metrics.FAILURES.labels(part="journal").inc()
        self.closed(flow)

    def closed(self, flow: http.HTTPFlow) -> None:
        """Count the request out, once."""
        held = flow.metadata.pop(HELD, None)
        if held is None:
            return
        if held.counted:
            metrics.OPEN_TRANSFERS.dec()
        if held.share is not None:
            held.share.release()

    async def sluice_drain(self, flow: http.HTTPFlow) -> None:
        """Wait until the upstream has taken what was written to it; give the upload up when it takes nothing."""
        held = held_of(flow)
        handler = ctx.master.addons.get("proxyserver").connections.get(flow.client_conn.id)
        if handler is None:
            held.aborted = True
            return
        try:
            async with asyncio.timeout(STALL_S):
                own = handler.transports.get(flow.server_conn)
                if own is not None and own.writer is not None:
                    await own.writer.drain()
                # One upload looks at a time: looking costs, and a hundred may wait for one connection.
                async with self._looking.setdefault(flow.server_conn, asyncio.Lock()):
                    while unsent_bytes(handler.layer, flow.server_conn) > MAX_UNSENT_BYTES:
                        await asyncio.sleep(POLL_S)
        except (OSError, TimeoutError):
            held.aborted = True


def too_many() -> http.Response:
    """The answer to a client whose address has its most requests under way (RFC 6585, 4)."""
    text = "Too many requests of this address are under way; wait.\n该地址同时进行的请求过多，请稍候。\n"
    headers = {"Content-Type": "text/plain; charset=utf-8", "Retry-After": "5"}
    return http.Response.make(429, text.encode(), headers)


def failure_of(verdict: Verdict) -> str:
    """Why a request that its head alone refuses was not inspected."""
    ground = verdict.grounds[0]
    if ground.rule in UNREAD_RULES:
        return "unknown-protocol"
    return "too-large" if ground.is_size else "malformed"


def declared_bytes(flow: http.HTTPFlow) -> int:
    """Content-Length, 0 when the client declares none; the stock validation has refused disputes about it."""
    text = flow.request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0
