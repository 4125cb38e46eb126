"""Documents for detectors of kinds of documents: texts read as the engine reads them, shipped or made-up signatures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gateway.detect.detector import Detector, Document, View
from gateway.detect.fold import fold
from gateway.detect.match import Match
from gateway.detect.matcher import Matcher
from gateway.detect.signatures import Signature, load_signatures
from gateway.parts import Part

SIGNATURES = Path(__file__).parents[2] / "signatures"


@cache
def shipped() -> dict[str, Signature]:
    """Every signature of the product by name."""
    return {signature.name: signature for signature in load_signatures([str(SIGNATURES)])}


def made_up(detector: str, terms: dict[str, list[str]], thresholds: dict[str, float]) -> Signature:
    """A signature with these terms and thresholds."""
    return Signature.model_validate(
        {
            "name": "test.signature",
            "title": {"zh": "测试", "en": "Test"},
            "severity": "low",
            "detector": detector,
            "confidence": {"base": 0.5, "with_context": 0.9},
            "status": "experimental",
            "terms": terms,
            "thresholds": thresholds,
            "cases": {"find": ["a"], "ignore": ["b"]},
        }
    )


def found(
    detector: Detector,
    signature: Signature,
    *pages: str,
    name: str = "",
    data: bytes = b"",
    extras: tuple[tuple[str, str], ...] = (),
) -> list[Match]:
    """Matches in a document of these pages; `extras` are (kind, text) of further readings."""
    own = {signature.name: signature}
    matcher = Matcher(list(detector.triggers(own)))
    part = Part(name, name, len(data), "0" * 64, "", "application/octet-stream", data)
    views = [_view(matcher, text, "", "text") for text in pages] + (
        [_view(matcher, name, "name", "text")] if name else []
    )
    document = Document(part, tuple(views), tuple(_view(matcher, text, "", kind) for kind, text in extras))
    return list(detector.find(document, own))


def _view(matcher: Matcher, text: str, location: str, kind: str) -> View:
    text = fold(text)
    return View(text, location, kind, matcher.scan_text(text).ends)
