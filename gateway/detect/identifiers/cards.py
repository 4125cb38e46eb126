"""Numbers of payment cards: the international schemes, and China UnionPay with the old cards of Chinese banks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.identifiers import checks
from gateway.detect.identifiers.bins import BARE, is_chinese, is_known
from gateway.detect.identifiers.crowd import unsure_shapes
from gateway.detect.identifiers.shape import LEFT, RIGHT, Candidate, Check, Found, Shape, plain
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

_SCHEMES = (
    "4[0-9]{12}(?:[0-9]{3}(?:[0-9]{3})?)?",
    "(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}",
    "3[47][0-9]{13}",
    "(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}",
    "35(?:2[89]|[3-8][0-9])[0-9]{12,15}",
    "(?:30[0-5][0-9]|3095|3[689][0-9]{2})(?:[0-9]{10}|[0-9]{12}|[0-9]{15})",
)
"""Visa, Mastercard, American Express, Discover, JCB, Diners: issuer prefixes and lengths (ISO/IEC 7812)."""
_SCHEME = re.compile("|".join(_SCHEMES))
_ALONE = r"(?<![0-9A-Za-z])(?<![0-9A-Fa-f]-)(?<![0-9]\.)(?<![\s,;(\[]\.)"
_ENDS = r"(?![0-9A-Za-z])(?!-[0-9A-Fa-f])(?!\.[0-9])"
"""No digit, letter or decimal point beside, and no part of a UUID."""
_NO_GROUP_BEFORE, _NO_GROUP_BEHIND = "(?<![0-9][ -])", "(?![ -][0-9])"
"""Groups are all there are: no more of them beside."""
_GROUPED = "(?:[2-69][0-9]{3}(?P<gap>[ -])[0-9]{4}(?P=gap)[0-9]{4}(?P=gap)[0-9]{1,4}(?:(?P=gap)[0-9]{1,3})?)"
_AMEX = "(?:3[47][0-9]{2}(?P<gap>[ -])[0-9]{6}(?P=gap)[0-9]{5}|3[0689][0-9]{2}(?P<next>[ -])[0-9]{6}(?P=next)[0-9]{4})"
_BIN_TAIL = "(?:[2-69][0-9]{5}(?P<gap>[ -])[0-9]{10,13})"
_GROUPED_TRIGGER = Trigger(LEFT + "[2-69][0-9]{3}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,4}(?:[ -][0-9]{1,3})?" + RIGHT)
_AMEX_TRIGGER = Trigger(LEFT + "3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}" + RIGHT)
_BIN_TAIL_TRIGGER = Trigger(LEFT + "[2-69][0-9]{5}[ -][0-9]{10,13}" + RIGHT)
_GAPS = str.maketrans("", "", " -")


def _payment(found: Found, _document: Document) -> Candidate | None:
    number = found[0].translate(_GAPS)
    if is_chinese(number) or not _SCHEME.fullmatch(number) or not checks.luhn(number):
        return None
    # 13 digits are also a time in milliseconds or an article's bar code, 17 to 19 an identifier of 63 bits.
    return plain(found, number, weak=len(number) == 13 or len(number) > 16 or len(set(number)) == 1)


def _union(found: Found, _document: Document) -> Candidate | None:
    number = found[0].translate(_GAPS)
    if not is_chinese(number) or not checks.luhn(number) or len(set(number)) == 1:
        return None
    return plain(found, number, share=1.0 if is_known(number) else 0.75)


@dataclass(frozen=True)
class CardDetector:
    """Issuer prefix, length, Luhn and boundaries; in a column that mostly fails Luhn, only what has context."""

    key: str
    bare: str
    """Pattern of an unbroken number, as narrow as the fast pass can be."""
    check: Check

    def triggers(self, signatures: Mapping[str, Signature]) -> list[Trigger]:
        """Those of all ways to group a number."""
        del signatures
        return [shape.trigger for shape in self._shapes]

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Matches in every view."""
        for index, view in enumerate(document.views):
            for shape in self._shapes:
                yield from unsure_shapes(shape, view, index, document, signatures, unsure=_is_unsure(view))

    @cached_property
    def _shapes(self) -> tuple[Shape, ...]:
        bare = Trigger(f"{LEFT}(?:{self.bare}){RIGHT}"), re.compile(f"{_ALONE}(?:{self.bare}){_ENDS}")
        return tuple(Shape(trigger, pattern, self.check) for trigger, pattern in (bare, *_GROUPS))


_GROUPS = tuple(
    (trigger, re.compile(_ALONE + _NO_GROUP_BEFORE + body + _ENDS + _NO_GROUP_BEHIND))
    for trigger, body in ((_GROUPED_TRIGGER, _GROUPED), (_AMEX_TRIGGER, _AMEX), (_BIN_TAIL_TRIGGER, _BIN_TAIL))
)


def _is_unsure(view: View) -> bool:
    return view.kind in {"joined", "bytes"}


PAYMENT_CARD = CardDetector("card.pan", "|".join(_SCHEMES), _payment)
BANK_CARD = CardDetector("cn.bank-card", BARE, _union)
