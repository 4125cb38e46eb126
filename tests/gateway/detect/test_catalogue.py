from gateway.detect.catalogue import DETECTORS, OVERLAPS
from gateway.detect.detector import Detector
from tests.samples.detection import shipped


def test_every_detector_has_its_own_key_and_a_signature():
    keys = [detector.key for detector in DETECTORS]
    assert len(keys) == len(set(keys))
    assert all(isinstance(detector, Detector) for detector in DETECTORS)
    assert set(keys) == {signature.detector for signature in shipped()}


def test_overlaps_name_signatures():
    names = {signature.name for signature in shipped()}
    assert set(OVERLAPS) <= names
    assert {name for preferred in OVERLAPS.values() for name in preferred} <= names


def test_no_two_signatures_give_way_to_each_other():
    assert not [(one, other) for one, wins in OVERLAPS.items() for other in wins if one in OVERLAPS.get(other, ())]
