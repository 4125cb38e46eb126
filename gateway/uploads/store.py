"""What is kept of uploads until all of them was seen: raw bodies in files, everything else in a database.

Worker processes share one directory, and it outlives them. A call takes milliseconds and the time of a copy, so it
belongs in a thread. Every method raises StoreError, and StoreFull over a bound; the caller refuses then.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from gateway.errors import StoreError, StoreFull
from gateway.uploads.database import Database, faults
from gateway.uploads.files import Files, append
from gateway.uploads.model import Assembly, Segment
from gateway.uploads.rows import ANYBODY, APPLICATION_ID, SCHEMA, Rows
from gateway.uploads.state import Facts, State, Upload

__all__ = ["Facts", "State", "Upload", "UploadStore"]

MAX_SEGMENTS = 10_000
"""Most pieces of one upload, as S3 has it."""
MAX_KEYS = 20_000
"""Most names of one upload: a signed URL for each piece, and ids."""
CLOSED_PER_OPEN = 8
"""Most rows for each upload that may be open: decided ones stay until they expire, but may not fill the disk."""
OWNER_SHARE = 4
"""An owner has at most this part of each bound, so that one sender who never finishes does not stop all others."""
GIVEN_UP_KEEPS = 30
"""How many times longer an upload without an end is remembered than one under way; object stores keep pieces for good."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Names this run of the machine. What was written before a crash of the machine may be lost in part."""

_STRICTEST = (State.REFUSED, State.OPEN, State.PASSED)


