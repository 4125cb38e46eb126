"""Checks the chain of a journal directory offline: what was edited, dropped, swapped, inserted, cut or taken away.

Each file is read once, line by line. What others vouch for is held against it: its own head, the first line of the
file that follows it in the worker slot, and the anchors the store remembers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import MalformedError
from gateway.records.chain import ZERO_HASH, Anchor, Line, lines_from, parse_line
from gateway.records.files import Directory, JournalName, is_live, list_directory, read_head

MAX_BREAKS_PER_FILE = 20
"""Breaks told of one file; a file of noise would fill the screen."""


@dataclass(frozen=True, slots=True, order=True)
class Break:
    """One place where the chain does not hold, or a remark on one."""

    file: str
    line: int
    """1-based; 0 when the whole file is meant."""
    message: str
    """One sentence; no content of a record in it."""

    def __str__(self) -> str:
        """`file:line: message`."""
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(slots=True)
class VerifyReport:
    """The outcome of a verification."""

    problems: list[Break] = field(default_factory=list)
    notes: list[Break] = field(default_factory=list)
    """What is no failure: a torn end that was never acknowledged, a writer that ended without closing."""
    files: int = 0
    records: int = 0
    """Lines whose own hash is right."""
    size_bytes: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Pin:
    """What somebody vouches for in one file."""

    anchor: Anchor
    by: str
    is_end: bool = False
    """Whether no record may follow: the next file began while nobody wrote this one."""


@dataclass(frozen=True, slots=True)
class _Start:
    """What the first line of a file says."""

    file: str
    slot: tuple[str, str]
    previous: Anchor | None
    live: bool


type Progress = Callable[[int, int], None]
"""Called after each file with the bytes read so far and in all."""


def verify_directory(
    directory: str | Path, anchors: Iterable[Anchor] = (), *, progress: Progress | None = None
) -> VerifyReport:
    """Everything that is wrong with the journals in `directory`; never raises for what it finds there."""
    path, report = Path(directory), VerifyReport()
    try:
        listing = list_directory(path)
    except OSError as error:
        report.problems.append(Break(str(path), 0, f"the journal directory cannot be read ({error.strerror})"))
        return report
    pins = _gather(path, listing, anchors, report)
    sizes = {name: (path / name.file).stat().st_size for name in listing.journals}
    total = sum(sizes.values())
    for name in listing.journals:
        _File(path / name.file, pins[name.file], report).check()
        report.files += 1
        report.size_bytes += sizes[name]
        if progress:
            progress(report.size_bytes, total)
    return report


def _gather(path: Path, listing: Directory, anchors: Iterable[Anchor], report: VerifyReport) -> dict[str, list[_Pin]]:
    """The pins of every file; files that are vouched for and not there become problems."""
    pins: dict[str, list[_Pin]] = defaultdict(list)
    present = {name.file for name in listing.journals}
    missing: dict[str, str] = {}
    report.problems += [Break(file, 0, "is not a file of a journal") for file in listing.strangers]
    for file in listing.heads:
        _add_head(path / file, present, pins, missing, report)
    for file in sorted(present - set(listing.heads)):
        report.problems.append(Break(file, 0, "its head file is missing, so a cut end could not be seen"))
    _add_links(path, listing.journals, pins, missing, report)
    for anchor in anchors:
        if anchor.file in present:
            pins[anchor.file].append(_Pin(anchor, "the store"))
        else:
            missing.setdefault(anchor.file, "the store")
    for file, by in missing.items():
        if not (path / file).exists():  # it may have been made since the directory was listed
            report.problems.append(Break(file, 0, f"the file is missing; {by} knows it"))
    return pins


def _add_head(
    journal: Path, present: set[str], pins: dict[str, list[_Pin]], missing: dict[str, str], report: VerifyReport
) -> None:
    try:
        head = read_head(journal)
    except (MalformedError, OSError):
        report.problems.append(Break(journal.name, 0, "its head file is damaged, so a cut end could not be seen"))
        return
    if head is None or head.seq == 0:  # the writer ended between making the head and the first record
        return
    if journal.name in present:
        pins[journal.name].append(_Pin(head, "its head file"))
    else:
        missing[journal.name] = "its head file"


def _add_links(
    path: Path,
    journals: tuple[JournalName, ...],
    pins: dict[str, list[_Pin]],
    missing: dict[str, str],
    report: VerifyReport,
) -> None:
    """Pins from each file's first line on the file before it in its slot."""
    present = {name.file for name in journals}
    before: dict[tuple[str, str], str] = {}
    for name in journals:
        start = _read_start(path / name.file)
        if start is None:  # empty or damaged: the walk through the file says so
            if pins[name.file]:
                before[name.slot] = name.file
            continue
        if start.file != name.file or start.slot != name.slot:
            report.problems.append(Break(name.file, 1, f"the file was renamed; it was written as {start.file}"))
        expected = before.get(name.slot)
        found = start.previous.file if start.previous else None
        if start.previous is not None and found not in present:
            missing[start.previous.file] = name.file
        elif found != expected:
            report.problems.append(Break(name.file, 1, f"it follows {found or 'no file'}, not {expected or 'no file'}"))
        elif start.previous is not None:
            pins[start.previous.file].append(_Pin(start.previous, name.file, is_end=not start.live))
        before[name.slot] = name.file


