"""Detectors and engine as tests call them: with the shipped signatures, on plain texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from gateway.detect.detector import Detector, Document
from gateway.detect.match import Match
from gateway.detect.reading import Reader
from gateway.detect.signatures import Signature, load_signatures
from gateway.parts import Part, Text

SIGNATURES = str(Path(__file__).parents[2] / "signatures")
"""The shipped folder."""
TODAY = date(2026, 11, 1)
"""The day on which tests look at numbers that carry a date."""


def part(*texts: str, data: bytes = b"", name: str = "file.bin", location: str = "") -> Part:
    """A part with these runs of text; without any, one that gave none."""
    data = data or "\n".join(texts).encode(errors="surrogatepass")
    runs = tuple(Text(text, location) for text in texts)
    return Part(name, name, len(data), hashlib.sha256(data).hexdigest(), "", "", data, runs)


@cache
def shipped() -> tuple[Signature, ...]:
    """All shipped signatures."""
    return load_signatures([SIGNATURES])


@cache
def _own(key: str) -> Mapping[str, Signature]:
    return {signature.name: signature for signature in shipped() if signature.detector == key}


@cache
def _reader(detector: Detector) -> Reader:
    return Reader(tuple(detector.triggers(_own(detector.key))))


def document(detector: Detector, *texts: str, data: bytes = b"") -> Document:
    """What the detector is given for these texts."""
    return _reader(detector).document(part(*texts, data=data), today=TODAY)[0]


def matches(detector: Detector, *texts: str, data: bytes = b"") -> list[Match]:
    """What the detector finds in these texts, with its shipped signatures."""
    return list(detector.find(document(detector, *texts, data=data), _own(detector.key)))


def values(detector: Detector, *texts: str) -> set[str]:
    """Canonical values the detector finds."""
    return {match.value for match in matches(detector, *texts)}


def odds(detector: Detector, text: str) -> float:
    """Confidence of the surest match; 0 for none."""
    return max((match.confidence for match in matches(detector, text)), default=0.0)
