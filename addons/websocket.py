"""The hooks of WebSockets: the handshake is recorded, each message of the client waits for a verdict of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog
from mitmproxy import ctx

from addons.answer import answer_for
from addons.conversation import CONVERSATION, Conversation, Message, Passed
from addons.enforce import STALL_S
from addons.held import HELD, Held
from addons.hold import HoldStream
from addons.judge import Judge, count, now, today
from addons.websocket_files import Files, file_headers
from gateway.errors import ContentError, MalformedError, RecordError
from gateway.findings import Action, Inspection, Verdict
from gateway.parts import NOT_ENCRYPTED, Coverage
from gateway.policy.builtin import builtin_verdict
from gateway.policy.decide import decide, refuse_size
from gateway.records.ids import new_id
from gateway.records.record import build_record, outcome_record
from gateway.transfer import Channel, Request, Transfer
from gateway.uploads.plan import id_key
from gateway.uploads.state import Facts, State
from gateway.wire.frames.frame import Close
from gateway.wire.frames.lwp import COMMIT, READER, UploadFrame, read_upload
from gateway.wire.frames.messages import MESSAGE, TEXT_TYPE
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http

    from gateway.limits import Limits

RECORD_EVERY_S = 60.0
"""Longest time that passed messages without findings wait for the record that counts them."""
QUIET_BYTES = 65_536
"""Longest message that is only counted when nothing was found in it; longer ones have a record of their own."""
FORWARDED = "forwarded (101)"
"""Outcome of what went on: the status of the connection's handshake."""

log = structlog.get_logger()