def _read_start(journal: Path) -> _Start | None:
    try:
        with journal.open("rb") as file:
            line = parse_line(next(lines_from(file, 0), (0, b""))[1])
        body: dict[str, Any] = json.loads(line.body)
        said = body["previous"]
        previous = said and Anchor(said["file"], said["seq"], said["hash"], said["size"])
        if line.kind != "open" or line.prev != (previous.hash if previous else ZERO_HASH):
            return None
        return _Start(body["file"], (body["node"], body["worker"]), previous, bool(said and said["live"]))
    except (MalformedError, OSError, ValueError, KeyError, TypeError):
        return None


class _File:
    """The walk through one file."""

    def __init__(self, path: Path, pins: list[_Pin], report: VerifyReport) -> None:
        self._path = path
        self._report = report
        self._pins = pins
        self._acknowledged = max((pin.anchor.size for pin in pins), default=0)
        self._ends = [pin for pin in pins if pin.is_end]
        self._last: Line | None = None
        """The last good line; the next one must follow it."""
        self._gap = False
        """Whether unreadable lines stand between it and the next one."""
        self._seen: dict[int, tuple[str, int]] = {}
        """Pinned seq → hash and end of the line found there."""
        self._top = 0
        """Largest seq found."""
        self._closed = False
        self._breaks = 0

    def check(self) -> None:
        """Adds everything wrong with the file to the report."""
        wanted = {pin.anchor.seq for pin in self._pins}
        try:
            live = is_live(self._path)
            with self._path.open("rb") as file:
                for number, (offset, raw) in enumerate(lines_from(file, 0), start=1):
                    try:
                        line = parse_line(raw)
                    except MalformedError as error:
                        if offset >= self._acknowledged:
                            self._torn(number, offset, live=live)
                            break
                        self._gap = True
                        self._problem(number, f"{error.why}")
                        continue
                    self._follow(number, line)
                    if line.seq in wanted:
                        self._seen.setdefault(line.seq, (line.hash, offset + len(raw)))
        except OSError as error:
            self._problem(0, f"the file cannot be read ({error.strerror})")
            return
        self._hold_against_pins()
        if self._last and not self._closed and not live:
            self._note(0, "its writer ended without closing it")

    def _follow(self, number: int, line: Line) -> None:
        """Checks that the line is the one that must come now."""
        self._report.records += 1
        last, self._last = self._last, line
        expected = last.seq + 1 if last else 1
        self._top = max(self._top, line.seq)
        if self._closed:
            self._problem(number, "a record stands after the closing one")
        if (line.seq == 1) != (line.kind == "open"):
            self._problem(number, "the first record, and only that one, opens a file")
        if line.seq != expected and not self._gap:
            self._problem(number, _misplaced(line.seq, expected))
        elif last and not self._gap and line.prev != last.hash:
            self._problem(number, "it does not continue the record before it, which was replaced")
        elif not last and not self._gap and _read_start(self._path) is None:
            self._problem(number, "its first record does not continue the file it names")
        self._closed = line.kind == "close"
        self._gap = False

    def _hold_against_pins(self) -> None:
        sound = self._breaks == 0
        for pin in self._pins:
            anchor, found = pin.anchor, self._seen.get(pin.anchor.seq)
            if found is None and anchor.seq > self._top:
                self._problem(0, f"cut after record {self._top}; {pin.by} knows {anchor.seq} records")
            elif found is None:
                if sound:
                    self._problem(0, f"record {anchor.seq}, which {pin.by} knows, is not there")
            elif found[0] != anchor.hash:
                self._problem(0, f"record {anchor.seq} is not the one that {pin.by} knows")
            elif found[1] != anchor.size and sound:
                self._problem(0, f"record {anchor.seq} does not end where {pin.by} says")
        for pin in self._ends:
            if self._top > pin.anchor.seq:
                self._problem(0, f"records after {pin.anchor.seq} were added when {pin.by} had begun")

    def _torn(self, number: int, offset: int, *, live: bool) -> None:
        if not live:
            count = self._path.stat().st_size - offset
            self._note(number, f"torn, never acknowledged: {count} bytes after the last durable record")

    def _problem(self, number: int, message: str) -> None:
        self._breaks += 1
        if self._breaks == MAX_BREAKS_PER_FILE:
            message = f"{message}; more of this file is not told"
        if self._breaks <= MAX_BREAKS_PER_FILE:
            self._report.problems.append(Break(self._path.name, number, message))

    def _note(self, number: int, message: str) -> None:
        self._report.notes.append(Break(self._path.name, number, message))


def _misplaced(found: int, expected: int) -> str:
    if found < expected:
        return f"record {found} stands where {expected} should; it was inserted or swapped"
    if found == expected + 1:
        return f"record {expected} before it is missing"
    return f"records {expected} to {found - 1} before it are missing"
