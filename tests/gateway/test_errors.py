import pytest

from gateway import errors
from gateway.errors import (
    ConfigError,
    ContentError,
    DetectorError,
    EncryptedError,
    FrameError,
    InspectorError,
    LimitError,
    MalformedError,
    Problem,
    RecordError,
    SluiceError,
    StartError,
    StoreError,
    StoreFull,
    UnsupportedError,
)

param = pytest.param


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        param(ContentError(), "unreadable", "", id="content"),
        param(
            LimitError("max_depth", allowed=10, actual=11),
            "too-large",
            "max_depth: 11 is over the allowed 10",
            id="limit",
        ),
        param(
            LimitError("inspect_s", allowed=0.5, actual=1.25),
            "too-large",
            "inspect_s: 1.25 is over the allowed 0.5",
            id="limit in fractions",
        ),
        param(MalformedError("zip", "no end record"), "malformed", "zip: no end record", id="malformed"),
        param(EncryptedError("zip-aes-256"), "encrypted", "encrypted with zip-aes-256", id="encrypted"),
        param(
            UnsupportedError("application/x-rar"), "unsupported", "no reader for application/x-rar", id="unsupported"
        ),
        param(
            DetectorError("cn.mobile", "ValueError"),
            "detector-failed",
            "detector cn.mobile failed with ValueError",
            id="detector",
        ),
    ],
)
def test_what_could_not_be_read_has_a_reason_and_a_sentence(error, reason, text):
    assert (error.reason, str(error)) == (reason, text)


def test_reasons_are_told_apart():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ContentError)]

    assert len({kind.reason for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        param(
            LimitError("max_depth", allowed=10, actual=11),
            {"limit": "max_depth", "allowed": 10, "actual": 11},
            id="limit",
        ),
        param(MalformedError("zip", "short"), {"what": "zip", "why": "short"}, id="malformed"),
        param(EncryptedError("ole-rc4"), {"scheme": "ole-rc4"}, id="encrypted"),
        param(UnsupportedError("image/x-dwg"), {"media_type": "image/x-dwg"}, id="unsupported"),
        param(DetectorError("iban", "KeyError"), {"detector": "iban", "kind": "KeyError"}, id="detector"),
        param(InspectorError("busy"), {"reason": "busy"}, id="inspector"),
        param(StoreError("closed"), {"reason": "closed"}, id="store"),
        param(StoreFull("disk"), {"reason": "full", "bound": "disk"}, id="full store"),
        param(FrameError(1002, "masking"), {"code": 1002, "why": "masking"}, id="frame"),
    ],
)
def test_facts_are_attributes(error, facts):
    assert {name: getattr(error, name) for name in facts} == facts


def test_config_error_sorts_its_problems_by_place():
    error = ConfigError([Problem("b.yaml", 2, "late"), Problem("a.yaml", 10, "ten"), Problem("a.yaml", 9, "nine")])

    assert str(error) == "a.yaml:9: nine\na.yaml:10: ten\nb.yaml:2: late"
    assert error.problems[0] == Problem("a.yaml", 9, "nine")


def test_every_error_of_ours_is_a_sluice_error():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert all(issubclass(kind, SluiceError) for kind in kinds)
    assert {RecordError, StartError} <= set(kinds)


def test_the_inspector_says_why_it_gave_no_answer():
    assert str(InspectorError("timeout")) == "inspector: timeout"