@dataclass
class WebSockets:
    """Placed after `Enforce`, which judges the handshake as any request."""

    judge: Judge
    limits: Limits
    open: dict[str, Conversation] = field(default_factory=dict)
    """Id of the handshake → connection, while it lasts."""

    async def request(self, flow: http.HTTPFlow) -> None:
        """Record a handshake that may pass, and take the extensions out of it: what they did could not be read."""
        held = flow.metadata.get(HELD)
        if held is None or held.refusal is not None or held.transfer is None or not held.may_leave:
            return
        if held.transfer.channel is not Channel.WEBSOCKET:
            return
        try:
            if not held.recorded:
                await self.judge.settle(held, held.transfer, Inspection(), held.verdict)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it was, the request is refused
            self.failed(error, held.transfer.id)
            held.recorded, held.verdict = False, builtin_verdict("unrecorded", "")
            held.refusal = answer_for(flow, held, held.verdict)
            return
        flow.request.headers.pop("sec-websocket-extensions", None)
        files = Files(HoldStream.new_spool, self.limits.max_body_bytes)
        flow.metadata[CONVERSATION] = Conversation(held.transfer, files)

    def websocket_start(self, flow: http.HTTPFlow) -> None:
        """The server has agreed."""
        conversation = flow.metadata.get(CONVERSATION)
        if conversation is not None:
            self.open[conversation.transfer.id] = conversation

    def done(self) -> None:
        """The worker stops: what passed on connections that are still open is recorded now."""
        for conversation in self.open.values():
            self.record_passed(conversation)

    async def sluice_message(self, flow: http.HTTPFlow) -> None:
        """Give the waiting message its verdict; whatever goes wrong leaves it refused."""
        conversation: Conversation = flow.metadata[CONVERSATION]
        message = conversation.message
        if message is None:
            return
        spooled_bytes = message.spool.on_disk_bytes
        metrics.OPEN_TRANSFERS.inc()
        metrics.SPOOL_BYTES.inc(spooled_bytes)
        try:
            message.may_leave = await self.decide(conversation, message)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it was, the message is refused
            self.failed(error, conversation.transfer.id)
        finally:
            metrics.SPOOL_BYTES.dec(spooled_bytes)
            metrics.OPEN_TRANSFERS.dec()

    def failed(self, error: BaseException, identity: str) -> None:
        """Count and log a fault of our own."""
        part = "journal" if isinstance(error, RecordError) else "judge"
        metrics.FAILURES.labels(part=part).inc()
        log.error("websocket refused after a fault", part=part, kind=type(error).__name__, id=identity)

    async def decide(self, conversation: Conversation, message: Message) -> bool:
        """Whether the message may leave, once that is recorded; sets what its sender is closed with."""
        transfer = self.transfer_of(conversation, message)
        message.close = (message.close[0] if message.problem else Close.POLICY, f"blocked, incident {transfer.id}")
        held = self.held_of(message, transfer)
        reason = "draining" if self.judge.draining else "unrecorded" if conversation.unrecordable else message.problem
        if reason:
            if self.judge.draining:
                message.close = (Close.RESTART, "the gateway is restarting")
                held.close_code = Close.RESTART
            verdict = builtin_verdict(reason, self.judge.policy().digest, because=message.because)
            await self.judge.settle(held, transfer, Inspection(failure=_failure(reason)), verdict)
            return False
        if transfer.destination.reader == READER:
            # A server may take a binary message for the text that it is.
            return await self.decide_step(conversation, message, held, transfer)
        inspection = await self.inspect(held, transfer)
        return await self.settle(conversation, held, transfer, inspection)

    async def decide_step(self, conversation: Conversation, message: Message, held: Held, transfer: Transfer) -> bool:
        """A message of DingTalk's page, which may be a step of an upload."""
        try:
            step = read_upload(b"".join(message.spool.chunks()))
            if step and step.upload and step.upload not in conversation.files.open:
                await self.claim(conversation, step.upload)
            file = conversation.files.take(step) if step else None
        except ContentError as error:
            failure = f"{error.reason}: {error}"
            return await self.settle(conversation, held, transfer, Inspection(failure=failure))
        inspection = await self.inspect(held, transfer)
        if step is None:
            return await self.settle(conversation, held, transfer, inspection)
        size_bytes = file.size_bytes if file else step.size_bytes
        early = refuse_size(transfer, size_bytes, self.judge.policy(), today=today(), whole_body=False)
        if early is not None:
            await self.judge.settle(held, transfer, Inspection(failure="too-large"), early)
            return False
        # A piece by itself is no file: what cannot be read of it is left for the whole.
        if not await self.settle(conversation, held, transfer, _findings_only(inspection)):
            return False
        return step.step != COMMIT or await self.decide_file(conversation, message, step)

    async def claim(self, conversation: Conversation, upload: str) -> None:
        """Note whose upload it is, for the other connections of all workers; raises MalformedError when it is theirs."""
        kept, keys, base = self.judge.uploads.kept, [id_key(READER, upload)], conversation.transfer
        if await kept.call(kept.store.is_of_another, base.id, keys):
            raise MalformedError("LWP", "an upload of another connection")
        noted = await kept.call(kept.store.open, base.id, keys, Facts(host=base.destination.host, transfer_id=base.id))
        # Its bytes are kept here; an open one would take room from uploads that are kept there.
        await kept.call(kept.store.mark, noted.id, State.PASSED)

    async def decide_file(self, conversation: Conversation, message: Message, step: UploadFrame) -> bool:
        """The whole file that the message completes; nothing of the last piece leaves before its verdict."""
        base = conversation.transfer
        try:
            spool, name = await asyncio.to_thread(conversation.files.whole, step)
        except ContentError as error:
            transfer = self.transfer_of(conversation, message)
            failure = Inspection(failure=f"{error.reason}: {error}")
            message.close = (Close.POLICY, f"blocked, incident {transfer.id}")
            return await self.settle(conversation, self.held_of(message, transfer), transfer, failure)
        try:
            request = Request(MESSAGE, base.request.path, headers=file_headers(name), bytes=spool.size_bytes)
            transfer = replace(base, id=new_id(), at=now(), request=request)
            message.close = (Close.POLICY, f"blocked, incident {transfer.id}")
            held = self.held_of(message, transfer)
            held.spool = spool
            inspection = await self.judge.inspect(held, transfer)
            return await self.settle(conversation, held, transfer, inspection)
        finally:
            spool.close()

    async def inspect(self, held: Held, transfer: Transfer) -> Inspection:
        """What the inspectors say of a message; an empty one holds nothing."""
        return await self.judge.inspect(held, transfer) if held.spool.size_bytes else Inspection()

    async def settle(self, conversation: Conversation, held: Held, transfer: Transfer, inspection: Inspection) -> bool:
        """Decide and record; a short message in which nothing was found is counted for the next common record."""
        verdict = decide(transfer, inspection, self.judge.policy(), today=today())
        if _is_quiet(transfer, inspection, verdict):
            count(transfer, inspection, verdict)
            conversation.passed.path = inspection.path
            self.passed(conversation, transfer, verdict)
            return True
        await self.judge.settle(held, transfer, inspection, verdict)
        if verdict.action.lets_through:
            self.judge.tell_outcome(held, FORWARDED)
        return verdict.action.lets_through

    def passed(self, conversation: Conversation, transfer: Transfer, verdict: Verdict) -> None:
        """Count the message, and have the count recorded before long."""
        passed = conversation.passed
        if not passed.messages:
            passed.since, passed.policy_digest = transfer.at, verdict.policy_digest
            asyncio.get_running_loop().call_later(RECORD_EVERY_S, self.record_passed, conversation)
        passed.messages += 1
        passed.bytes += transfer.request.bytes

    def record_passed(self, conversation: Conversation) -> None:
        """Journal how much passed since the last such record; without a journal nothing more passes."""
        passed, conversation.passed = conversation.passed, Passed()
        if not passed.messages:
            return
        base = conversation.transfer
        request = Request(MESSAGE, base.request.path, bytes=passed.bytes)
        transfer = replace(base, id=new_id(), at=passed.since, request=request)
        verdict = Verdict(Action.ALLOW, policy_digest=passed.policy_digest)
        body = build_record(transfer, Inspection(path=passed.path), verdict, node=self.judge.node, duration_ms=0.0)
        body |= {"messages": passed.messages, "handshake": base.id}

        def told(receipt: asyncio.Future[object]) -> None:
            if receipt.cancelled() or receipt.exception() is not None:
                conversation.unrecordable = True
                metrics.FAILURES.labels(part="journal").inc()

        for kind, line in (("verdict", body), ("outcome", outcome_record(transfer.id, FORWARDED, now()))):
            asyncio.ensure_future(self.judge.append(kind, line)).add_done_callback(told)  # type: ignore[arg-type]

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """The connection is over: record what passed last, and give back what lay on the disk."""
        conversation = flow.metadata.pop(CONVERSATION, None)
        if conversation is not None:
            self.open.pop(conversation.transfer.id, None)
            self.record_passed(conversation)
            conversation.files.close()

    async def sluice_message_drain(self, flow: http.HTTPFlow) -> None:
        """Wait until the server has taken what was written to it; close when it takes nothing."""
        handler = ctx.master.addons.get("proxyserver").connections.get(flow.client_conn.id)
        own = handler and handler.transports.get(flow.server_conn)
        if own is None or own.writer is None:
            return
        try:
            async with asyncio.timeout(STALL_S):
                await own.writer.drain()
        except (OSError, TimeoutError):
            own.writer.transport.abort()

    def transfer_of(self, conversation: Conversation, message: Message) -> Transfer:
        """The attempt that the message is."""
        base = conversation.transfer
        content_type = TEXT_TYPE if message.is_text else "application/octet-stream"
        size_bytes = message.spool.size_bytes
        request = Request(MESSAGE, base.request.path, headers={"content-type": content_type}, bytes=size_bytes)
        return replace(base, id=new_id(), at=now(), request=request)

    def held_of(self, message: Message, transfer: Transfer) -> Held:
        """What the judge needs of it."""
        held = Held(message.spool, self.limits.max_body_bytes, transfer)
        held.started_at, held.arrived_at = message.started_at, message.arrived_at
        held.close_code = message.close[0]
        return held


def _failure(reason: str) -> str:
    return {"body-limit": "too-large", "websocket-frames": "malformed"}.get(reason, reason)


def _is_quiet(transfer: Transfer, inspection: Inspection, verdict: Verdict) -> bool:
    return (
        verdict.action is Action.ALLOW
        and not verdict.grounds
        and transfer.request.bytes <= QUIET_BYTES
        and not any(part.findings or part.is_file for part in inspection.parts)
    )


def _findings_only(inspection: Inspection) -> Inspection:
    parts = tuple(
        replace(part, encryption=NOT_ENCRYPTED, coverage=Coverage.INSPECTED, reason="", detail="", is_file=False)
        for part in inspection.parts
    )
    return replace(inspection, parts=parts)
