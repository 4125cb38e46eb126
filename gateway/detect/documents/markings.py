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
from gateway.detect.documents.places import Places
from gateway.detect.documents.terms import BLANK, any_of, canonical, compiled, present, trigger
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

NAME = "name"
"""Location of a file's own name."""
GROUPS = ("marks", "weak", "labels", "subjects", "companions", "against")
"""Names of groups of terms a signature may use."""
FORMS = ("star", "label", "bracket", "line", "head", "name", "word", "edge", "statement")
"""Names of places."""
WEAK_FORMS = ("star", "label", "bracket", "head", "name")
"""Places that are sure enough for a weak mark; one in capitals (`CONFIDENTIAL - ACME`) may stand at an edge too."""
HEAD_LINES = 6
"""Lines at the start of a page in which a mark of its own line is the document's; cover sheets have few."""
HEAD_CHARS = 600
"""Longest such start."""
LINE_CHARS = 60
"""Longest line that may be a heading or a banner."""
SENTENCE = "。,;!?，；！？、"
"""Punctuation that makes a line a sentence."""
_DECORATION = r"[\s#*=_~>\-—|·.]{0,8}"
_SPREAD = rf"{BLANK}{{0,4}}"
_STAR = r"[★☆⭐✩✭▲△]"
"""GB/T 9704 writes marks of state secrets with a star, central enterprises those of their own with a triangle."""
_STAR_BEHIND = rf"{_SPREAD}(?:{_STAR}|\*[ \t]?(?:\d|长期|長期|启用|啟用|解密))"
_STAR_BEFORE = rf"{_STAR}{_SPREAD}\Z"
_OPENED = rf"[【\[〔]{_SPREAD}\Z"
_CLOSED = rf"(?:级|級)?{_SPREAD}[】\]〕]"
_TICKED = rf"{_SPREAD}[\"'\]】)]?(?:[\s:：=>\[【\"'☑√]{{1,8}}|为|為|是|定为)\Z"
"""Between a label and the mark it is filled with."""
_SUFFIX = r"(?:级|級|文件|资料|資料|材料|档案|檔案)?"


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
                marks = present(signature.terms["marks"], woken)
                weak = present(signature.terms.get("weak", ()), woken)
                if marks or weak:
                    for match in _best(view, _Plan(signature, (*marks, *weak), frozenset(weak))):
                        yield replace(match, view=index)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A signature, and those of its marks that occur."""

    signature: Signature
    marks: tuple[str, ...]
    weak: frozenset[str]

    def any_of(self, group: str) -> str:
        """Pattern of a group's terms; of nothing at all where the signature has none."""
        terms = self.signature.terms.get(group)
        return any_of(terms) if terms else r"(?!)"


def _best(view: View, plan: _Plan) -> Iterator[Match]:
    """The surest match of each mark; every match in a name, where all of them are masked for the record."""
    odds, best = plan.signature.thresholds, dict[object, Match]()
    top, head = max(odds.values()), _head_end(view.text)
    for start, end, term in Places(view.text).merged(plan.marks):
        value = canonical(view.text[start:end])
        key = start if view.location == NAME else value
        if key in best and best[key].confidence >= top:
            continue
        forms = _name_forms(view.text, start, end) if view.location == NAME else _forms(view.text, start, end, plan)
        told = {"head" if form == "line" and end <= head and "head" in odds else form for form in forms}
        if term in plan.weak:
            told = _weak_forms(view.text[start:end], told)
        confidence = max((odds[form] for form in told if form in odds), default=0.0)
        if confidence and (key not in best or best[key].confidence < confidence):
            best[key] = Match(plan.signature.name, start, end, value, confidence, location=view.location)
    yield from best.values()


def _weak_forms(mark: str, forms: set[str]) -> set[str]:
    """Those of the forms in which a weak mark counts.

    A first line of nothing else may be the title of a story, so it is worth no more than a word between blanks.
    """
    sure = forms.intersection((*WEAK_FORMS, "edge") if mark.isupper() else WEAK_FORMS)
    return sure - {"head"} | {"word"} if "head" in sure else sure


