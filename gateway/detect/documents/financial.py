"""Financial statements that are not published: items with amounts, in rows or in prose, and what is said of them.

Groups of terms: `title` of a statement · `items` (`净利润`), counted with an amount behind them only · `unpublished` and
`published` words. Thresholds: `title`, `rows` (an item at the start of its line), `figures` (an item in prose),
`unpublished`; `published` once, however many of its words there are; `score` to be reached; `items` distinct items.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.documents.places import Places
from gateway.detect.documents.terms import canonical, compiled, present, readable, triggers, woken_by
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

GROUPS = ("title", "items", "unpublished", "published")
"""Names of groups of terms."""
WEIGHTS = ("title", "rows", "figures", "unpublished", "published", "score", "items")
"""Names of thresholds."""
MAX_AMOUNTS = 4
"""Amounts that tell one statement from another."""
_AMOUNT = (
    r"[^\n\d]{0,40}(?:20\d{2}[^\n\d]{1,10})?"
    r"(\d{1,3}(?:,\d{3}){1,5}|\d{1,15}\.\d{1,8}|\d{5,15}|\d{1,15}(?= ?(?:亿|万|元|million|billion|thousand|mn|bn|m\b|k\b)))"
)
"""Behind an item: an amount on the same line; a year may stand in front of it."""
_ROW = r"(?:[^\n\w]|[\d一二三四五六七八九十]{1,3}[、.,\t|]|其中|减|加|[IVX]{1,4}\.){0,6}"
"""In front of an item that begins a row: numbers and signs."""
_ROW_CHARS = 30
"""Longest such beginning."""


@dataclass(slots=True)
class _Found:
    rows: set[str] = field(default_factory=set)
    figures: set[str] = field(default_factory=set)
    amounts: list[str] = field(default_factory=list)
    """The first few, part of the canonical value."""
    first: tuple[int, int, str, int] | None = None
    """Start, end, location and view of the first item."""


class FinancialDetector:
    """Statements, budgets and forecasts before they are published."""

    key = "document.financial"

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """Every term; ValueError where a group or a threshold is missing."""
        for signature in signatures.values():
            missing = [f"terms.{group}" for group in GROUPS if not signature.terms.get(group)]
            missing += [f"thresholds.{name}" for name in WEIGHTS if name not in signature.thresholds]
            if missing:
                raise ValueError(f"{signature.name}: {', '.join(missing)} missing")
            yield from triggers(signature.terms)

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """At most one match per signature."""
        woken = woken_by(document)
        for signature in signatures.values():
            weights, said = signature.thresholds, _said(signature, woken)
            items = present(signature.terms["items"], woken)
            if len(items) < weights["items"] or said + weights["rows"] * len(items) < weights["score"]:
                continue
            found = _Found()
            for index, view in readable(document):
                _read(index, view, signature, found)
            score = said + weights["rows"] * len(found.rows) + weights["figures"] * len(found.figures - found.rows)
            if found.first and len(found.rows | found.figures) >= weights["items"] and score >= weights["score"]:
                start, end, location, at = found.first
                value = "|".join((signature.name, *found.amounts))
                yield Match(signature.name, start, end, value, _confidence(score, signature), "", location, at)


def _said(signature: Signature, woken: set[Trigger]) -> float:
    """The weight of titles and of what is said about publication."""
    weights, terms = signature.thresholds, signature.terms
    title = weights["title"] if present(terms["title"], woken) else 0.0
    published = weights["published"] if present(terms["published"], woken) else 0.0
    return title + published + weights["unpublished"] * len(present(terms["unpublished"], woken))


def _read(index: int, view: View, signature: Signature, found: _Found) -> None:
    """Items of one text that an amount follows."""
    text = view.text
    for start, end, _ in Places(text).merged(present(signature.terms["items"], set(view.hits))):
        amount = compiled(_AMOUNT).match(text, end)
        if not amount:
            continue
        line = text.rfind("\n", max(0, start - _ROW_CHARS), start) + 1
        is_row = (line or start <= _ROW_CHARS) and compiled(_ROW).fullmatch(text, line, start)
        (found.rows if is_row else found.figures).add(canonical(text[start:end]))
        if len(found.amounts) < MAX_AMOUNTS:
            found.amounts.append(amount[1])
        if found.first is None:
            found.first = (start, end, view.location, index)


def _confidence(score: float, signature: Signature) -> float:
    """From `base` at the threshold to `with_context` at twice of it."""
    least, odds = signature.thresholds["score"], signature.confidence
    return round(odds.base + (odds.with_context - odds.base) * min(1.0, (score - least) / least), 3)
