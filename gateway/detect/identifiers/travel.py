"""Travel documents: passports, permits between the mainland and Hong Kong, Macao and Taiwan. All need context."""

from __future__ import annotations

import re

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers.shape import ALONE, ENDS, LEFT, RIGHT, Candidate, Found, Identifier, Shape, plain

_PASSPORT = (
    "(?:[EeGgDdSsPpHhKk][0-9]{8}|[Ee][A-HJ-NPQ-Za-hj-npq-z][0-9]{7}|(?:[DdSsPp][Ee]|MA|ma)[0-9]{7}|1[45][0-9]{7})"
)
"""Ordinary E and EA…, G and 14/15 before 2012; diplomatic, service, public affairs; Hong Kong H/K, Macao MA."""
_HK_MO = "(?:[Cc](?:[0-9]{8}|[A-HJ-NP-Za-hj-np-z][0-9]{7})|[Ww][0-9]{8}|[HhMm](?:[0-9]{10}|[0-9]{8}))"
"""Mainland people's permit for Hong Kong and Macao: C, W; the permit of people from there (home return): H, M."""
_TW = "(?:[Ll][0-9]{8}|[Tt][0-9]{8}|[0-9]{8}(?:[0-9]{2}(?:\\([A-Za-z]\\))?)?)"
"""Mainland people's permit for Taiwan: L, T; the permit of people from there: eight digits, two for the issue."""


_DAY = re.compile("(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def _number(found: Found, _document: Document) -> Candidate | None:
    number = found["value"].upper()
    # Eight digits that are a day of these centuries are a date.
    return None if _DAY.fullmatch(number) else plain(found, number, weak=True, person=f"id:{number}")


def _shape(body: str) -> Shape:
    return Shape(Trigger(LEFT + body + RIGHT), re.compile(rf"{ALONE}(?P<value>{body}){ENDS}"), _number)


PASSPORT = Identifier("cn.passport", (_shape(_PASSPORT),))
HK_MO_PERMIT = Identifier("cn.hk-mo-permit", (_shape(_HK_MO),))
TW_PERMIT = Identifier("cn.tw-permit", (_shape(_TW),))