class UploadStore:
    """Uploads under way, and for a while those that were decided."""

    def __init__(
        self,
        directory: Path,
        *,
        max_stored_bytes: int,
        max_uploads: int,
        keep_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`max_stored_bytes`: of all files together; `max_uploads`: open at once; `keep_s`: after the last request.

        A database that cannot be read is set aside; `set_aside` then tells where, for the log.
        """
        self._max_stored_bytes = max_stored_bytes
        self._max_uploads = max_uploads
        self._keep_s = keep_s
        self._clock = clock
        self._boot = BOOT_ID.read_text("ascii").strip() if BOOT_ID.exists() else ""
        with faults():
            self._files = Files(directory / "files")
        self._database = Database(directory / "uploads.db", SCHEMA, APPLICATION_ID)
        self.set_aside = self._database.set_aside

    def find(self, owner: str, keys: Sequence[str]) -> tuple[Upload, ...]:
        """The owner's uploads that any of the keys names: usually one, none when all have expired."""
        with self._rows(is_reading=True) as rows:
            return tuple(rows.named(owner, keys, self._clock()))

    def is_of_another(self, owner: str, keys: Sequence[str]) -> bool:
        """Whether somebody else has an upload that any of the keys names: to the service it is one and the same."""
        with self._rows(is_reading=True) as rows:
            return any(upload.owner != owner for upload in rows.named(ANYBODY, keys, self._clock()))

    def open(self, owner: str, keys: Sequence[str], facts: Facts) -> Upload:
        """The upload that one of the keys names, whatever its state, with more facts and names; else a new one.

        Of several a refused one comes first, then an open one.
        """
        now = self._clock()
        with self._rows() as rows:
            found = sorted(rows.named(owner, keys, now), key=lambda one: _STRICTEST.index(one.state))
            if found:
                upload = rows.fill(found[0], facts)
            else:
                self._make_room(rows, owner)
                upload = Upload(secrets.token_hex(16), owner, facts, expires_at=now + self._keep_s)
                self._files.create(upload.id)
                rows.insert(upload)
            self._link(rows, upload, keys)
            rows.note_complete(upload.id)
            return _there(rows, upload.id)

    def link(self, upload_id: str, keys: Sequence[str]) -> None:
        """More names for an upload."""
        with self._rows() as rows:
            self._link(rows, _there(rows, upload_id), keys)

    def put(
        self,
        upload_id: str,
        segment: Segment,
        content_bytes: int,
        source: bytes | int,
        size: int,
        *,
        total_bytes: int = -1,
    ) -> Upload:
        """The upload with one more piece: the first `size` bytes of `source`, the raw body or a descriptor of its file.

        `segment` says what the request says; its place in the file is set here. `content_bytes`: length of the content
        in the raw body. `total_bytes`: length of the whole, where the request tells it. StoreError("closed") when the
        upload is decided.
        """
        with faults(), self._files.locked(upload_id) as file:
            with self._rows() as rows:
                upload = self._room_for(rows, upload_id, size)
            at = upload.stored_bytes
            if os.fstat(file).st_size < at:
                raise StoreError("unusable")
            append(file, at, source, size)
            try:
                with self._rows() as rows:
                    before = self._room_for(rows, upload_id, size)
                    rows.fill(before, Facts(size_bytes=total_bytes))
                    rows.add(before, replace(segment, offset_bytes=at, size_bytes=size), content_bytes)
                    rows.note_complete(upload_id)
                    rows.keep_until(upload_id, self._clock() + self._keep_s)
                    after = _there(rows, upload_id)
            except StoreError:
                with suppress(OSError):
                    os.ftruncate(file, at)
                raise
        return replace(after, became_complete=after.complete and not before.complete)

    def assembly(self, upload_id: str) -> tuple[int, int, Assembly]:
        """A read-only descriptor of the file, which the caller closes, its length, and the recipe of the whole.

        Only what was given out so can pass: see `mark`.
        """
        with self._rows() as rows:
            upload = _there(rows, upload_id)
            if upload.state is not State.OPEN:
                raise StoreError("closed")
            descriptor = self._files.reading(upload_id)
            try:
                if os.fstat(descriptor).st_size < upload.stored_bytes:
                    raise StoreError("unusable")
                rows.note_assembled(upload)
                return descriptor, upload.stored_bytes, rows.recipe(upload)
            except BaseException:
                os.close(descriptor)
                raise

    def mark(self, upload_id: str, state: State, incident: str = "") -> None:
        """Passed or refused: its bytes go at once, the rest when it expires.

        A refusal is final: StoreError("closed") for anything after it. StoreError("changed") when a piece has come since
        `assembly`, because a verdict over less than all of it lets nothing pass.
        """
        with self._rows() as rows:
            upload = _there(rows, upload_id)
            if upload.state is State.REFUSED and state is not State.REFUSED:
                raise StoreError("closed")
            if state is State.OPEN or upload.state is state:
                return
            if state is State.PASSED and not rows.is_assembled(upload):
                raise StoreError("changed")
            rows.decide(upload_id, state, incident)
            rows.keep_until(upload_id, self._clock() + self._keep_s)
        with faults():
            self._files.remove(upload_id)

    def drop(self, upload_id: str) -> None:
        """Forget an upload that its client gave up. A refused one stays."""
        with self._rows() as rows:
            upload = rows.get(upload_id)
            if upload is None or upload.state is State.REFUSED:
                return
            rows.delete(upload_id)
        with faults():
            self._files.remove(upload_id)

    def expire(self) -> tuple[Upload, ...]:
        """Drop what is over time, and files without an upload; gives those that were open and had bytes.

        Of those the service may have pieces that it keeps for longer, so their names are refused for a while.
        """
        now = self._clock()
        with self._rows() as rows:
            over = rows.expired(now)
            for upload in over:
                if upload.state is State.OPEN and upload.stored_bytes and upload.facts.hold != "chunks":
                    rows.decide(upload.id, State.REFUSED, upload.facts.transfer_id)
                    rows.keep_until(upload.id, now + GIVEN_UP_KEEPS * self._keep_s)
                    self._files.remove(upload.id)
                else:
                    rows.delete(upload.id)
            # No upload comes meanwhile: files are made inside a transaction.
            for name in self._files.names() - rows.ids():
                self._files.remove(name)
        return tuple(upload for upload in over if upload.state is State.OPEN and upload.stored_bytes)

    def close(self) -> None:
        """Let the database go."""
        self._database.close()

    @contextmanager
    def _rows(self, *, is_reading: bool = False) -> Iterator[Rows]:
        with faults(), self._database.transaction(is_reading=is_reading) as connection:
            yield Rows(connection, self._boot)

    def _make_room(self, rows: Rows, owner: str) -> None:
        """For one more upload; StoreFull when there is none."""
        own_max = max(1, self._max_uploads // OWNER_SHARE)
        for whose, most, bound in ((None, self._max_uploads, "max_uploads"), (owner, own_max, "uploads of one owner")):
            share = rows.share(whose)
            if share.still_open >= most:
                raise StoreFull(bound)
            if share.uploads >= most * CLOSED_PER_OPEN:
                # A refused upload is remembered to its end; a passed one only saves a late commit a second look.
                passed = rows.oldest_passed(whose, max(1, share.uploads // CLOSED_PER_OPEN))
                if not passed:
                    raise StoreFull(bound)
                for upload_id in passed:
                    rows.delete(upload_id)

    def _room_for(self, rows: Rows, upload_id: str, size: int) -> Upload:
        """The upload, when it is open and `size` more bytes may come."""
        upload = _there(rows, upload_id)
        if upload.state is not State.OPEN:
            raise StoreError("closed")
        if upload.segments >= MAX_SEGMENTS:
            raise StoreFull("max_segments")
        if rows.share().stored_bytes + size > self._max_stored_bytes:
            raise StoreFull("max_stored_bytes")
        if rows.share(upload.owner).stored_bytes + size > self._max_stored_bytes // OWNER_SHARE:
            raise StoreFull("bytes of one owner")
        return upload

    def _link(self, rows: Rows, upload: Upload, keys: Sequence[str]) -> None:
        if rows.link(upload, keys) > 2 * MAX_KEYS:
            raise StoreFull("max_keys")
        rows.keep_until(upload.id, self._clock() + self._keep_s)


def _there(rows: Rows, upload_id: str) -> Upload:
    upload = rows.get(upload_id)
    if upload is None:
        raise StoreError("unknown")
    return upload
