"""Reading one journal while it grows: only what is durable, and never past a place that is not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import MalformedError
from gateway.records.chain import ZERO_HASH, Anchor, Line, lines_from, parse_line
from gateway.records.files import is_live, read_head
from gateway.records.rows import Batch
from gateway.records.upsert import Position

MAX_BATCH_LINES = 1000
"""Most lines of one transaction (measured: larger ones are no faster)."""
MAX_BATCH_BYTES = 8 * 1024 * 1024
"""Most bytes of one transaction; one line may pass it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one reading gave."""

    batch: Batch
    broken: int
    """Lines that are no records or do not continue the chain: somebody changed the file."""
    exhausted: bool
    """Whether everything durable has been read."""


class Tail:
    """The reader's place in one journal; `read` looks ahead, `advance` moves."""

    def __init__(self, path: Path, known: Position | None) -> None:
        self.file = path.name
        self.run = ""
        """Names the writing process; empty until the first line is durable."""
        self.is_live = True
        """Whether a process wrote the file when `look` was last called."""
        self.position = known.position if known else 0
        """Bytes read."""
        self.done = known.done if known else False
        """Whether nothing more will come."""
        self._path = path
        self._durable = 0
        self._anchor = Anchor(path.name, 0, ZERO_HASH, 0)
        # While an index is made again, the store remembers a later record than the one before this place.
        if known and known.anchor.size == known.position:
            self._anchor = known.anchor
        if self.position and not self.done:
            self.run = _run(path)

    def look(self) -> int:
        """Sees whether the file is still written, and gives the number of durable records not yet read.

        Raises OSError when the file cannot be read.
        """
        self.is_live = is_live(self._path)
        try:
            head = read_head(self._path)
        except MalformedError:
            head = None
        self._durable = head.size if head else 0
        return max(head.seq - self._anchor.seq, 0) if head else 0

    def read(self, *, told: bool) -> Piece:
        """The next lines: up to the head while the file is written, all whole lines once it is not.

        Raises OSError when the file cannot be read.
        """
        lines: list[Line] = []
        anchor, position, broken, exhausted = self._anchor, self.position, 0, True
        with self._path.open("rb") as file:
            for offset, raw in lines_from(file, position):
                end = offset + len(raw)
                if self.is_live and end > self._durable:
                    break
                if len(lines) == MAX_BATCH_LINES or (lines and end - self.position > MAX_BATCH_BYTES):
                    exhausted = False
                    break
                try:
                    line = parse_line(raw)
                except MalformedError:
                    if offset >= self._durable:  # torn when the writer was killed; nobody was told it was recorded
                        break
                    broken, position = broken + 1, end
                    continue
                broken += not _follows(line, anchor, offset)
                lines.append(line)
                anchor, position = Anchor(self.file, line.seq, line.hash, end), end
        if position and not self.run:
            self.run = _run(self._path)
        done = exhausted and not self.is_live and position > 0
        return Piece(Batch(self.run, lines, anchor, position, done, told), broken, exhausted)

    def moves(self, batch: Batch) -> bool:
        """Whether the batch is more than standing still."""
        return (batch.position, batch.done) != (self.position, self.done)

    def advance(self, batch: Batch) -> None:
        """Moves past a batch that is indexed."""
        self._anchor, self.position, self.done = batch.anchor, batch.position, batch.done


def _follows(line: Line, anchor: Anchor, offset: int) -> bool:
    if anchor.seq == 0:
        return line.seq == 1 if offset == 0 else True
    return line.seq == anchor.seq + 1 and line.prev == anchor.hash


def _run(path: Path) -> str:
    """The run that the file's first line names; empty when that line is not there or says none."""
    try:
        with path.open("rb") as file:
            raw = next(lines_from(file, 0), (0, b""))[1]
        found = json.loads(parse_line(raw).body).get("run")
    except (MalformedError, OSError, ValueError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""
