"""Classification marks: the words of secrecy where they stand as a mark, not where prose speaks of secrets.

A signature lists `marks` (`绝密`, `公司机密`), may list `weak` marks (words so common that only the surest places count)
and `labels` (`密级`). A place counts when its form has odds in `thresholds`:

`star` `机密★10年` · `label` `密级:机密` · `bracket` `【机密】` · `line` the mark is a whole line · `head` the same within
the first lines of a page · `name` the mark is a word of the file's name · `word` it stands between blanks in a line
that is no sentence · `edge` the line starts or ends with it behind a separator · `statement` one of `subjects` and then
the mark: `本文件为机密`. `companions` may stand beside the mark in its line (`内部资料 注意保存`); `against` are words
that turn a statement or a line into its opposite.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.documents.terms import BLANK, any_of, canonical, compiled, fold, present, trigger
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

NAME = "name"
"""Location of a file's own name."""
GROUPS = ("marks", "weak", "labels", "subjects", "companions", "against")
"""Names of groups of terms a signature may use."""
FORMS = ("star", "label", "bracket", "line", "head", "name", "word", "edge", "statement")
"""Names of places; also the order in which they are tried."""
WEAK_FORMS = ("star", "label", "bracket", "head", "name")
"""Places that are sure enough for a weak mark."""
HEAD_LINES = 6
"""Lines at the start of a page in which a mark of its own line is the document's; cover sheets have few."""
HEAD_CHARS = 600
"""Longest such start."""
LINE_CHARS = 60
"""Longest line that may be a heading or a banner."""
SENTENCE = "。,;!?，；！？、"
"""Punctuation that makes a line a sentence."""
DECORATION = r"[\s#*=_~>\-—|·.]"
"""What may stand beside a mark on its own line."""


@dataclass(frozen=True, slots=True)
class _Place:
    form: str
    pattern: str
    """The mark is its group 1."""


def _places(marks: str, labels: str, subjects: str, companions: str, against: str) -> Iterator[_Place]:
    """Patterns of every form for these alternations; each is anchored at a mark, a label or a line's edge."""
    spread = rf"{BLANK}{{0,4}}"
    yield _Place("star", rf"(?<![^\W\d_])({marks}){spread}(?:[★☆⭐✩✭]|\*[ \t]?(?:\d|长期|長期|启用|啟用|解密))")
    yield _Place("star", rf"[★☆⭐✩✭]{spread}({marks})(?!\w)")
    if labels:
        unfilled = rf"(?!{spread}[/、|,，□]{spread}{marks})"
        ticked = r"[\s:：=>\[【\"'☑√]{1,8}"
        yield _Place("label", rf"{labels}{spread}[\"'\]】)]?{ticked}({marks})(?:级|級)?(?!\w){unfilled}")
        yield _Place("label", rf"{labels}(?:为|為|是|定为)({marks})(?:级|級)?(?!\w)")
    yield _Place("bracket", rf"[【\[〔]{spread}({marks})(?:级|級)?{spread}[】\]〕]")
    suffix = r"(?:级|級|文件|资料|資料|材料|档案|檔案)?"
    beside = rf"(?:[\s,，、;；。!！|/]{{1,4}}(?:{marks}{suffix}{'|' if companions else ''}{companions})){{0,4}}"
    yield _Place("line", rf"^{DECORATION}{{0,8}}[(（]?({marks}){suffix}{beside}[)）。!！]?{DECORATION}{{0,8}}$")
    yield _Place("word", rf"(?<!\S)({marks})(?!\S)")
    yield _Place("edge", rf"^{BLANK}{{0,8}}({marks})(?!\w)[^\n]{{0,{LINE_CHARS}}}$")
    yield _Place("edge", rf"^[^\n]{{0,{LINE_CHARS}}}[\s|/\-—–:：·(（【\[]({marks})[)）】\]\s]{{0,3}}$")
    if subjects:
        turned = rf"(?:(?!{against})[^\n。.;；]){{0,24}}?" if against else r"[^\n。.;；]{0,24}?"
        yield _Place("statement", rf"{subjects}{turned}({marks})")


