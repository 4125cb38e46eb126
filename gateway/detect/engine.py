"""The engine: parts → findings, with every value masked before it leaves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from gateway.detect.batches import batches
from gateway.detect.catalogue import DETECTORS, OVERLAPS
from gateway.detect.detector import Detector, Document, Trigger
from gateway.detect.evidence import STARS, mask
from gateway.detect.match import Match
from gateway.detect.matcher import NO_CACHE, Cache
from gateway.detect.persons import rows
from gateway.detect.reading import NAME, Reader
from gateway.detect.signatures import Signature, load_signatures
from gateway.detect.tally import Tally
from gateway.detect.yara_rules import YaraDetector, YaraRules, load_yara
from gateway.errors import ConfigError, DetectorError, Problem
from gateway.findings import Finding
from gateway.limits import Limits
from gateway.parts import Part, Text

_MASKED_CLASSES = frozenset(
    ("personal", "contact", "account", "secret", "password", "marking", "state-secret", "company-secret", "internal")
)
"""Classes whose matches `Engine.mask` replaces; a document's kind is no value."""
_UNKEPT = "state-secret"
"""Class of which nothing is shown, not even masked."""
_REPEATS = 3
"""Matches of one value looked at; more say nothing new."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found in one part."""

    findings: tuple[Finding, ...] = ()
    """One per signature, by name."""
    errors: tuple[DetectorError, ...] = ()
    """Detectors that failed or had more to look at than allowed: the part was read in part only."""


class Engine:
    """Compiled signatures; built once, shared by forked inspectors, free of state."""

    def __init__(
        self,
        signatures: Sequence[Signature],
        detectors: Sequence[Detector],
        *,
        limits: Limits,
        cache: Cache = NO_CACHE,
    ) -> None:
        """Raises ValueError where a detector refuses its signatures or a pattern does not compile."""
        self.signatures: Mapping[str, Signature] = {signature.name: signature for signature in signatures}
        self._limits = limits
        self._own = {
            detector.key: {s.name: s for s in signatures if s.detector == detector.key} for detector in detectors
        }
        self._detectors = tuple(detector for detector in detectors if self._own[detector.key])
        triggers = {detector.key: tuple(detector.triggers(self._own[detector.key])) for detector in self._detectors}
        self._triggers = {key: frozenset(own) for key, own in triggers.items()}
        self._always = tuple(index for index, detector in enumerate(self._detectors) if not triggers[detector.key])
        """Detectors that run on every document, by their place."""
        self._wakes: dict[Trigger, list[int]] = {}
        """Trigger → the detectors that it wakes."""
        for index, detector in enumerate(self._detectors):
            for trigger in self._triggers[detector.key]:
                self._wakes.setdefault(trigger, []).append(index)
        self._reader = Reader([trigger for own in triggers.values() for trigger in own], cache=cache)

    def detect(self, part: Part, tally: Tally, *, today: date, reveal: bool = False) -> Detection:
        """Findings in the part, its values counted in the tally too. Never raises for what the part holds.

        `reveal` shows values as they are (for a person at the terminal); a state secret's stay out even then.
        """
        values: dict[str, dict[str, Match]] = {}
        errors: dict[tuple[str, str], DetectorError] = {}
        for batch in batches(part):
            document, cut = self._reader.document(batch, today=today)
            matches, failed = self._matches(document, cut)
            errors |= {(error.detector, error.kind): error for error in failed}
            for match in matches:
                own = values.setdefault(match.signature, {})
                if match.value not in own or own[match.value].confidence < match.confidence:
                    own[match.value] = match
            for index, view in enumerate(document.views if matches else ()):
                tally.add_rows(rows(view.text, (match for match in matches if match.view == index)))
        for name, own in values.items():
            tally.add_values(name, own)
        findings = (
            _finding(self.signatures[name], own.values(), reveal=reveal) for name, own in sorted(values.items())
        )
        return Detection(tuple(findings), tuple(errors.values()))

    def mask(self, text: str, *, today: date) -> str:
        """A short text (file name, URL path) with every match of an identifier, secret or mark masked.

        Where a detector fails, nothing of the text is kept.
        """
        part = Part("", "", len(text), "", "", "", b"", texts=(Text(text, NAME),))
        document, cut = self._reader.document(part, today=today)
        matches, errors = self._matches(document, cut)
        if errors:
            return STARS
        views = document.views
        spans = sorted((*views[m.view].source(m.start, m.end), m.signature, m.value) for m in matches)
        out, at = [], 0
        for start, end, name, value in spans:
            signature = self.signatures[name]
            if not _MASKED_CLASSES.isdisjoint(signature.classes) and end > at:
                out += [text[at:start], mask(value, signature.mask) or STARS] if start >= at else []
                at = end
        return "".join((*out, text[at:]))

    def _matches(self, document: Document, cut: frozenset[Trigger]) -> tuple[list[Match], list[DetectorError]]:
        """Matches of all detectors, overlaps settled; a detector that raises loses its own only."""
        woken = set(self._always)
        for view in document.views:
            for trigger in view.hits:
                woken.update(self._wakes.get(trigger, ()))
        found: list[Match] = []
        errors: list[DetectorError] = []
        for index in sorted(woken):
            detector = self._detectors[index]
            if cut and not cut.isdisjoint(self._triggers[detector.key]):
                errors.append(DetectorError(detector.key, "too-many-places"))
            try:
                self._collect(detector, document, found)
            except MemoryError:
                # Nothing that follows can be trusted: the whole inspection ends.
                raise
            except DetectorError as error:
                errors.append(error)
            except _TooManyError:
                errors.append(DetectorError(detector.key, "too-many-matches"))
            except Exception as error:  # noqa: BLE001 - one detector's fault must not hide what the others find
                errors.append(DetectorError(detector.key, type(error).__name__))
        return settle(found) if found else found, errors

    def _collect(self, detector: Detector, document: Document, found: list[Match]) -> None:
        """Append the detector's matches; raises _TooManyError where the count would be too low for policy."""
        own = self._own[detector.key]
        first: dict[str, int] = {}
        times: dict[str, dict[str, int]] = {name: {} for name in own}
        for match in detector.find(document, own):
            seen = times[match.signature]
            if match.value not in seen and len(seen) == self._limits.max_findings:
                if own[match.signature].classes:
                    raise _TooManyError
                # Nothing hangs on how many there are: the count stays a lower bound.
                return
            seen[match.value] = seen.get(match.value, 0) + 1
            if match.view < 0 and not first:
                first = {view.location: index for index, view in reversed([*enumerate(document.pages)])}
            if seen[match.value] <= _REPEATS:
                found.append(match if match.view >= 0 else replace(match, view=first.get(match.location, 0)))


