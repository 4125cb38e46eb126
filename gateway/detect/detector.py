"""The meeting point of engine and detectors: triggers that wake a detector, the document it looks at, what it yields."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from re import Match as Found
    from re import Pattern

    from gateway.detect.match import Match
    from gateway.detect.signatures import Signature
    from gateway.parts import Part

HEADER_CHARS = 1000
"""Longest first line that is taken for the header of a table."""
LABEL_CHARS = 32
"""Longest first line without cell separators that may still be the header of a one-column table."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A pattern of the one fast pass over a text; where none of a detector's triggers occurs, it is not run."""

    pattern: str
    """Hyperscan's dialect: no look-around, no back-reference; matched on UTF-8 bytes, so a character outside ASCII may
    stand as a literal or in `(?:省|市)`, never in `[省市]`."""
    caseless: bool = False
    """Whether ASCII letters match in both cases."""
    once: bool = False
    """Whether only the first place matters (much cheaper where the pattern may be frequent)."""
    most: int = 0
    """Most places that matter per text; 0 means all."""
    raw: bytes = field(default=b"", repr=False)
    """The pattern as bytes, where it is no UTF-8; `pattern` is then only its name."""
    _hash: int = field(init=False, repr=False, compare=False)
    """Known once: triggers are looked up thousands of times for every short message."""

    def __post_init__(self) -> None:
        """Make the hash."""
        told = (self.pattern, self.caseless, self.once, self.most, self.raw)
        object.__setattr__(self, "_hash", hash(told))

    def __hash__(self) -> int:
        """The same for equal triggers of one process."""
        return self._hash


def words(*literals: str, caseless: bool = True) -> Trigger:
    r"""A trigger that occurs once where one of the literals occurs.

    >>> words("合同", "a.b").pattern
    '(?:合同|a\\.b)'
    """
    return Trigger(f"(?:{'|'.join(literal_pattern(word) for word in literals)})", caseless=caseless, once=True)


def literal_pattern(literal: str) -> str:
    r"""The literal with every ASCII character that means something in a pattern escaped.

    >>> literal_pattern("c++")
    'c\\+\\+'
    """
    return "".join(char if char.isalnum() or not char.isascii() else f"\\{char}" for char in literal)


@dataclass(frozen=True, slots=True)
class View:
    """One reading of one run of text: as it is, folded, or decoded."""

    text: str
    """Compatibility forms folded (full-width digits and letters are ASCII), invisible characters gone."""
    location: str = ""
    """Where in the part; `name` for the file's own name."""
    kind: str = "text"
    """`text` (the run itself, folded), `raw` (with its invisible characters), `decoded` (escapes undone), `joined` (spaced
    digits joined), `base64`, `bytes` (runs of text in a part that gave no text)."""
    hits: Mapping[Trigger, Sequence[int]] = field(default_factory=dict)
    """Trigger → ends (character offsets, rising) of its places; one only for `once`."""
    origin: tuple[tuple[int, int], ...] = ()
    """Rising pairs (offset here, offset in the source text) where the distance changes; empty when they are the same."""

    def ends(self, trigger: Trigger) -> Sequence[int]:
        """Where the trigger's places end, rising; empty when it does not occur."""
        return self.hits.get(trigger, ())

    def has(self, *triggers: Trigger) -> bool:
        """Whether one of the triggers occurs."""
        return any(trigger in self.hits for trigger in triggers)

    def around(self, start: int, end: int, *, before: int, after: int) -> str:
        """The text from `before` characters ahead of `start` to `after` characters behind `end`."""
        return self.text[max(0, start - before) : end + after]

    def header(self, *, above: int) -> str:
        """The first line where it ends above that offset and may be the header of a table (cells, or short)."""
        top = self.text[: min(HEADER_CHARS, above)]
        line, newline, _ = top.lstrip("\ufeff\r\n\t ").partition("\n")
        may = len(line) <= LABEL_CHARS or any(mark in line for mark in "\t,;|，；")
        return line if newline and may else ""

    def candidates(self, trigger: Trigger, pattern: Pattern[str], *, reach: int) -> Iterator[Found[str]]:
        """Matches of `pattern` near the trigger's places, each once, rising; `reach` is over its longest match.

        The pattern may look around. Windows around places that lie close together are one, so that a text full of
        places costs one pass.
        """
        for start, stop in self._windows(trigger, reach):
            for found in pattern.finditer(self.text, start, stop):
                # What the window's end may have cut is no match: behind it lies no place of the trigger.
                if found.end() < stop or stop >= len(self.text):
                    yield found

    def _windows(self, trigger: Trigger, reach: int) -> Iterator[tuple[int, int]]:
        ends = iter(self.ends(trigger))
        first = next(ends, None)
        if first is None:
            return
        start, stop = max(0, first - reach), first + reach
        for end in ends:
            if end - reach > stop:
                yield start, stop
                start = end - reach
            stop = end + reach
        yield start, stop

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The same span in the source text; inside a decoded run it is the whole run."""
        if not self.origin:
            return start, end
        return self._back(start), self._back(end - 1, last=True)

    def _back(self, offset: int, *, last: bool = False) -> int:
        index = max(0, bisect_right(self.origin, (offset, 1 << 62)) - 1)
        here, there = self.origin[index]
        following = self.origin[index + 1] if index + 1 < len(self.origin) else None
        at = there + offset - here
        if following is None:
            return at + last
        # A run that was decoded is shorter or longer here than there: its inner offsets mean the whole run.
        exact = following[0] - here == following[1] - there
        if exact:
            return at + last
        return following[1] if last else there


@dataclass(frozen=True, slots=True)
class Document:
    """A part as detectors see it."""

    part: Part
    pages: tuple[View, ...]
    """One view per run of text of the part (its name among them), in order; what document detectors judge."""
    extras: tuple[View, ...] = ()
    """Further readings (`raw`, `decoded`, `joined`, `base64`, `bytes`) in which identifiers may hide."""
    today: date = date.min
    """For validity of dates; given by the caller."""

    views: tuple[View, ...] = field(init=False, repr=False, compare=False)
    """Pages, then extras: what identifier detectors look at."""

    def __post_init__(self) -> None:
        """Put the views together."""
        object.__setattr__(self, "views", self.pages + self.extras)


@runtime_checkable
class Detector(Protocol):
    """Code that looks for the signatures whose `detector` is its key."""

    @property
    def key(self) -> str:
        """Dotted, as signature files name it."""

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """What to look for in the fast pass; the detector is run only on documents where one occurs.

        A detector that names none is run on every document.

        `signatures` are those whose `detector` is this key. Raises ValueError with one sentence when a signature's data
        (`terms`, `thresholds`) is not what the detector needs.
        """

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Matches with offsets in one view's text and that view's location; never raises for hostile text."""
