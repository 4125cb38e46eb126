"""Chinese telephone numbers: mobiles and fixed lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import ClassVar

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers.shape import (
    ALONE,
    ENDS,
    LEFT,
    RIGHT,
    Candidate,
    Found,
    Identifier,
    Shape,
    judged,
    plain,
)
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

_PREFIXES = (
    "130 131 132 133 134 135 136 137 138 139 145 146 147 148 149 150 151 152 153 155 156 157 158 159 162 165 166 167 "
    "170 171 172 173 174 175 176 177 178 180 181 182 183 184 185 186 187 188 189 190 191 192 193 195 196 197 198 199"
)
_MOBILE_PREFIXES = frozenset(_PREFIXES.split())
"""First three digits given to operators (MIIT numbering plan)."""
_POWER = 1 << 20
"""Sizes in bytes are multiples of it, telephone numbers are not."""
_COUNTRY = r"(?:(?:\+|00)86[ \-]?|\(\+?86\)[ ]?|86[ \-]?)?"
_MOBILE = (
    r"1[3-9][0-9](?:[0-9]{8}|[ \-][0-9]{4}[ \-]?[0-9]{4}|\.[0-9]{4}\.[0-9]{4}|[0-9]{4}[ \-][0-9]{4}"
    r"|[0-9]{2}[ \-][0-9]{6}|[0-9]{3}[ \-][0-9]{5}|[ \-][0-9]{3}[ \-][0-9]{5})"
)
"""Plain, 3-4-4, 7-4, 5-6, 6-5 and 3-3-5; one pattern with the dot where it is usual costs a third less on decimals."""
_AREAS = r"(?:10|2[0-57-9]|3[1-57-9][0-9]|4[1-79][0-9]|5[1-9][0-9]|6[136][0-9]|7[0-79][0-9]|8[13578][0-9]|9[0-9]{2})"
"""Area codes without the leading zero, by their first digits."""
_AREA = rf"(?:(?:\(|（)0{_AREAS}(?:\)|）)[ ]?|0{_AREAS}[ \-]|(?:\+|00)86[ \-]?{_AREAS}[ \-])"
_LINE = rf"{_AREA}[2-8][0-9]{{2,3}}[ \-]?[0-9]{{4}}"
_LINE_ALONE = rf"{_AREA}(?:[2-8][0-9]{{6,7}}(?!-[0-9]{{5}})|[2-8][0-9]{{2,3}}[ \-][0-9]{{4}}(?![ \-][0-9]))"
"""Behind a solid number an extension may stand; in halves, one more group makes it a row of numbers."""
_BARE_LINE = rf"0{_AREAS}[2-8][0-9]{{6,7}}"
_NUMBER_AHEAD, _NUMBER_BEHIND = re.compile("[0-9][ ,]-?$|[ ,]-$"), re.compile("[ ,]-?[0-9]")
_MOST_OTHERS = 100_000
"""Numbers of a mobile's length that are counted per text."""
_NO_DIGIT = re.compile(r"[^0-9]")


def _mobile(found: Found, _document: Document) -> Candidate | None:
    number = _NO_DIGIT.sub("", found["value"])
    if number[:3] not in _MOBILE_PREFIXES:
        return None
    weak = int(number) % _POWER == 0 or (" " in found["value"] and _is_row(found))
    return plain(found, number, weak=weak, person=f"tel:{number}")


def _is_row(found: Found) -> bool:
    """Whether more numbers stand beside, so that the blanks may separate numbers: drawings, tables."""
    start, end = found.span()
    ahead, behind = found.string[max(0, start - 3) : start], found.string[end : end + 3]
    return bool(_NUMBER_AHEAD.search(ahead) or _NUMBER_BEHIND.match(behind))


def _landline(found: Found, _document: Document) -> Candidate | None:
    digits = _NO_DIGIT.sub("", found[0])
    digits = digits.removeprefix("00").removeprefix("86") if not re.match(r"[(（]?0[1-9]", found[0]) else digits[1:]
    return plain(found, f"0{digits}") if 9 <= len(digits) <= 11 else None


def _bare_landline(found: Found, _document: Document) -> Candidate | None:
    return plain(found, found[0], weak=True) if 10 <= len(found[0]) <= 12 else None


class MobileDetector:
    """Numbers with a prefix that was given out; bare ones in a column of other numbers of their length need context."""

    key = "cn.mobile"
    _shape = Shape(
        Trigger(f"(?:^|[^0-9A-Za-z]|86){_MOBILE}{RIGHT}"),
        re.compile(rf"{ALONE}(?<![0-9A-Fa-f]-){_COUNTRY}(?P<value>{_MOBILE}){ENDS}(?!-[0-9])"),
        _mobile,
    )
    _others: ClassVar[dict[int, Trigger]] = {
        11: Trigger(f"{LEFT}(?:1[0-2]|[2-9][0-9])[0-9]{{9}}{RIGHT}", most=_MOST_OTHERS),
        13: Trigger(f"{LEFT}(?:[0-79][0-9]|8[0-57-9])[0-9]{{11}}{RIGHT}", most=_MOST_OTHERS),
    }
    """Digits as many as in a bare number, or with its country in front, that are none."""

    def triggers(self, signatures: Mapping[str, Signature]) -> list[Trigger]:
        """That of its form; and numbers of its length, which only count."""
        del signatures
        return [self._shape.trigger, *self._others.values()]

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Numbers in every view."""
        for index, view in enumerate(document.views):
            found = [
                (len(place[0]) if place[0].isdigit() else 0, candidate)
                for place in view.candidates(self._shape.trigger, self._shape.pattern, reach=self._shape.reach)
                if (candidate := _mobile(place, document))
            ]
            alike = Counter(length for length, _ in found)
            crowded = {length for length, other in self._others.items() if len(view.ends(other)) > alike[length]}
            for length, candidate in found:
                unsure = view.kind == "joined" or length in crowded
                yield from judged(candidate, view, index, signatures, unsure=unsure)


MOBILE = MobileDetector()
LANDLINE = Identifier(
    "cn.landline",
    (
        Shape(
            Trigger(_LINE + RIGHT),
            re.compile(rf"{ALONE}(?<![0-9A-Fa-f][\-/ ]){_LINE_ALONE}{ENDS}"),
            _landline,
        ),
        Shape(Trigger(LEFT + _BARE_LINE + RIGHT), re.compile(ALONE + _BARE_LINE + ENDS), _bare_landline),
    ),
)