class _TooManyError(Exception):
    """A signature has more distinct values than are looked at."""


def build_engine(directories: Sequence[str], *, limits: Limits, cache: Cache = NO_CACHE) -> Engine:
    """The engine for the signature folders, analysts' YARA rules among them.

    `cache` keeps what took a second to compile. Raises ConfigError with every problem of their files.
    """
    problems: list[Problem] = []
    signatures = _gathered(load_signatures, directories, problems) or ()
    rules = _gathered(load_yara, directories, problems) or YaraRules((), {})
    keys = {detector.key for detector in DETECTORS}
    for own in signatures:
        if own.detector not in keys:
            known = ", ".join(sorted(keys))
            problems.append(Problem(own.file, own.line, f"detector: {own.detector!r} is unknown; known are {known}"))
        if own.name in rules.signatures:
            problems.append(Problem(own.file, own.line, f"name: {own.name!r} is a YARA rule's signature too"))
    if problems:
        raise ConfigError(problems)
    try:
        every = (*signatures, *rules.signatures.values())
        return Engine(every, (*DETECTORS, YaraDetector(rules)), limits=limits, cache=cache)
    except ValueError as error:
        raise ConfigError([Problem(directories[0] if directories else "signatures", 0, str(error))]) from None


def _gathered[T](load: Callable[[Sequence[str]], T], directories: Sequence[str], problems: list[Problem]) -> T | None:
    """What `load` gives; None where it has problems, which are added to the others."""
    try:
        return load(directories)
    except ConfigError as error:
        problems += error.problems
        return None


def settle(matches: Iterable[Match]) -> list[Match]:
    """The matches without those that overlap, in the same text, a match of a signature that `OVERLAPS` prefers."""
    matches = list(matches)
    spans: dict[tuple[int, str], list[tuple[int, int]]] = {}
    preferred = {name for names in OVERLAPS.values() for name in names}
    for match in matches:
        if match.signature in preferred:
            spans.setdefault((match.view, match.signature), []).append((match.start, match.end))
    for own in spans.values():
        own.sort()
    return [
        match
        for match in matches
        if not any(_overlaps(spans.get((match.view, name), ()), match) for name in OVERLAPS.get(match.signature, ()))
    ]


def _overlaps(spans: Sequence[tuple[int, int]], match: Match) -> bool:
    """Whether one of the rising spans, which do not overlap one another, overlaps the match."""
    index = bisect_left(spans, (match.end, 0)) - 1
    return index >= 0 and spans[index][1] > match.start


def _finding(signature: Signature, matches: Iterable[Match], *, reveal: bool) -> Finding:
    """The finding for the distinct values of one signature."""
    own = list(matches)
    best = max(own, key=lambda match: match.confidence)
    sample = best.value if reveal else mask(best.value, signature.mask)
    return Finding(
        signature=signature.name,
        count=len(own),
        severity=signature.severity,
        confidence=round(best.confidence, 3),
        classes=signature.classes,
        persons=len({match.person for match in own if match.person}),
        sample="" if _UNKEPT in signature.classes else sample,
        location=best.location,
    )
