"""What the conditions of a policy look at, and what a condition hands back when it holds: facts, never values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.findings import Finding, Inspection, PartReport, Severity
from gateway.parts import Coverage
from gateway.transfer import Transfer

SEVERITY_RANK: Mapping[Severity, int] = {severity: rank for rank, severity in enumerate(Severity)}
"""Harm in order; the words of the enum do not sort."""

type FactKind = Literal[
    "found", "file-size", "body-size", "body-so-far", "persons", "encryption", "unread", "failure", "exception", "word"
]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a condition saw; words from closed sets and numbers only."""

    kind: FactKind
    word: str = ""
    """Signature, scheme and grade, reason, or `key value` of a destination or sender condition."""
    amount: int = 0
    """Values, bytes, persons or parts."""
    limit: int = 0
    """What the amount was held against; 0 when nothing was."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a condition held."""

    facts: tuple[Fact, ...] = ()
    judged: frozenset[int] = frozenset()
    """Indexes of unread parts that the condition speaks of: whoever wrote it decided about them."""


HOLDS = Proof()
"""The proof of a condition that has nothing to tell, shared."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All findings of one signature in the transfer."""

    findings: tuple[Finding, ...] = ()
    distinct: int | None = None
    """Distinct values over the whole transfer; None when the inspection did not say."""

    def amount(self, min_confidence: float, min_rank: int) -> int:
        """Distinct values among the findings that pass both thresholds.

        The per-part counts are summed and then held against the distinct values of the whole transfer, so that one
        value in ten parts counts once; what one part alone shows is never reduced.
        """
        if not self.findings:
            # Counted by the inspection but shown by no part: no threshold can be judged, so none excuses it.
            return self.distinct or 0
        counts = [
            finding.count
            for finding in self.findings
            if finding.confidence >= min_confidence and SEVERITY_RANK[finding.severity] >= min_rank
        ]
        if not counts or self.distinct is None:
            return sum(counts)
        if len(counts) == len(self.findings):
            return max(self.distinct, *counts)
        return min(sum(counts), max(self.distinct, *counts))


@dataclass(frozen=True, slots=True)
class Authorised:
    """A destination that may receive the named classes or signatures unencrypted, compiled."""

    id: str
    applies: Test
    classes: frozenset[str]
    names: Callable[[str], bool]
    """Whether a signature is named."""

    def allows(self, finding: Finding) -> bool:
        """Whether the finding may go there: it is named, or each of its classes is."""
        return self.names(finding.signature) or (bool(finding.classes) and self.classes.issuperset(finding.classes))


@dataclass(slots=True)
class Facts:
    """One transfer as conditions see it."""

    transfer: Transfer
    parts: tuple[PartReport, ...]
    persons: int
    seen: Mapping[str, Seen]
    has_body: bool
    authorised: tuple[Authorised, ...] = ()
    """Entries that name this destination."""
    known_hash: str = "none"
    """As in `Inspection`."""
    _unauthorised: Facts | None = None

    def unauthorised(self) -> Facts:
        """The same transfer without the findings that this destination is authorised to receive."""
        if not self.authorised:
            return self
        if self._unauthorised is None:
            kept = {
                name: Seen(left, seen.distinct if len(left) == len(seen.findings) else None)
                for name, seen in self.seen.items()
                if (left := tuple(f for f in seen.findings if not self._allowed(f))) or not seen.findings
            }
            self._unauthorised = Facts(
                self.transfer, self.parts, self.persons, kept, self.has_body, known_hash=self.known_hash
            )
        return self._unauthorised

    def _allowed(self, finding: Finding) -> bool:
        return any(entry.allows(finding) for entry in self.authorised)


type Test = Callable[[Facts], Proof | None]
"""A compiled condition: the proof when it holds, None when it does not; never raises."""


def gather(transfer: Transfer, inspection: Inspection, authorised: tuple[Authorised, ...]) -> Facts:
    """Facts of an inspected transfer; `authorised` are all entries of the policy that are in force."""
    found: dict[str, list[Finding]] = {name: [] for name in inspection.distinct}
    for part in inspection.parts:
        for finding in part.findings:
            found.setdefault(finding.signature, []).append(finding)
    seen = {name: Seen(tuple(findings), inspection.distinct.get(name)) for name, findings in found.items()}
    has_body = transfer.request.bytes > 0
    facts = Facts(transfer, inspection.parts, inspection.persons, seen, has_body, known_hash=inspection.known_hash)
    return name_authorised(facts, authorised)


def name_authorised(facts: Facts, authorised: tuple[Authorised, ...]) -> Facts:
    """The same facts, with the entries that name their destination."""
    facts.authorised = tuple(entry for entry in authorised if entry.applies(facts) is not None)
    return facts


def is_unread(part: PartReport) -> bool:
    """Whether something in the part was not read.

    >>> is_unread(PartReport("a.txt", "a.txt", 3, "", "text/plain", "text/plain"))
    False
    >>> is_unread(PartReport("a.zip", "a.zip", 3, "", "", "application/zip", reason="malformed"))
    True
    """
    return bool(part.reason) or part.coverage is not Coverage.INSPECTED
