"""The append-only journal of one proxy worker: a record counts once its future has a receipt.

Only this process writes its files. Appends of all threads and tasks are written in groups by one thread: what
queued up while the last group was synced is the next group. After a failed write (disk full, read-only, I/O error)
every record of the group is refused, and each later append first tries a new file, so the journal heals by itself.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.errors import RecordError, StartError
from gateway.limits import MIB
from gateway.records.chain import Kind, encode, rfc3339
from gateway.records.files import JournalName, Link, last_link, parse_name
from gateway.records.segment import Receipt, Segment
from metrics.catalogue import FAILURES

MAX_FILE_BYTES = 64 * MIB
"""Size at which a journal goes on in a new file: read in seconds by an auditor, few enough in a directory."""
MAX_GROUP_RECORDS = 1000
"""Most records written and synced at once; bounds the memory of one group."""

_STAMP = "%Y%m%dT%H%M%S.%f"


def count_failure(_error: Exception) -> None:
    """Counts a failed group; the usual `on_failure`."""
    FAILURES.labels(part="journal").inc()


@dataclass(frozen=True, slots=True)
class _Entry:
    records: Sequence[tuple[Kind, bytes]]
    future: Future[list[Receipt]]


class Journal:
    """The journal of one worker slot; make one with `open`."""

    def __init__(
        self,
        directory: Path,
        facts: Mapping[str, Any],
        now: Callable[[], datetime],
        max_file_bytes: int,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.failure = ""
        """Why the last group could not be written, one sentence; empty while the journal works."""
        self._directory = directory
        self._facts = facts
        self._now = now
        self._max_file_bytes = max_file_bytes
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._segment = self._create(last_link(directory, (facts["node"], facts["worker"])))
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        node: str,
        worker: int | str,
        version: str,
        now: Callable[[], datetime],
        max_file_bytes: int = MAX_FILE_BYTES,
        on_failure: Callable[[Exception], None] = count_failure,
    ) -> Journal:
        """A journal with a new file in `directory`, chained to the last file of the same node and worker.

        Raises StartError when the directory cannot be made, read or written, or the names do not fit into a file name.
        `now` gives aware UTC times; `on_failure` is called in the writing thread once for every failed group.
        """
        path = Path(directory)
        facts = {"node": node, "worker": str(worker), "version": version, "run": os.urandom(8).hex()}
        sample = JournalName(node, str(worker), "20000101T000000.000000", 1)
        if parse_name(sample.file) != sample:
            raise StartError(
                "the journal needs a node name of letters, digits, '.', '_' and '-' (at most 100) "
                "and a worker name of letters, digits, '_' and '-'; set `node` accordingly"
            )
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(path, facts, now, max_file_bytes, on_failure)
        except OSError as error:
            raise StartError(
                f"the journal directory {path} cannot be written ({error.strerror}); "
                "make it a writable directory with free space, or set another `state_dir`"
            ) from None

    def append(self, kind: Kind, body: Mapping[str, Any]) -> Future[Receipt]:
        """The future receipt of a record; it fails with RecordError when the record could not be made durable.

        Thread-safe and never blocks on the disk. The body is written as it is now; the future cannot be cancelled,
        because the record may be on disk already.
        """
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()
        try:
            data = encode(body)
        except RecordError as error:
            future.set_exception(error)
            return future
        self.append_group([(kind, data)]).add_done_callback(lambda done: _pass_on(done, future))
        return future

    def append_group(self, records: Sequence[tuple[Kind, bytes]]) -> Future[list[Receipt]]:
        """The future receipts of records that count together, their bodies encoded; else as `append`."""
        future: Future[list[Receipt]] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                future.set_exception(RecordError("the record could not be made durable: the journal is closed"))
            else:
                self._queue.put(_Entry(records, future))
        return future

    def close(self) -> None:
        """Writes what is queued and the last line, then lets the file go. Never raises; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            group, goes_on = self._next_group()
            if group:
                self._write(group)
        with suppress(OSError):
            if not self._segment.broken:
                self._segment.finish("shutdown", rfc3339(self._now()))
        self._segment.release()

    def _next_group(self) -> tuple[list[_Entry], bool]:
        """What is queued, at least one entry unless the journal closes, and whether it goes on."""
        group: list[_Entry] = []
        records = 0
        entry = self._queue.get()
        while entry is not None:
            group.append(entry)
            records += len(entry.records)
            if records >= MAX_GROUP_RECORDS:
                return group, True
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _write(self, group: list[_Entry]) -> None:
        try:
            self._make_room()
            records = [record for entry in group for record in entry.records]
            receipts = iter(self._segment.commit(records, rfc3339(self._now())))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, each waiting transfer must be refused now
            why = error.strerror if isinstance(error, OSError) else type(error).__name__
            self.failure = f"the record could not be made durable: {why}"
            for entry in group:
                entry.future.set_exception(RecordError(self.failure))
            with suppress(Exception):  # a failing hook must not end the only thread that writes
                self._on_failure(error)
            return
        self.failure = ""
        for entry in group:
            entry.future.set_result(list(islice(receipts, len(entry.records))))

    def _make_room(self) -> None:
        """Goes on in a new file when the current one is full or failed; raises OSError when that cannot be made."""
        old = self._segment
        if not old.broken:
            if old.size < self._max_file_bytes:
                return
            old.finish("rotated", rfc3339(self._now()))
            # Nothing may follow a last line, so the file counts as broken until the next one stands.
            old.broken = True
        self._segment = self._create(old.link())
        # Released only now: without any locked file the recorder would take this process for dead.
        old.release()

    def _create(self, previous: Link | None) -> Segment:
        now = self._now().astimezone(UTC)
        if previous is not None and (last := parse_name(previous.anchor.file)):
            # A clock set back must not put this file before its predecessor.
            after = datetime.strptime(last.stamp, _STAMP).replace(tzinfo=UTC) + timedelta(microseconds=1)
            now = max(now, after)
        name = JournalName(self._facts["node"], self._facts["worker"], now.strftime(_STAMP), os.getpid())
        return Segment.create(self._directory, name, previous=previous, facts=self._facts, at=rfc3339(self._now()))


def _pass_on(done: Future[list[Receipt]], future: Future[Receipt]) -> None:
    """The outcome of a group of one."""
    error = done.exception()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(done.result()[0])
