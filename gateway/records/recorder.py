"""The loop that brings the journals into the store and `events.jsonl`; it may be late, it never loses anything.

Everything it knows is in the store, so whatever fails (a locked or full database, a broken disk, a kill), it begins
again from there. Only one recorder works on a state directory.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import batched, groupby
from pathlib import Path

from gateway.errors import SluiceError, StartError
from gateway.records import due
from gateway.records.events import EventsFile
from gateway.records.files import JournalName, list_directory
from gateway.records.schema import META
from gateway.records.store import Store, utc_now
from gateway.records.tail import Tail
from gateway.records.upsert import put
from metrics.catalogue import FAILURES, RECORDS_BACKLOG

POLL_S = 0.1
"""Pause between two looks at the journals."""
GATHER_S = 0.5
"""Pause after a step that moved, unless it left some: under load each step costs 20 ms, however much it brings."""
OVERDUE_S = 1.0
"""Between two questions for events that have waited too long for their outcome."""
HOLD_S = 900.0
"""Longest wait of an event for its outcome; forwarding 512 MB at 5 Mbit/s takes 820 s."""
MAX_BACKOFF_S = 5.0
"""Longest pause after failures in a row."""
DRAIN_S = 10.0
"""How long a stopping recorder tries to finish; what is left is in the journal for the next start."""
MAX_EVENTS = 500
"""Most events written at once."""
STORE_FILE = "sluice.db"
"""Name of the SQLite store in the state directory."""
LOCK_FILE = "recorder.lock"
"""Name of the lock in the state directory that keeps a second recorder out."""

EVENTS_PLACE = "events"
"""Name under which the store remembers how far `events.jsonl` is known."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a recorder reads and writes."""

    journal: Path
    """Directory of the journals."""
    store: Path | str
    """Path of an SQLite file, or a database URL."""
    events: Path
    lock: Path

    @classmethod
    def of(cls, state_dir: Path, *, store: str = "sqlite", events: Path | None = None) -> Places:
        """The places of a state directory; `store` and `events` as in the settings."""
        return cls(
            state_dir / "journal",
            state_dir / STORE_FILE if store == "sqlite" else store,
            events or state_dir / "events.jsonl",
            state_dir / LOCK_FILE,
        )


