"""Lists of persons or companies: tables told by their header, and records whose labels repeat.

A signature's groups of terms are kinds of columns in the order they are tried: the first whose term a header cell
contains is the cell's kind. A group's name before `-` says what its cells must hold: `phone`, `email`, `address`,
`amount`, `date`; other names hold words. `who` and `customer` say whom a row is about; `none` are cells that only look
like another kind (`客户数`).

Thresholds: the weight of each kind by its name (counted once per distinct term), `score` to be reached by the header,
`rows` of data to be there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.documents.places import Places
from gateway.detect.documents.rows import BLANKS, Row, cells_of, line_at, rows_below, separator_of
from gateway.detect.documents.terms import any_of, canonical, compiled, most, present, readable, triggers
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

SUBJECTS = ("who", "customer")
"""Kinds that say whom a row is about."""
IGNORED = "none"
"""Kind of a cell that only looks like another."""
HEADER_CELL_CHARS = 24
"""Longest cell that may name a column; longer ones are data."""
HEADER_CHARS = 2000
"""Longest line that may be a header."""
MAX_GAP = 2
"""Rows without cells (rules, blank lines, titles) a table may have in a row before it ends."""
NEAR_CHARS = 400
"""Furthest that a subject stands from another value of its record; labels of a program are strewn over it."""
_AMOUNT = re.compile(r"[¥$€£]? ?-?\d[\d,]*(?:\.\d+)?(?: ?(?:元|万元|%))?")
_DATE = re.compile(r"(?:19|20)\d{2}[-/.年]?\d{1,2}(?:[-/.月]?\d{1,2}日?)?(?:[ T]\d.{0,12})?")
_WORD = r"[^\s\"',;，；|<>:：=]"
_LABEL_BEFORE = rf"{_WORD}{{0,6}}\Z"
_LABEL_BEHIND = (
    rf"({_WORD}{{0,6}})[\"']?(?:;[\w=,;\-]{{0,40}})?\s{{0,3}}[:：=>]\s{{0,3}}[\"']?"
    rf"({_WORD}{{2,60}}(?: (?!{_WORD}{{1,20}}[:：=]){_WORD}{{1,40}}){{0,4}})"
)
"""What is left of a label's word (and parameters of a vCard), then the words of its value."""


def _digits(cell: str) -> int:
    return sum(char.isdigit() for char in cell)


_HOLDS: dict[str, Callable[[str], bool]] = {
    "phone": lambda cell: 7 <= _digits(cell) <= 20 and len(cell) <= 40,
    "email": lambda cell: "@" in cell.strip("@") and "." in cell,
    "address": lambda cell: len(cell) >= 4 and not cell.isdigit(),
    "amount": lambda cell: _AMOUNT.fullmatch(cell) is not None,
    "date": lambda cell: _DATE.fullmatch(cell) is not None,
}


class ListDetector:
    """Tables and records of one kind."""

    key = "document.list"

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """The names of columns; ValueError where a kind has no weight, or `score` or `rows` is missing."""
        for signature in signatures.values():
            for kind in (*(kind for kind in signature.terms if kind != IGNORED), "score", "rows"):
                if kind not in signature.thresholds:
                    raise ValueError(f"{signature.name}: thresholds.{kind} is missing")
            yield from triggers({kind: terms for kind, terms in signature.terms.items() if kind != IGNORED})

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """One match per distinct row, where a table has enough rows."""
        for index, view in readable(document):
            woken, places = set(view.hits), Places(view.text)
            for signature in signatures.values():
                if most(signature, woken) >= signature.thresholds["score"]:
                    yield from _matches(index, view, _Plan(signature, woken), places)


