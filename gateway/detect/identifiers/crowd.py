"""Numbers among their like: where most fail their check digit, those that pass do so by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.detect.detector import Document, View
from gateway.detect.identifiers.shape import Shape, judged
from gateway.detect.match import Match
from gateway.detect.signatures import Signature


def unsure_shapes(
    shape: Shape,
    view: View,
    index: int,
    document: Document,
    signatures: Mapping[str, Signature],
    *,
    unsure: bool = False,
) -> Iterator[Match]:
    """Matches of the shape in one view; with more failures than passes, only those that have context.

    A column of order numbers passes a Luhn check in one of ten lines, a column of cards in nearly all.
    """
    passed = failed = 0
    kept = []
    for found in view.candidates(shape.trigger, shape.pattern, reach=shape.reach):
        candidate = shape.check(found, document)
        if candidate is None:
            failed += 1
        else:
            passed += 1
            kept.append(candidate)
    for candidate in kept:
        yield from judged(candidate, view, index, signatures, unsure=unsure or failed > passed)
