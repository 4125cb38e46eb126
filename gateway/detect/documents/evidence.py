"""Documents told by weighted evidence: titles, filled labels, headings and phrases of one kind of document.

A signature lists terms in groups; every distinct term that is found in its place adds the group's weight:

`title` on a short line near the head of a page · `labels` followed by a colon and a value that is filled in ·
`defined` in brackets behind a name (`某公司(以下简称甲方)`) · `headings` at the start of a line · `phrases` anywhere ·
`against` anywhere, with a negative weight · `blank` what stands in an unfilled form.

Thresholds: the weight of each group by its name, `score` to be reached, `need.GROUP` distinct terms that must be there,
`need.filled` labels and definitions together: this tells a signed contract from its template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.documents.places import Places
from gateway.detect.documents.terms import (
    BLANK,
    canonical,
    compiled,
    fold,
    most,
    present,
    readable,
    triggers,
    woken_by,
)
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

MAX_VALUES = 4
"""Filled values that tell one document from another of its kind."""
LINE_CHARS = 64
"""How far in front of a term its line is looked at."""
NAME_CHARS = 60
"""Longest name in front of a definition."""
HEAD_CHARS = 1500
"""How far from the start of a page a title may stand: a cover sheet with number, parties and date fits."""
TITLE_BEFORE = r"[^\n。，；！？,;!?:：]{0,40}"
TITLE_BEHIND = r"[^\n。，；！？,;!?:：]{0,24}(?:\n|\Z)"
"""A title is a line without the punctuation of a sentence."""
LABEL = (
    rf"{BLANK}{{0,4}}(?:[(（][^()（）\n]{{0,24}}[)）]{BLANK}{{0,4}})?[\"']?[:：=\t|]{BLANK}{{0,8}}(\n?[^\n\t|]{{0,60}})"
)
"""Behind a label: a note in brackets, a mark, a value; one line break is allowed for cells under each other."""
HEADING = r"[\s#*>\-]{0,6}(?:第.{1,4}[条章节]|[(（]?[\d.一二三四五六七八九十]{1,6}[)）、.:：]?)?[\s*【\[]{0,4}"
"""In front of a heading on its line: a number at most."""
NUMBERED = r"\s{0,8}(?:第.{1,4}[条章节]|[\d一二三四五六七八九十]{1,3}[、.)])"
"""The first words of a clause; a line that starts so is no value of the label above it."""
OPENED = r"[(（](?:以下|下称|简称|hereinafter|hereafter|the |\"|“)[^()（）\n]{0,40}\Z"
CLOSED = r"[^()（）\n]{0,12}[)）]"
"""Around a defined word: `(以下简称“甲方”)`, `(hereinafter "Party A")`, `("Buyer")`."""
BLANK_CHARS = " \t\n\u3000_.…-—*×xX□[]【】()（）<>/《》\"'“”:：#,，、。;；"
"""What fills the empty places of a form."""
FILLED = ("labels", "defined")
"""Groups whose terms count only with a value."""
GROUPS = ("title", "labels", "defined", "headings", "phrases", "against", "blank")
"""Names of groups of terms a signature may use."""


@dataclass(slots=True)
class _Found:
    """What one document showed, over all its pages."""

    terms: dict[str, set[str]] = field(default_factory=dict)
    """Group → distinct canonical terms."""
    values: list[str] = field(default_factory=list)
    """What the labels are filled with, the first few, in order; part of the canonical value."""
    first: tuple[int, int, str, int] | None = None
    """Start, end, location and view of the first piece of evidence."""

    def add(self, group: str, term: str, span: tuple[int, int], location: str, view: int) -> None:
        self.terms.setdefault(group, set()).add(canonical(term))
        if self.first is None or group == "title":
            self.first = (*span, location, view)


class EvidenceDetector:
    """Kinds of documents whose words add up."""

    key = "document.evidence"

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """Every term but the blanks; ValueError for an unknown group or a missing `score`."""
        for signature in signatures.values():
            for group in signature.terms:
                if group not in GROUPS:
                    raise ValueError(f"{signature.name}: terms.{group} is not one of {', '.join(GROUPS)}")
                if group != "blank" and group not in signature.thresholds:
                    raise ValueError(f"{signature.name}: thresholds.{group} (the weight of that group) is missing")
            if signature.thresholds.get("score", 0) <= 0:
                raise ValueError(f"{signature.name}: thresholds.score is missing or not over 0")
            yield from triggers({group: terms for group, terms in signature.terms.items() if group != "blank"})

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """At most one match per signature; its value tells this document from others of its kind."""
        woken = woken_by(document)
        for signature in signatures.values():
            # The fast pass saw every term: what cannot reach the score with all of them in place is let go here.
            least = signature.thresholds["score"]
            if most(signature, woken) < least or _highest(signature, woken) < least:
                continue
            found = _Found()
            for index, page in readable(document):
                _read(index, page, signature, found)
            score = _score(found, signature)
            if score >= signature.thresholds["score"] and found.first is not None:
                start, end, location, view = found.first
                value = "|".join((signature.name, *sorted(found.terms.get("title", ())), *found.values))
                yield Match(signature.name, start, end, value, _confidence(score, signature), "", location, view)


def _highest(signature: Signature, woken: set[Trigger]) -> float:
    """The score with every term that occurs in its place; 0 where a `need.` cannot be met."""
    told = {group: len(present(terms, woken)) for group, terms in signature.terms.items() if group != "blank"}
    return _sum({group: count for group, count in told.items() if signature.thresholds[group] > 0}, signature)


def _read(index: int, page: View, signature: Signature, found: _Found) -> None:
    """Everything one page shows, added to `found`."""
    blanks = tuple(fold(word).replace(" ", "") for word in signature.terms.get("blank", ()))
    places, woken = Places(page.text), set(page.hits)
    for group, terms in signature.terms.items():
        if group == "blank":
            continue
        own: list[tuple[int, int]] = []
        for term in sorted(present(terms, woken), key=len, reverse=True):
            spans = ((span, _stands(group, page.text, span, blanks)) for span in places.of(term))
            span, value = next(((span, value) for span, value in spans if value is not None), (None, ""))
            # `协议` in `补充协议` says nothing more.
            if span is None or any(span[0] < end and start < span[1] for start, end in own):
                continue
            own.append(span)
            found.add(group, page.text[span[0] : span[1]], span, page.location, index)
            if value and len(found.values) < MAX_VALUES:
                found.values.append(value)


def _stands(group: str, text: str, span: tuple[int, int], blanks: tuple[str, ...]) -> str | None:
    """What the term at `span` is filled with, empty for groups without values; None where it is not in its place."""
    start, end = span
    line = max(text.rfind("\n", max(0, start - LINE_CHARS), start) + 1, start - LINE_CHARS, 0)
    match group:
        case "title":
            before = compiled(TITLE_BEFORE).fullmatch(text, line, start)
            return "" if end <= HEAD_CHARS and before and compiled(TITLE_BEHIND).match(text, end) else None
        case "labels":
            value = compiled(LABEL).match(text, end)
            return (value and _filled(value[1], blanks)) or None
        case "defined":
            opened = compiled(OPENED).search(text, line, start)
            closed = opened and compiled(CLOSED).match(text, end)
            return _filled(_name_before(text, opened.start()), blanks) or None if opened and closed else None
        case "headings":
            return "" if compiled(HEADING).fullmatch(text, line, start) else None
    return ""


def _name_before(text: str, start: int) -> str:
    """The name a definition in brackets stands behind: what follows the last comma, `and` or `between`."""
    line = text[max(0, start - NAME_CHARS) : start].rpartition("\n")[2]
    return compiled(r"\bbetween\b|\band\b|[,，、;；:：与和]").split(line)[-1]


def _filled(value: str, blanks: tuple[str, ...]) -> str:
    """The value without what fills empty places; empty where the form was not filled in."""
    before, colon, _ = value.replace("：", ":").replace("\u3000", " ").partition(":")
    if colon:  # the next label of the form follows: `甲方:    乙方:`
        value = before.rpartition(" ")[0]
    if value.startswith("\n") and compiled(NUMBERED).match(value, 1):
        return ""
    kept = "".join(char for char in value if char not in BLANK_CHARS)
    return "" if len(kept) < 2 or kept in blanks or any(kept.startswith(word) for word in blanks) else kept


def _score(found: _Found, signature: Signature) -> float:
    """The sum of weights; 0 where a `need.` is not met."""
    return _sum({group: len(terms) for group, terms in found.terms.items()}, signature)


def _sum(told: Mapping[str, int], signature: Signature) -> float:
    needs = ((name.removeprefix("need."), least) for name, least in signature.thresholds.items() if "." in name)
    for group, least in needs:
        if sum(told.get(one, 0) for one in (FILLED if group == "filled" else (group,))) < least:
            return 0.0
    return sum(signature.thresholds[group] * count for group, count in told.items())


def _confidence(score: float, signature: Signature) -> float:
    """From `base` at the threshold to `with_context` at one and a half of it."""
    least, odds = signature.thresholds["score"], signature.confidence
    share = min(1.0, (score - least) / (least / 2))
    return round(odds.base + (odds.with_context - odds.base) * share, 3)
