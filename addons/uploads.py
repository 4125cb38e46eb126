"""Uploads that span requests: each request's step is followed, and the verdict is over the whole file.

The pieces' raw bodies lie in the store; what is in them is read by the inspectors only. Whatever cannot be followed (a
piece of an unknown upload, one more after the verdict, numbers that contradict each other) is refused.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from addons.hashes import Hashes
from addons.kept import Kept, not_refused
from addons.steps import Refused, Ruling, Step, plan_of, rfc3339, together, with_facts, write_whole
from gateway.destinations.split import Split
from gateway.errors import MalformedError, StoreError
from gateway.spool import Spool
from gateway.uploads.answers import MAX_WHOLE_BYTES, answer_chunk, answer_question, whole_headers
from gateway.uploads.hashes import HashIndex
from gateway.uploads.model import NO_ASK, Ask
from gateway.uploads.plan import BY_URL, Plan, keys_in_response
from gateway.uploads.signs import may_be_linked, split_of
from gateway.uploads.state import State, Upload
from gateway.uploads.store import UploadStore
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from addons.held import Held
    from gateway.limits import Limits
    from gateway.policy.model import Policy
    from gateway.transfer import Transfer

REFUSED_BY_STORE = {"closed": "upload-changed", "changed": "upload-changed", "full": "uploads-full"}
"""Reason of a StoreError → key of the built-in refusals; for the others the client has to begin anew."""
UNKNOWN = frozenset({"", "generic"})
"""Services that nobody vouches for: their protocol is recognised by what the client says."""
EXPIRE_S = 60.0
"""Seconds between two looks for uploads that nobody goes on with."""

log = structlog.get_logger()


class Uploads:
    """The steps of one worker's requests; the store is shared by all workers."""

    def __init__(self, store: UploadStore, hashes: HashIndex, is_piecewise: Callable[[str], bool]) -> None:
        """`is_piecewise`: whether a service takes large files only in pieces that the gateway cannot answer for."""
        self.kept = Kept(store)
        self.hashes = Hashes(hashes, self.kept)
        self._is_piecewise = is_piecewise

    @classmethod
    def open(cls, folder: Path, limits: Limits, is_piecewise: Callable[[str], bool]) -> Uploads:
        """With the databases in `folder`, which outlive the gateway; raises StoreError when they cannot be written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = UploadStore(
            folder,
            max_stored_bytes=limits.max_uploads_bytes,
            max_uploads=limits.max_uploads,
            keep_s=limits.keep_upload_s,
        )
        hashes = HashIndex(folder)
        for aside in (store.set_aside, hashes.set_aside):
            if aside:
                metrics.FAILURES.labels(part="uploads").inc()
                log.error("a database of uploads could not be read and was set aside", file=str(aside))
        return cls(store, hashes, is_piecewise)

    def plan(self, transfer: Transfer, split: Split | None) -> Plan | None:
        """The request's step as its head tells it; None when it is none, as far as the head tells."""
        step = split_of(transfer, split)
        return None if step is None else plan_of(transfer, step)

    async def ask(self, held: Held, transfer: Transfer, policy: Policy) -> Ask:
        """What the inspectors are asked for; a request to a URL that a service gave out becomes a step here."""
        if held.plan is None and may_be_linked(transfer):
            linked = plan_of(transfer, BY_URL)
            if await self.kept.call(self.kept.store.find, owner_of(transfer), linked.facts({}).keys):
                held.plan = linked
        plan, places = held.plan, held.where.in_body
        if plan is None:
            return Ask(places=places, digests=policy.asks_hash) if places or policy.asks_hash else NO_ASK
        wanted = tuple(dict.fromkeys((*places, *plan.places)))
        if plan.split.step == "whole":
            return Ask(wanted, digests=policy.asks_hash, name=await self.kept.announced_name(plan, owner_of(transfer)))
        content = plan.split.content if plan.carries and not held.bare else ""
        return Ask(wanted, content, digests=policy.asks_hash)

    async def rule(self, step: Step) -> Ruling:
        """The verdict on the step: over the whole file where this request completes one."""
        try:
            step.facts = step.plan.facts(step.inspection.values)
            if not step.verdict.action.lets_through:
                await self.kept.refuse(step, await self.kept.find(step))
                return step.ruling()
            return await self._rule(step)
        except MalformedError as error:
            return step.decided(replace(step.inspection, failure=f"malformed: {error}"))
        except StoreError as error:
            if error.reason not in REFUSED_BY_STORE:
                metrics.FAILURES.labels(part="uploads").inc()
            return step.refused(REFUSED_BY_STORE.get(error.reason, "upload-unknown"), "")
        except Refused as why:
            if why.verdict is None:
                return step.refused(why.reason, why.because)
            await self.kept.refuse(step, await self.kept.find(step))
            return Ruling(step.transfer, step.inspection, why.verdict)

    def link(self, held: Held, url: str, headers: Mapping[str, str], body: object) -> None:
        """Take the upload's names from the answer to its request; the answer goes on to the client after that."""
        if held.upload and held.plan is not None:
            keys = keys_in_response(held.plan.split, held.plan.scope, url, headers, body)
            self.kept.store.link(held.upload, keys)

    async def tend(self) -> None:
        """Forget uploads that nobody went on with, for as long as the worker runs."""
        while True:
            await self.forget()
            await asyncio.sleep(EXPIRE_S)

    async def forget(self) -> None:
        """Drop what is over time, and count what had pieces and no end."""
        try:
            over = await self.kept.call(self.kept.store.expire)
        except StoreError:
            metrics.FAILURES.labels(part="uploads").inc()
            return
        for upload in over:
            metrics.UPLOADS_EXPIRED.labels(hold=upload.facts.hold).inc()

    def close(self) -> None:
        """Let threads and databases go."""
        self.kept.close()
        self.hashes.index.close()

    async def _rule(self, step: Step) -> Ruling:
        match step.plan.split.step:
            case "init":
                return await self._init(step)
            case "chunk":
                return await self._chunk(step)
            case "whole":
                return await self._single(step)
            case "finish":
                return await self._finish(step)
            case "status":
                return self._status(step, await self.kept.find(step))
            case "piece" if not step.held.bare:
                raise Refused("upload-pieces")
        return step.ruling()

    async def _init(self, step: Step) -> Ruling:
        step.check_size(step.facts.total_bytes)
        has_piece = step.plan.carries and not step.held.bare
        is_piecewise = step.mode == "chunks" and self._is_piecewise(step.transfer.destination.service)
        if is_piecewise or (has_piece and keeps(step)):
            raise Refused("upload-pieces")
        upload = await self.kept.call(self.kept.store.open, step.owner, step.facts.keys, step.declared())
        if has_piece:
            await self.kept.put(step, upload, max(step.facts.start, 0))
        step.held.upload = upload.id
        return step.ruling()

    async def _chunk(self, step: Step) -> Ruling:
        split, facts = step.plan.split, step.facts
        # Under another spelling of its URL the service would know a piece, and nobody here the upload that it ends.
        upload = await self.kept.upload(step, is_announced=bool(split.answer) and not keeps(step))
        if facts.is_question or step.held.bare:
            if any("copy-source" in name for name in step.transfer.request.headers):
                # The piece is one that the service has, and nobody here saw.
                raise Refused("upload-pieces")
            return self._status(step, [upload])
        total_bytes = max(facts.total_bytes, upload.facts.size_bytes)
        step.check_size(total_bytes)
        is_whole, is_kept = step.is_whole(total_bytes), keeps(step)
        if split.answer and not is_kept and total_bytes < 0:
            # The service ends such an upload by itself, and nobody here could tell when.
            raise Refused("upload-pieces")
        if is_kept and not is_whole:
            if not split.answer or total_bytes > MAX_WHOLE_BYTES.get(split.answer, total_bytes):
                raise Refused("upload-pieces")
            if facts.start > upload.content_bytes:
                # As the service would: it is told from where to go on.
                return self._own_answer(step, upload)
        upload = await self.kept.put(step, upload, facts.start)
        step.check_size(upload.content_bytes)
        if upload.conflict:
            raise MalformedError("upload", "its requests contradict each other")
        if upload.complete or is_whole:
            return await self._whole(step, upload, is_kept=is_kept and not is_whole)
        metrics.UPLOAD_PIECES.labels(hold="chunks" if is_kept else "commit").inc()
        return self._own_answer(step, upload) if is_kept else step.ruling()

    async def _single(self, step: Step) -> Ruling:
        """All bytes came in this request and were judged already, but for what the announcement said of them."""
        uploads = await self.kept.find(step)
        not_refused(uploads)
        for upload in uploads:
            step.check_size(max(upload.facts.size_bytes, step.facts.total_bytes))
            step.transfer = with_facts(step.transfer, upload)
        ruling = step.decided(step.inspection)
        if not ruling.verdict.action.lets_through:
            await self.kept.refuse(step, uploads)
            return ruling
        for upload in uploads or [
            await self.kept.call(self.kept.store.open, step.owner, step.facts.keys, step.declared())
        ]:
            await self.kept.call(self.kept.store.mark, upload.id, State.PASSED)
        return ruling

    async def _finish(self, step: Step) -> Ruling:
        uploads = await self.kept.named(step)
        not_refused(uploads)
        if step.plan.carries and not step.held.bare:
            if step.mode == "chunks":
                raise Refused("upload-pieces")
            uploads[0] = await self.kept.put(step, uploads[0], step.facts.start)
        ruling = step.ruling()
        for upload in uploads:
            step.transfer = with_facts(step.transfer, upload)
            if upload.state is State.OPEN:
                if not upload.segments:
                    raise Refused("upload-unknown")
                step.check_size(upload.content_bytes)
                ruling = await self._whole(step, upload, is_kept=False)
                if not ruling.verdict.action.lets_through:
                    return ruling
        return step.decided(step.inspection) if ruling.verdict is step.verdict else ruling

    def _status(self, step: Step, uploads: Sequence[Upload]) -> Ruling:
        """A question goes on to the service, unless the pieces are kept here and the service knows of none."""
        not_refused(uploads)
        if keeps(step) and step.plan.split.answer:
            for upload in uploads:
                if upload.state is State.OPEN and upload.segments:
                    return self._own_answer(step, upload, is_question=True)
        return step.ruling()

    async def _whole(self, step: Step, upload: Upload, *, is_kept: bool) -> Ruling:
        """Inspect and judge all pieces together; with `is_kept` this request then carries them all."""
        descriptor, size_bytes, assembly = await self.kept.call(self.kept.store.assembly, upload.id)
        try:
            step.transfer = with_facts(step.transfer, upload)
            found = await step.inspect(step.transfer, descriptor, size_bytes, Ask(assembly=assembly))
            step.inspection = together(step.inspection, found)
            step.check_size(found.content_bytes)
            ruling = step.decided(step.inspection)
            if not ruling.verdict.action.lets_through:
                await self.kept.refuse(step, [upload])
                return ruling
            if is_kept:
                spool = Spool(step.held.spool.directory)
                await self.kept.call(write_whole, spool, descriptor, assembly)
                step.held.carry(spool, whole_headers(step.plan.split.answer, spool.size_bytes))
            await self.kept.call(self.kept.store.mark, upload.id, State.PASSED)
            return ruling
        finally:
            os.close(descriptor)

    def _own_answer(self, step: Step, upload: Upload, *, is_question: bool = False) -> Ruling:
        word, expires = step.plan.split.answer, rfc3339(upload.expires_at)
        total_bytes = max(step.facts.total_bytes, upload.facts.size_bytes)
        step.held.own_answer = (
            answer_question(word, upload.content_bytes, total_bytes, expires)
            if is_question
            else answer_chunk(word, upload.content_bytes, expires)
        )
        return step.ruling()


def keeps(step: Step) -> bool:
    """Whether pieces stay here until the whole was judged."""
    # A server of which nothing is known may take any piece for the whole file.
    is_known = step.transfer.destination.service not in UNKNOWN
    return step.mode == "chunks" or not (step.plan.split.forwardable and is_known)


def owner_of(transfer: Transfer) -> str:
    """Whose upload it is: nobody goes on with another's."""
    return transfer.actor.user or transfer.actor.ip