class MarkingDetector:
    """Marks by their place."""

    key = "marking"

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """Every mark; ValueError for unknown groups, forms or a signature without marks."""
        for signature in signatures.values():
            unknown = [f"terms.{group}" for group in signature.terms if group not in GROUPS]
            unknown += [f"thresholds.{form}" for form in signature.thresholds if form not in FORMS]
            if unknown:
                raise ValueError(f"{signature.name}: {', '.join(unknown)} means nothing to the detector `marking`")
            if not signature.terms.get("marks") or not signature.thresholds:
                raise ValueError(f"{signature.name}: terms.marks and the thresholds of some forms are needed")
            yield from (trigger(mark) for group in ("marks", "weak") for mark in signature.terms.get(group, ()))

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """The surest place of every distinct mark in every reading."""
        for index, view in enumerate(document.views):
            woken = set(view.hits)
            for signature in signatures.values():
                for match in _best(view, signature, woken):
                    yield replace(match, view=index)


def _best(view: View, signature: Signature, woken: set[Trigger]) -> Iterator[Match]:
    """The surest match of each mark; every match in a name, where all of them are masked for the record."""
    best: dict[object, Match] = {}
    for group in ("marks", "weak"):
        terms = tuple(present(signature.terms.get(group, ()), woken))
        if terms:
            for match in _matches(view, signature, terms, FORMS if group == "marks" else WEAK_FORMS):
                key = match.start if view.location == NAME else match.value
                if key not in best or best[key].confidence < match.confidence:
                    best[key] = match
    yield from best.values()


def _matches(view: View, signature: Signature, marks: tuple[str, ...], forms: tuple[str, ...]) -> Iterator[Match]:
    odds = signature.thresholds
    labels, subjects, companions, against = (
        any_of(terms) if (terms := signature.terms.get(group)) else ""
        for group in ("labels", "subjects", "companions", "against")
    )
    if view.location == NAME:
        if "name" in odds and "name" in forms:
            for hit in compiled(rf"(?<![^\W_])({any_of(marks)})(?![^\W_])").finditer(view.text):
                yield _match(signature, hit[1], hit.span(1), odds["name"], view)
        return
    head_end = _head_end(view.text)
    for place in _places(any_of(marks), labels, subjects, companions, against):
        for hit in compiled(place.pattern).finditer(view.text):
            form = "head" if place.form == "line" and "head" in odds and hit.end() <= head_end else place.form
            if form not in forms or form not in odds:
                continue
            if form in {"word", "edge"} and not (
                _is_set_off(hit[1]) and _is_banner(view.text, *hit.span(1), signature)
            ):
                continue
            yield _match(signature, hit[1], hit.span(1), odds[form], view)


def _match(signature: Signature, mark: str, span: tuple[int, int], confidence: float, view: View) -> Match:
    return Match(signature.name, *span, canonical(mark), confidence, location=view.location)


def _head_end(text: str) -> int:
    """Where the first lines end."""
    end = 0
    for line in text[:HEAD_CHARS].splitlines(keepends=True)[:HEAD_LINES]:
        end += len(line)
    return end


def _is_set_off(mark: str) -> bool:
    """Whether the mark is written as one: English marks have capitals (`Do Not Distribute`), Chinese has none."""
    return all(word[0].isupper() or not word[0].isascii() for word in mark.split())


def _is_banner(text: str, start: int, end: int, signature: Signature) -> bool:
    """Whether the line around is short, no sentence, and says nothing against the mark."""
    begin = text.rfind("\n", max(0, start - LINE_CHARS - 1), start) + 1
    if begin == 0 and start > LINE_CHARS:
        return False
    stop = text.find("\n", end, end + LINE_CHARS + 1)
    if stop < 0:
        if len(text) - end > LINE_CHARS:
            return False
        stop = len(text)
    line = text[begin:stop]
    return not any(mark in line for mark in SENTENCE) and not any(
        fold(word) in line for word in signature.terms.get("against", ())
    )
