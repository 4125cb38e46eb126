"""Unified social credit code of Chinese organisations (GB 32100-2015)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers import checks
from gateway.detect.identifiers.crowd import unsure_shapes
from gateway.detect.identifiers.shape import ALONE, ENDS, LEFT, RIGHT, Candidate, Found, Shape, plain
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

_DEPARTMENTS = frozenset("123456789ANY")
"""First character: the authority that registered it."""
_CHAR = "[0-9A-HJ-NP-RTUWXY]"
_PROVINCE = "(?:1[0-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
"""First two digits of the region; 10 is that of bodies registered centrally."""
_BODY = f"[1-9ANY]{_CHAR}{_PROVINCE}[0-9]{{4}}{_CHAR}{{10}}"


def _code(found: Found, _document: Document) -> Candidate | None:
    code = found[0].upper()
    if code[0] not in _DEPARTMENTS or not checks.uscc(code):
        return None
    return plain(found, code, weak=found[0] != code)


class UsccDetector:
    """Authority, region and both check characters; in a column of numbers that mostly fail, only what has context."""

    key = "cn.uscc"
    _shape = Shape(Trigger(LEFT + _BODY + RIGHT, caseless=True), re.compile(ALONE + _BODY + ENDS, re.IGNORECASE), _code)

    def triggers(self, signatures: Mapping[str, Signature]) -> list[Trigger]:
        """That of its one form."""
        del signatures
        return [self._shape.trigger]

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """Codes in every view."""
        for index, view in enumerate(document.views):
            yield from unsure_shapes(self._shape, view, index, document, signatures)
