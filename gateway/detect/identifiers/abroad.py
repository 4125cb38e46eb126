"""Identifiers of other countries: International Bank Account Number, United States Social Security number."""

from __future__ import annotations

import re

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers import checks
from gateway.detect.identifiers.shape import ALONE, ENDS, LEFT, RIGHT, Candidate, Found, Identifier, Shape, plain

_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
"""Country → characters of its IBAN (SWIFT IBAN registry)."""
_IBAN = "[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)"
_SSN = "[0-9]{3}-[0-9]{2}-[0-9]{4}"
_SPACED_SSN = "[0-9]{3} [0-9]{2} [0-9]{4}"
_BARE_SSN = "[0-9]{9}"
_FIRST_TAXPAYER_AREA = 900
"""Areas from 900 are taxpayer numbers, never given out as SSN; nor are 000 and 666."""


def _iban(found: Found, _document: Document) -> Candidate | None:
    written = found[0]
    length = _LENGTHS.get(written[:2], 0)
    # Words behind a spaced number look like more groups of it, so the country says where it ends.
    size = next((at for at in range(len(written) + 1) if len(written[:at].replace(" ", "")) == length), 0)
    code = written[:size].replace(" ", "")
    ends = size == len(written) or written[size] == " "
    if not code or not ends or not checks.mod_97(code[4:] + code[:4]):
        return None
    return Candidate(code, found.start(), found.start() + size)


def _ssn(found: Found, _document: Document) -> Candidate | None:
    number = re.sub("[- ]", "", found[0])
    area, group, serial = int(number[:3]), number[3:5], number[5:]
    if area in {0, 666} or area >= _FIRST_TAXPAYER_AREA or group == "00" or serial == "0000":
        return None
    return plain(found, number, weak="-" not in found[0], person=f"id:{number}")


IBAN = Identifier(
    "iban",
    (
        Shape(
            Trigger(f"{LEFT}[A-Z]{{2}}[0-9]{{2}} ?[A-Z0-9]{{4}} ?[A-Z0-9]{{4}}"),
            re.compile(ALONE + _IBAN + "(?![0-9A-Za-z])"),
            _iban,
        ),
    ),
)
SSN = Identifier(
    "us.ssn",
    tuple(
        Shape(Trigger(LEFT + body + RIGHT), re.compile(rf"{ALONE}(?<![0-9][- ]){body}{ENDS}(?!-[0-9])"), _ssn)
        for body in (_SSN, _SPACED_SSN, _BARE_SSN)
    ),
)
