"""Numbers of payment cards: the international schemes, and China UnionPay with the old cards of Chinese banks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.identifiers import checks
from gateway.detect.identifiers.bins import is_chinese, is_known
from gateway.detect.identifiers.crowd import unsure_shapes
from gateway.detect.identifiers.shape import LEFT, RIGHT, Candidate, Check, Found, Shape, plain
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

_SCHEMES = (
    ((4,), (16, 19, 13)),
    (((51, 55), (2221, 2720)), (16,)),
    ((34, 37), (15,)),
    ((6011, (644, 649), 65), (16, 17, 18, 19)),
    (((3528, 3589),), (16, 17, 18, 19)),
    ((36, 38, 39, (300, 305), 3095), (14, 16, 19)),
)
"""Visa, Mastercard, American Express, Discover, JCB, Diners: issuer prefixes and ranges, lengths (ISO/IEC 7812)."""
_ALONE = r"(?<![0-9A-Za-z])(?<![0-9A-Fa-f]-)(?<![0-9]\.)(?<![\s,;(\[]\.)"
_ENDS = r"(?![0-9A-Za-z])(?!-[0-9A-Fa-f])(?!\.[0-9])"
"""No digit, letter or decimal point beside, and no part of a UUID."""
_NO_GROUP_BEFORE, _NO_GROUP_BEHIND = "(?<![0-9][ -])", "(?![ -][0-9])"
"""Groups are all there are: no more of them beside."""
_BARE = "[2-69][0-9]{12,18}"
_GROUPED = "(?:[2-69][0-9]{3}(?P<gap>[ -])[0-9]{4}(?P=gap)[0-9]{4}(?P=gap)[0-9]{1,4}(?:(?P=gap)[0-9]{1,3})?)"
_AMEX = "(?:3[47][0-9]{2}(?P<gap>[ -])[0-9]{6}(?P=gap)[0-9]{5}|3[0689][0-9]{2}(?P<next>[ -])[0-9]{6}(?P=next)[0-9]{4})"
_BIN_TAIL = "(?:[2-69][0-9]{5}(?P<gap>[ -])[0-9]{10,13})"
_BARE_TRIGGER = Trigger(LEFT + _BARE + RIGHT)
_GROUPED_TRIGGER = Trigger(LEFT + "[2-69][0-9]{3}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{1,4}(?:[ -][0-9]{1,3})?" + RIGHT)
_AMEX_TRIGGER = Trigger(LEFT + "3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}" + RIGHT)
_BIN_TAIL_TRIGGER = Trigger(LEFT + "[2-69][0-9]{5}[ -][0-9]{10,13}" + RIGHT)
_GAPS = str.maketrans("", "", " -")


def _has_scheme(number: str) -> bool:
    return any(
        len(number) in lengths and any(_starts(number, prefix) for prefix in prefixes) for prefixes, lengths in _SCHEMES
    )


def _starts(number: str, prefix: int | tuple[int, int]) -> bool:
    low, high = prefix if isinstance(prefix, tuple) else (prefix, prefix)
    return low <= int(number[: len(str(low))]) <= high


def _payment(found: Found, _document: Document) -> Candidate | None:
    number = found[0].translate(_GAPS)
    if is_chinese(number) or not _has_scheme(number) or not checks.luhn(number):
        return None
    # 13 digits are also a time in milliseconds or an article's bar code.
    return plain(found, number, weak=len(number) == 13 or len(set(number)) == 1)


def _union(found: Found, _document: Document) -> Candidate | None:
    number = found[0].translate(_GAPS)
    if not is_chinese(number) or not checks.luhn(number) or len(set(number)) == 1:
        return None
    return plain(found, number, share=1.0 if is_known(number) else 0.75)


@dataclass(frozen=True, slots=True)
class CardDetector:
    """Issuer prefix, length, Luhn and boundaries; in a column that mostly fails Luhn, only what has context."""

    key: str
    check: Check

    def triggers(self, signatures: Mapping[str, Signature]) -> list[Trigger]:
        """Those of all ways to group a number."""
        del signatures
        return [shape.trigger for shape in self._shapes()]

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Matches in every view."""
        for index, view in enumerate(document.views):
            for shape in self._shapes():
                yield from unsure_shapes(shape, view, index, document, signatures, unsure=_is_unsure(view))

    def _shapes(self) -> tuple[Shape, ...]:
        return tuple(Shape(trigger, pattern, self.check) for trigger, pattern in _FORMS)


_FORMS = (
    (_BARE_TRIGGER, re.compile(_ALONE + _BARE + _ENDS)),
    *(
        (trigger, re.compile(_ALONE + _NO_GROUP_BEFORE + body + _ENDS + _NO_GROUP_BEHIND))
        for trigger, body in ((_GROUPED_TRIGGER, _GROUPED), (_AMEX_TRIGGER, _AMEX), (_BIN_TAIL_TRIGGER, _BIN_TAIL))
    ),
)


def _is_unsure(view: View) -> bool:
    return view.kind in {"joined", "bytes"}


PAYMENT_CARD = CardDetector("card.pan", _payment)
BANK_CARD = CardDetector("cn.bank-card", _union)
