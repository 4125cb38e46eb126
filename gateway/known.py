"""Short pieces and names in which nothing was found, so that the path of every request is not read anew each time.

Only what is clean is kept, so that no value stays in memory longer than its transfer; what is found, is found each time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from datetime import date
from operator import attrgetter

from gateway.findings import PartReport
from gateway.parts import Coverage, Piece

MAX_BYTES = 256
"""Longest piece or name kept: paths, field names and short fields come again, messages do not."""
MAX_KEPT = 4096
"""Most pieces, and most names, kept; a megabyte of each. Over it they are forgotten all at once."""

type _Key = tuple[bytes, Hashable]
_BESIDES = attrgetter(*(one.name for one in fields(Piece) if one.name != "data"))
"""Everything of a piece but its bytes."""


@dataclass(slots=True)
class Known:
    """The memory of one inspector, for one day: whether a date is valid depends on the day."""

    _day: date = date.min
    _pieces: dict[_Key, PartReport] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def clean(self, piece: Piece, day: date) -> PartReport | None:
        """The report of an equal piece that held nothing, None when there was none today."""
        if len(piece.data) > MAX_BYTES or day != self._day:
            return None
        return self._pieces.get(_key(piece))

    def keep(self, piece: Piece, day: date, report: PartReport) -> None:
        """Remember the one report of a piece, if it says that all was read and nothing found."""
        is_clean = report.coverage is Coverage.INSPECTED and not report.findings and not report.reason
        if is_clean and len(piece.data) <= MAX_BYTES and len(piece.name) <= MAX_BYTES:
            self._turn(day)
            if len(self._pieces) >= MAX_KEPT:
                self._pieces.clear()
            self._pieces[_key(piece)] = report

    def is_plain(self, text: str, day: date) -> bool:
        """Whether nothing in the name had to be masked today."""
        return day == self._day and text in self._names

    def keep_plain(self, text: str, day: date) -> None:
        """Remember a name in which nothing had to be masked."""
        if len(text) <= MAX_BYTES:
            self._turn(day)
            if len(self._names) >= MAX_KEPT:
                self._names.clear()
            self._names.add(text)

    def _turn(self, day: date) -> None:
        if day != self._day:
            self._day = day
            self._pieces.clear()
            self._names.clear()


def _key(piece: Piece) -> _Key:
    return bytes(piece.data), _BESIDES(piece)