class Recorder:
    """One open store and the tails of all journals."""

    def __init__(self, places: Places, store: Store, *, told: bool = False, hold_s: float = HOLD_S) -> None:
        self._places = places
        self._store = store
        self._told = told
        """Whether transfers new to the store were told before."""
        self._hold_s = hold_s
        self._events = EventsFile(places.events)
        self._known = store.positions()
        self._tails: dict[str, Tail] = {}
        self._live_runs: set[str] | None = None
        """Processes that wrote at the last settling; None before the first."""
        self._asked_at = float("-inf")
        """Unix time when events due were last asked for."""
        self.is_behind = False
        """Whether the last step left some that was there when it began."""

    def step(self, now: datetime) -> bool:
        """Indexes and tells what is there; gives whether it moved, so that the next step should come at once.

        Raises RecordError or OSError; then nothing is lost, and a new Recorder begins where the store stands.
        """
        self._store.check_same_file()
        names = self._names()
        tails = self._look(names)
        # A file made after the first list may continue one that had been let go when it was looked at.
        complete = names == self._names()
        moved = settled = False
        for _, slot in groupby(tails, key=lambda pair: pair[0].slot):
            for _, tail in slot:
                went, exhausted = self._read(tail)
                moved |= went
                complete &= exhausted
                if not exhausted:  # outcomes of its transfers may stand in the slot's next file
                    break
        if complete:
            settled = self._settle({tail.run for _, tail in tails if tail.is_live}, moved=moved)
        told = 0
        if moved or settled or self.is_behind or abs(now.timestamp() - self._asked_at) >= OVERDUE_S:
            self._asked_at, told = now.timestamp(), self._tell(now)
        self.is_behind = not complete or told == MAX_EVENTS
        return bool(told) or moved or not complete

    def _names(self) -> tuple[JournalName, ...]:
        try:
            return list_directory(self._places.journal).journals
        except FileNotFoundError:  # no worker has started yet
            return ()

    def _look(self, names: tuple[JournalName, ...]) -> list[tuple[JournalName, Tail]]:
        """The tails of unfinished files, in order, all looked at before any is read.

        A process that is gone now has written all it ever will, so what is read after this look is complete.
        """
        tails, backlog = [], 0
        for name in names:
            tail = self._tails.get(name.file)
            if tail is None:
                tail = Tail(self._places.journal / name.file, self._known.get(name.file))
                self._tails[name.file] = tail
            if not tail.done:
                backlog += tail.look()
                tails.append((name, tail))
        RECORDS_BACKLOG.set(backlog)
        return tails

    def _read(self, tail: Tail) -> tuple[bool, bool]:
        """Indexes the next lines; gives whether there were any, and whether they were the last for now."""
        piece = tail.read(told=self._told)
        if not tail.moves(piece.batch):
            return False, piece.exhausted
        broken = self._store.index(piece.batch) + piece.broken
        if broken:
            FAILURES.labels(part="journal-chain").inc(broken)
            _LOG.error("%s has %d broken records; `sluice audit verify` tells which", tail.file, broken)
        tail.advance(piece.batch)
        return True, piece.exhausted

    def _settle(self, live_runs: set[str], *, moved: bool) -> bool:
        """Gives the transfers of dead processes their outcome, once everything they wrote is indexed.

        Gives whether there was anything to do.
        """
        if not moved and live_runs == self._live_runs:
            return False
        with self._store.transaction() as connection:
            due.abandon(connection, live_runs)
            due.forget_settled(connection)
        if self._live_runs is None:
            # A kill between writing the file and noting it in the store must not tell a transfer twice.
            for ids in batched(self._events.ids_after(self._store.recall(EVENTS_PLACE)), MAX_EVENTS):
                self._note_told(ids)
        self._live_runs = live_runs
        return True

    def _tell(self, now: datetime) -> int:
        """Writes what is due to `events.jsonl`; gives how many events were."""
        if self._live_runs is None:
            return 0
        with self._store.transaction() as connection:
            events = due.select_due(connection, waiting_since=now.timestamp() - self._hold_s, limit=MAX_EVENTS)
        if events:
            place = self._events.append(events)
            self._note_told([event.id for event in events], place)
        return len(events)

    def _note_told(self, ids: Sequence[str], place: str = "") -> None:
        with self._store.transaction() as connection:
            due.mark_told(connection, ids)
            due.forget_settled(connection)
            if place:
                put(connection, META, [{"name": EVENTS_PLACE, "value": place}])


def run(
    places: Places,
    stop: threading.Event,
    *,
    now: Callable[[], datetime] = utc_now,
    poll_s: float = POLL_S,
    gather_s: float = GATHER_S,
    hold_s: float = HOLD_S,
    drain_s: float = DRAIN_S,
) -> None:
    """Records until `stop` is set and everything is indexed, or for `drain_s` after that when the store fails.

    Raises StartError when another recorder works there; every other failure is counted, logged and tried again.
    """
    with only_one(places.lock):
        pause_s, give_up_at = poll_s, float("inf")
        while time.monotonic() < give_up_at:
            began = time.monotonic()
            try:
                _work(places, stop, now, (poll_s, gather_s), hold_s)
            except Exception as error:  # noqa: BLE001 - the journal keeps what is not indexed; the loop must go on
                FAILURES.labels(part="recorder").inc()
                why = str(error) if isinstance(error, SluiceError) else type(error).__name__
                _LOG.warning("records are late: %s", why)
            else:
                return
            pause_s = poll_s if time.monotonic() - began > MAX_BACKOFF_S else min(pause_s * 2, MAX_BACKOFF_S)
            if stop.is_set():
                give_up_at = min(give_up_at, time.monotonic() + drain_s)
                time.sleep(poll_s)
            else:
                stop.wait(pause_s)


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Holds the lock for the block; raises StartError when another process holds it or it cannot be made."""
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"{lock} cannot be made ({error.strerror}); make its directory writable") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StartError(f"another recorder holds {lock}; stop that gateway first") from None
    finally:
        os.close(fd)


def _work(
    places: Places, stop: threading.Event, now: Callable[[], datetime], pauses_s: tuple[float, float], hold_s: float
) -> None:
    poll_s, gather_s = pauses_s
    with Store.open(places.store, now=now) as store:
        recorder = Recorder(places, store, hold_s=hold_s)
        while True:
            stopping = stop.is_set()  # asked first, so that what was written before the stop is still seen
            if recorder.step(now()):
                if not recorder.is_behind:
                    stop.wait(gather_s)
                continue
            if stopping:
                return
            stop.wait(poll_s)