def _name_forms(text: str, start: int, end: int) -> Iterator[str]:
    """In a file's name a mark is a word between signs or blanks."""
    if not _is_letter(text[start - 1 : start] if start else "") and not _is_letter(text[end : end + 1]):
        yield "name"


def _forms(text: str, start: int, end: int, plan: _Plan) -> Iterator[str]:
    """Every form of the place."""
    lead, follows = text[max(0, start - LINE_CHARS) : start], _is_letter(text[end : end + 1])
    if compiled(plan.any_of("labels") + _TICKED).search(lead) and _ends_label(text, end, plan):
        yield "label"
    turned = rf"{plan.any_of('subjects')}(?:(?!{plan.any_of('against')})[^\n。.;；]){{0,24}}\Z"
    if compiled(turned).search(lead):
        yield "statement"
    if lead and _is_letter(lead[-1]):
        return
    if compiled(_STAR_BEHIND).match(text, end) or (not follows and compiled(_STAR_BEFORE).search(lead)):
        yield "star"
    if compiled(_OPENED).search(lead) and compiled(_CLOSED).match(text, end):
        yield "bracket"
    if line := _line(text, start, end):
        yield from _line_forms(text[line[0] : start], text[start:end], text[end : line[1]], plan)


def _line_forms(before: str, mark: str, behind: str, plan: _Plan) -> Iterator[str]:
    """Forms of a mark by what stands before and behind it on its short line."""
    if compiled(rf"{_DECORATION}[(（]?").fullmatch(before) and compiled(_line_behind(plan)).fullmatch(behind):
        yield "line"
    elif _is_set_off(mark) and not _is_letter(behind[:1]) and _is_banner(before + mark + behind, plan):
        if not before.strip() or not behind.strip(")）】] \t\r\u3000"):
            yield "edge"
        if not before[-1:].strip() and not behind[:1].strip():
            yield "word"


def _ends_label(text: str, end: int, plan: _Plan) -> bool:
    """Whether the label's value ends here, and is not the first of several to choose from."""
    choice = rf"(?:级|級)?(?!\w)(?!{_SPREAD}[/、|,，□]{_SPREAD}{any_of(plan.marks)})"
    return compiled(choice).match(text, end) is not None


def _line_behind(plan: _Plan) -> str:
    """What may follow the mark on its own line: further marks, and words that accompany them."""
    more = rf"(?:{any_of(plan.marks)}{_SUFFIX}|{plan.any_of('companions')})"
    return rf"{_SUFFIX}(?:[\s,，、;；。!！|/]{{1,4}}{more}){{0,4}}[)）。!！]?{_DECORATION}"


def _head_end(text: str) -> int:
    """Where the first lines end."""
    return sum(len(line) for line in text[:HEAD_CHARS].splitlines(keepends=True)[:HEAD_LINES])


def _line(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Start and end of the line around, where it is short; else None."""
    begin = text.rfind("\n", max(0, start - LINE_CHARS - 1), start) + 1
    stop = text.find("\n", end, end + LINE_CHARS + 1)
    if (begin == 0 and start > LINE_CHARS) or (stop < 0 and len(text) - end > LINE_CHARS):
        return None
    return begin, len(text) if stop < 0 else stop


def _is_letter(char: str) -> bool:
    return char.isalpha()


def _is_set_off(mark: str) -> bool:
    """Whether the mark is written as one: English marks have capitals (`Do Not Distribute`), Chinese has none."""
    return all(word[0].isupper() or not word[0].isascii() for word in mark.split())


def _is_banner(line: str, plan: _Plan) -> bool:
    """Whether the line is no sentence and says nothing against the mark."""
    return not any(mark in line for mark in SENTENCE) and not compiled(plan.any_of("against")).search(line)
