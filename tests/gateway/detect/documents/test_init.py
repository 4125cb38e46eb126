"""The detectors of documents, in the order they are asked."""

from gateway.detect.catalogue import DETECTORS
from gateway.detect.detector import Detector
from gateway.detect.documents import DOCUMENT_DETECTORS
from gateway.detect.signatures import load_signatures


def test_every_detector_is_asked_and_has_signatures():
    keys = [detector.key for detector in DOCUMENT_DETECTORS]
    assert len(set(keys)) == len(keys) > 4
    assert all(isinstance(detector, Detector) for detector in DOCUMENT_DETECTORS)
    assert set(DOCUMENT_DETECTORS) <= set(DETECTORS)
    bound = {signature.detector for signature in load_signatures(["signatures"])}
    assert set(keys) <= bound
