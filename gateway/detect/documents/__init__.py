"""Kinds of documents and classification marks."""

from __future__ import annotations

from gateway.detect.detector import Detector
from gateway.detect.documents.evidence import EvidenceDetector
from gateway.detect.documents.lists import ListDetector
from gateway.detect.documents.markings import MarkingDetector

DOCUMENT_DETECTORS: tuple[Detector, ...] = (MarkingDetector(), EvidenceDetector(), ListDetector())
"""Detectors of this room, in the order they run."""
