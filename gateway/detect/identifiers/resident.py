"""Resident identity number of the People's Republic of China, 18 characters (GB 11643-1999) and the 15 digits before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers import checks
from gateway.detect.identifiers.crowd import unsure_shapes
from gateway.detect.identifiers.shape import ALONE, ENDS, LEFT, RIGHT, Candidate, Found, Shape, judged, plain
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

_PROVINCES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91"
)
PROVINCES = frozenset(_PROVINCES.split())
"""First two digits (GB/T 2260); 81–83 are residence permits of HK, MO and TW people, 91 the foreigners' card of 2023.
The next four are not checked: counties are abolished and founded, numbers stay."""
_FIRST_YEAR = 1900
"""Earlier years of birth are historical numbers and samples; they count with context only."""

_GAP = r"[ \-.]?"
_X = "(?:[0-9Xx]|×|Х|х|Χ|Ⅹ|ⅹ)"
"""Check character; multiplication sign, Cyrillic, Greek and Roman letters are typed for X."""
_DATE = "(?:0[1-9]|1[0-2]){gap}(?:0[1-9]|[12][0-9]|3[01])"
_LONG = f"[1-9][0-9]{_GAP}[0-9]{_GAP}[0-9]{_GAP}[0-9]{{2}}{_GAP}(?:18|19|20)[0-9]{{2}}{_GAP}{_DATE.format(gap=_GAP)}{_GAP}[0-9]{{3}}{_GAP}"
_QUADS = "[1-9][0-9]{3}[ -][0-9]{2}(?:18|19|20)[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]"
_SHORT = f"[1-9][0-9]{{7}}{_DATE.format(gap='')}[0-9]{{3}}"
_PLACES = ("[1-9]", *["[0-9]"] * 5, "[12]", "[089]", *["[0-9]"] * 2, "[01]", "[0-9]", "[0-3]", *["[0-9]"] * 4, _X)
_BREAK = r"(?:[ \t,/|;]|、|\r?\n[ \t]{0,4})"
_BROKEN = f"(?:{'|'.join(''.join(_PLACES[:at]) + _BREAK + ''.join(_PLACES[at:]) for at in range(1, len(_PLACES)))})"
"""One break anywhere: a line that was wrapped, a cell that was split, or somebody who hopes that nobody looks."""
_BROKEN_SHARE = 0.8
_NO_DIGIT = re.compile(r"[^0-9]")


def _long(found: Found, document: Document) -> Candidate | None:
    digits = _NO_DIGIT.sub("", found[0][:-1])
    last = found[0][-1]
    number = digits + (last if last.isdigit() else "X")
    born = checks.day(number[6:14])
    if number[:2] not in PROVINCES or born is None or born > document.today or not checks.resident_id(number):
        return None
    return plain(found, number, weak=born.year < _FIRST_YEAR, person=f"id:{number}")


def _broken(found: Found, document: Document) -> Candidate | None:
    whole = _long(found, document)
    return whole and replace(whole, share=_BROKEN_SHARE)


def _short(found: Found, document: Document) -> Candidate | None:
    number = found[0]
    born = checks.day(f"19{number[6:12]}")
    if number[:2] not in PROVINCES or born is None or born > document.today:
        return None
    # Written out it is the same person's 18-character number.
    long = f"{number[:6]}19{number[6:]}"
    check = next(char for char in "0123456789X" if checks.resident_id(long + char))
    return plain(found, long + check, weak=True, person=f"id:{long}{check}")


class ResidentIdDetector:
    """Region, day of birth, check character and boundaries; the short form only with context."""

    key = "cn.resident-id"
    _checked = (
        Shape(Trigger(LEFT + _LONG + _X + RIGHT), re.compile(ALONE + _LONG + _X + ENDS), _long),
        Shape(Trigger(LEFT + _QUADS + _X + RIGHT), re.compile(ALONE + _QUADS + _X + ENDS), _long),
        Shape(Trigger(LEFT + _BROKEN + RIGHT), re.compile(ALONE + _BROKEN + ENDS), _broken),
    )
    _unchecked = Shape(Trigger(LEFT + _SHORT + RIGHT), re.compile(ALONE + _SHORT + ENDS), _short)

    def triggers(self, signatures: Mapping[str, Signature]) -> list[Trigger]:
        """Those of all forms."""
        del signatures
        return [shape.trigger for shape in (*self._checked, self._unchecked)]

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Numbers; in a table of numbers that mostly fail the check, only those with context."""
        for index, view in enumerate(document.views):
            for shape in self._checked:
                yield from unsure_shapes(shape, view, index, document, signatures)
            for candidate in self._unchecked.candidates(view, document):
                yield from judged(candidate, view, index, signatures)
