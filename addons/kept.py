"""What is kept of uploads that span requests, beside the event loop: the store's calls, and which upload a step names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from addons.steps import Refused, Step
from gateway.errors import MalformedError
from gateway.uploads.model import Segment
from gateway.uploads.state import State, Upload
from gateway.wire.values import codings_of

if TYPE_CHECKING:
    from gateway.uploads.plan import Plan
    from gateway.uploads.store import UploadStore

THREADS = 2
"""Calls at once in one worker: it is a database on the disk, and the event loop must not wait for it."""


@dataclass(slots=True)
class Kept:
    """The store of one worker; all workers share its files. Every method raises StoreError."""

    store: UploadStore
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "uploads"))

    async def call[T](self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        """The function's result, from a thread."""
        call = partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)

    def close(self) -> None:
        """Let threads and the database go."""
        self.threads.shutdown()
        self.store.close()

    async def find(self, step: Step) -> list[Upload]:
        """The upload by its surest name: by what the request says, else by the very URL that a service gave out."""
        for key in (*step.facts.keys, step.plan.signed_url):
            if found := await self.call(self.store.find, step.owner, [key]):
                return list(found)
        return []

    async def announced_name(self, plan: Plan, owner: str) -> str:
        """What an announcement called the file, as far as the head tells which upload it is."""
        with suppress(MalformedError):
            keys = (*plan.facts({}).keys, plan.signed_url)
            found = await self.call(self.store.find, owner, keys)
            return found[0].facts.name if found else ""
        return ""

    async def named(self, step: Step) -> list[Upload]:
        """Every upload that a finishing request names; raises Refused when one of them is not known."""
        ids = [key for key in step.facts.keys if key.startswith("id:")]
        uploads: dict[str, Upload] = {}
        for keys in [[key] for key in ids] or [list(step.facts.keys)]:
            found = await self.call(self.store.find, step.owner, keys)
            if not found:
                raise Refused("upload-unknown")
            uploads |= {upload.id: upload for upload in found}
        return list(uploads.values())

    async def upload(self, step: Step, *, is_announced: bool = False) -> Upload:
        """The open upload of a piece, made when its announcement was not seen: then its name stays unknown.

        With `is_announced` it must have been seen.
        """
        if not step.facts.keys:
            raise Refused("upload-unknown")
        ids = [key for key in step.facts.keys if key.startswith("id:")]
        if bool(ids) and await self.call(self.store.is_of_another, step.owner, ids):
            # Its commit would be judged without this piece.
            raise Refused("upload-unknown")
        uploads = await self.find(step)
        if is_announced and not uploads:
            raise Refused("upload-unknown")
        not_refused(uploads)
        if any(upload.state is State.PASSED for upload in uploads):
            raise Refused("upload-changed")
        if uploads:
            return uploads[0]
        return await self.call(self.store.open, step.owner, step.facts.keys, step.declared())

    async def put(self, step: Step, upload: Upload, start: int) -> Upload:
        """Keep the piece in the step's body; raises MalformedError when inspection found none there."""
        spool, request = step.held.spool, step.transfer.request
        segment = Segment(
            offset_bytes=-1,
            size_bytes=spool.size_bytes,
            start=start,
            index=step.facts.index,
            content=step.plan.split.content,
            content_type=request.content_type,
            content_encoding=codings_of(request.headers),
        )
        content_bytes, total_bytes = step.inspection.content_bytes, step.facts.total_bytes
        if content_bytes < 0:
            raise MalformedError("upload", "the piece has no content")
        piece = (upload.id, segment, content_bytes, spool.payload, spool.size_bytes)
        return await self.call(self.store.put, *piece, total_bytes=total_bytes)

    async def refuse(self, step: Step, uploads: Sequence[Upload]) -> None:
        """Remember the refusal, so that no later request of the upload goes through."""
        if not uploads and step.facts.keys:
            uploads = [await self.call(self.store.open, step.owner, step.facts.keys, step.declared())]
        for upload in uploads:
            await self.call(self.store.mark, upload.id, State.REFUSED, step.transfer.id)


def not_refused(uploads: Sequence[Upload]) -> None:
    """Raises Refused when one of them was refused before."""
    for upload in uploads:
        if upload.state is State.REFUSED:
            raise Refused("upload-refused", f"refused before as {upload.incident}")
