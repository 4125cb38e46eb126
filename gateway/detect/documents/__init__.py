"""Kinds of documents and classification marks."""

from __future__ import annotations

from gateway.detect.detector import Detector
from gateway.detect.documents.drawing import DrawingDetector
from gateway.detect.documents.evidence import EvidenceDetector
from gateway.detect.documents.financial import FinancialDetector
from gateway.detect.documents.lists import ListDetector
from gateway.detect.documents.markings import MarkingDetector
from gateway.detect.documents.source_code import SourceCodeDetector

DOCUMENT_DETECTORS: tuple[Detector, ...] = (
    MarkingDetector(),
    EvidenceDetector(),
    ListDetector(),
    FinancialDetector(),
    DrawingDetector(),
    SourceCodeDetector(),
)
"""Detectors of this room, in the order they run."""