class _Plan:
    """A signature as the table reader needs it."""

    def __init__(self, signature: Signature, woken: set[Trigger]) -> None:
        self.signature = signature
        self.score, self.rows = signature.thresholds["score"], int(signature.thresholds["rows"])
        self.kinds = {kind: compiled(f"({any_of(terms)})") for kind, terms in signature.terms.items()}
        self.names = [
            name for kind, terms in signature.terms.items() if kind != IGNORED for name in present(terms, woken)
        ]

    def kind(self, cell: str) -> tuple[str, str]:
        """The cell's kind and the term it was told by; both empty where it names no known column."""
        if len(cell) <= HEADER_CELL_CHARS:
            for kind, pattern in self.kinds.items():
                if hit := pattern.search(cell):
                    return ("", "") if kind == IGNORED else (kind, canonical(hit[1]))
        return "", ""

    def header(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """Kinds of the cells (empty for unknown ones) where they are a header; else empty."""
        told = [self.kind(cell) for cell in cells]
        return tuple(kind for kind, _ in told) if self.reaches(told) else ()

    def reaches(self, told: Iterable[tuple[str, str]]) -> bool:
        """Whether these kinds and terms weigh enough and one of them is a subject."""
        distinct = {pair for pair in told if pair[0]}
        weight = sum(self.signature.thresholds[kind] for kind, _ in distinct)
        return weight >= self.score and any(kind in SUBJECTS for kind, _ in distinct)


def _matches(index: int, view: View, plan: _Plan, places: Places) -> Iterator[Match]:
    """One match per distinct row of the tables that are long enough; records are looked for where there is none."""
    odds, found = plan.signature.confidence, dict[str, tuple[int, int]]()
    for rows in _tables(places, plan):
        if len(rows) >= plan.rows:
            found |= rows
    confidence = odds.with_context if found else odds.base
    if not found and len(rows := _records(places, plan)) >= plan.rows:
        found = rows
    for value, span in found.items():
        yield Match(plan.signature.name, *span, value, confidence, location=view.location, view=index)


def _tables(places: Places, plan: _Plan) -> Iterator[dict[str, tuple[int, int]]]:
    """Every table: canonical row → its span."""
    text, at = places.text, 0
    for start, end in _lines(places, plan):
        if start < at:
            continue
        at = end + 1
        separator = separator_of(text[start:end])
        cells = cells_of(text[start:end], separator)
        if kinds := plan.header(cells):
            rows: dict[str, tuple[int, int]] = {}
            for row in _data(text, at, separator, kinds):
                at = row.end + 1
                if value := _value(row.cells, kinds, loose=separator == BLANKS):
                    rows.setdefault(value, (row.start, row.end))
            yield rows


def _lines(places: Places, plan: _Plan) -> Iterator[tuple[int, int]]:
    """Start and end of the lines with enough terms to be a header, each word of a term worth the most that one can be."""
    most = max(plan.signature.thresholds[kind] for kind in plan.signature.terms if kind != IGNORED)
    text, start, end, words = places.text, 0, -1, 0
    for place, behind, _ in places.merged(plan.names):
        if place > end:
            if end >= 0 and words * most >= plan.score and end - start <= HEADER_CHARS:
                yield start, end
            (start, end), words = line_at(text, place), 0
        words += len(text[place:behind].split())
    if end >= 0 and words * most >= plan.score and end - start <= HEADER_CHARS:
        yield start, end


def _data(text: str, offset: int, separator: str, kinds: tuple[str, ...]) -> Iterator[Row]:
    """Rows of the table whose header ended before `offset`, up to where it ends."""
    gap = 0
    for row in rows_below(text, offset, separator):
        gap = 0 if len(row.cells) >= max(2, len(kinds) // 2) else gap + 1
        if gap > MAX_GAP:
            return
        yield row


def _value(cells: tuple[str, ...], kinds: tuple[str, ...], *, loose: bool) -> str:
    """The canonical row; empty where it is not filled in as its header asks."""
    if loose:
        held = {kind.partition("-")[0] for kind in kinds} & _HOLDS.keys() - {"address"}
        least = min(2, sum(kind.startswith("amount") for kind in kinds)) or 1
        good = sum(any(_HOLDS[kind](cell) for kind in held) for cell in cells)
        return canonical("|".join(cells)) if good >= least and len(cells) >= len(kinds) - 1 else ""
    pairs = [(cell, kind) for cell, kind in zip(cells, kinds, strict=False) if kind and _holds(kind, cell)]
    known = sum(bool(kind) for kind in kinds)
    subject = any(kind in SUBJECTS for _, kind in pairs)
    return canonical("|".join(cell for cell, _ in pairs)) if subject and len(pairs) >= max(2, (known + 1) // 2) else ""


def _holds(kind: str, cell: str) -> bool:
    """Whether the cell holds what its column promises."""
    check = _HOLDS.get(kind.partition("-")[0])
    return check(cell) if check else len(cell.strip("_-—/ ")) >= 1


def _records(places: Places, plan: _Plan) -> dict[str, tuple[int, int]]:
    """Subjects of records like `客户:… 电话:…`, as many as each of the other kinds has values."""
    told: set[tuple[str, str]] = set()
    subjects: dict[str, tuple[int, int]] = {}
    others: dict[str, set[str]] = {}
    alone: tuple[str, tuple[int, int]] | None = None
    """The last subject, while nothing of its record was seen."""
    other_at = -NEAR_CHARS
    text = places.text
    for start, end, _ in places.merged(plan.names):
        if not (behind := compiled(_LABEL_BEHIND).match(text, end)):
            continue
        before = compiled(_LABEL_BEFORE).search(text, max(0, start - 6), start)
        kind, term = plan.kind((before[0] if before else "") + text[start:end] + behind[1])
        value = behind[2].strip()
        if not kind or not _holds(kind, value):
            continue
        told.add((kind, term))
        if kind in SUBJECTS:
            alone = canonical(value), behind.span(2)
            if start - other_at < NEAR_CHARS:
                subjects.setdefault(*alone)
        elif kind.partition("-")[0] in _HOLDS:
            others.setdefault(kind, set()).add(canonical(value))
            other_at = end
            if alone is not None and start - alone[1][1] < NEAR_CHARS:
                subjects.setdefault(*alone)
    enough = any(len(values) >= plan.rows for values in others.values())
    return subjects if enough and plan.reaches(told) else {}
