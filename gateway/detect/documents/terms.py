"""Words as people list them in a signature file → triggers for the fast pass and patterns for the second look."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from gateway.detect.detector import Document, Trigger, View, literal_pattern
from gateway.detect.signatures import Signature

GAP_CHARS = 4
"""Most blanks where a term has one: `甲 方` is written with up to four to fill a form's line."""


BLANK = r"[ \t\u3000\xa0]"
"""Character class of a blank inside a line; for `re` only."""
_BLANKS = f"(?: |\t|\u3000){{0,{GAP_CHARS}}}"
WIDE_PUNCTUATION = dict(zip("():,", "（）：，", strict=True))
"""ASCII punctuation → its wide form; prose in a view keeps the width it was written in."""


def fold(text: str) -> str:
    """The text with compatibility forms folded: full-width punctuation is ASCII; not of the same length.

    >>> fold("甲方（盖章）：")
    '甲方(盖章):'
    """
    return unicodedata.normalize("NFKC", text)


def term_pattern(term: str) -> str:
    r"""Pattern of one folded term, good for hyperscan and for `re`; a blank stands for some blanks.

    Between characters outside ASCII the blank may be missing, because Chinese has no word spaces.

    >>> term_pattern("甲 方")
    '甲(?: |\t|\u3000){0,4}方'
    >>> term_pattern("Party A")
    'Party\\s{1,4}A'
    """
    pieces = term.split(" ")
    out = _literal(pieces[0])
    for before, after in pairwise(pieces):
        chinese = bool(before) and bool(after) and not before[-1].isascii() and not after[0].isascii()
        out += (_BLANKS if chinese else f"\\s{{1,{GAP_CHARS}}}") + _literal(after)
    return out


def _literal(text: str) -> str:
    return "".join(
        f"(?:{literal_pattern(char)}|{WIDE_PUNCTUATION[char]})" if char in WIDE_PUNCTUATION else literal_pattern(char)
        for char in text
    )


@lru_cache(maxsize=4096)
def trigger(term: str) -> Trigger:
    """The trigger of one term as written; occurs at most once, ASCII letters in both cases."""
    folded = fold(term)
    return Trigger(term_pattern(folded), caseless=True, once=True)


def triggers(terms: Mapping[str, Iterable[str]]) -> Iterator[Trigger]:
    """Triggers of every term of a signature."""
    for group in terms.values():
        for term in group:
            yield trigger(term)


@lru_cache(maxsize=512)
def _by_trigger(terms: tuple[str, ...]) -> dict[Trigger, str]:
    return {trigger(term): term for term in terms}


def present(terms: tuple[str, ...], woken: set[Trigger]) -> list[str]:
    """Those of `terms` whose triggers are among `woken`, in the order of `terms`."""
    known = _by_trigger(terms)
    # Few triggers wake in a text, and a signature has hundreds of terms.
    found = known.keys() & woken
    return [term for woke, term in known.items() if woke in found] if found else []


_WEIGHTS: dict[str, tuple[Signature, Mapping[Trigger, float]]] = {}
"""Signature's name → the signature it was made for, and what each of its triggers can add."""


def most(signature: Signature, woken: Collection[Trigger]) -> float:
    """The most that the terms of a signature can weigh in a text in which these triggers woke; less than 0 is left out."""
    kept = _WEIGHTS.get(signature.name)
    if kept is None or kept[0] is not signature:
        weights: dict[Trigger, float] = {}
        for group, terms in signature.terms.items():
            for one in {trigger(term) for term in terms}:
                weights[one] = weights.get(one, 0.0) + max(0.0, signature.thresholds.get(group, 0.0))
        kept = _WEIGHTS[signature.name] = signature, weights
    known = kept[1]
    return sum([known[one] for one in woken if one in known])


def readable(document: Document) -> list[tuple[int, View]]:
    """The readings a document is judged by, with their index: its pages, and text hidden in base64 or in bytes."""
    pages = len(document.pages)
    return [
        (index, view) for index, view in enumerate(document.views) if index < pages or view.kind in {"base64", "bytes"}
    ]


def woken_by(document: Document) -> set[Trigger]:
    """Every trigger that occurs in a readable view of the document."""
    return set().union(*(view.hits for _, view in readable(document)))


_LEFT = r"(?-i:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
_RIGHT = r"(?-i:(?![a-z])(?!(?<=[A-Z])[A-Z]))"
"""Where an English word begins and ends, also in `customer_name`, `customerName` and `CUSTOMER2`."""


@lru_cache(maxsize=512)
def any_of(terms: tuple[str, ...]) -> str:
    """One group of patterns for `compiled`, longest term first; English terms match as whole words.

    >>> [compiled(any_of(("Contract", "甲方"))).search(text) is not None for text in ("contract_no", "Contractor", "甲方")]
    [True, False, True]
    """
    return f"(?:{'|'.join(bounded(fold(term)) for term in sorted(terms, key=lambda term: (-len(term), term)))})"


def bounded(term: str) -> str:
    """Pattern of one folded term as a whole word."""
    left = _LEFT if term[0].isascii() and term[0].isalnum() else ""
    right = _RIGHT if term[-1].isascii() and term[-1].isalnum() else ""
    return left + term_pattern(term) + right


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern over lines, ASCII and other letters in both cases."""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def canonical(text: str) -> str:
    """A term as it was found, without blanks and in one case, so that all ways to write it are one value.

    >>> canonical("Party  A"), canonical("甲 方")
    ('partya', '甲方')
    """
    return "".join(text.split()).casefold()
