"""What identifier detectors share: a trigger, a pattern near its places, a check that gives the canonical value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from re import Match as ReMatch
from re import Pattern

from gateway.detect.context import confidence
from gateway.detect.detector import Document, Trigger, View
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

LEFT = r"(?:^|[^0-9A-Za-z])"
"""In a trigger: no ASCII letter or digit in front."""
RIGHT = r"(?:[^0-9A-Za-z]|\z)"
"""In a trigger: no ASCII letter or digit behind."""
ALONE = r"(?<![0-9A-Za-z])(?<![0-9]\.)"
"""In a pattern: not the tail of a word, a number or a decimal fraction."""
ENDS = r"(?![0-9A-Za-z])(?!\.[0-9])"
"""In a pattern: not the head of one."""


type Found = ReMatch[str]
"""A place in a text where a pattern matches."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checked value and its place in the view."""

    value: str
    """Canonical: equal values are one value."""
    start: int
    end: int
    weak: bool = False
    """Whether it counts only with context."""
    share: float = 1.0
    """What is left of the signature's base confidence where no context speaks for it."""
    person: str = ""
    """Token of the person, `kind:value` as in `gateway.detect.persons`."""


type Check = Callable[[Found, Document], Candidate | None]
"""A place that looks like the identifier → the candidate, None where the check fails; never raises."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One way in which an identifier is written."""

    trigger: Trigger
    pattern: Pattern[str]
    check: Check
    reach: int = 64
    """Over the longest match, in characters."""

    def candidates(self, view: View, document: Document) -> Iterator[Candidate]:
        """Checked candidates in one view."""
        for found in view.candidates(self.trigger, self.pattern, reach=self.reach):
            candidate = self.check(found, document)
            if candidate is not None:
                yield candidate


@dataclass(frozen=True, slots=True)
class Identifier:
    """A detector of checked values, one by one."""

    key: str
    shapes: tuple[Shape, ...]
    joined: bool = False
    """Whether digits that were written one by one count without context."""

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """Those of its shapes; the signatures add nothing."""
        del signatures
        return [shape.trigger for shape in self.shapes]

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Matches in every view, with the context's odds."""
        for index, view in enumerate(document.views):
            unsure = view.kind == "joined" and not self.joined
            for shape in self.shapes:
                for candidate in shape.candidates(view, document):
                    yield from judged(candidate, view, index, signatures, unsure=unsure)


def judged(
    candidate: Candidate, view: View, index: int, signatures: Mapping[str, Signature], *, unsure: bool = False
) -> Iterator[Match]:
    """The candidate as a match of each signature whose context lets it be one."""
    for signature in signatures.values():
        weak = unsure or candidate.weak
        odds = confidence(signature, view, candidate.start, candidate.end, weak=weak, share=candidate.share)
        if odds:
            place = (candidate.start, candidate.end, candidate.value)
            yield Match(signature.name, *place, odds, candidate.person, view.location, index)


def plain(found: Found, value: str = "", **more: str | float | bool) -> Candidate:
    """A candidate for the pattern's group `value` if it has one, else its whole match."""
    group = "value" if "value" in found.re.groupindex else 0
    return Candidate(value or found[group], found.start(group), found.end(group), **more)  # type: ignore[arg-type]
