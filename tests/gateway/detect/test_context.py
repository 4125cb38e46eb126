import pytest

from gateway.detect.context import confidence
from gateway.detect.detector import View
from gateway.detect.signatures import Signature


def signature(base=0.5):
    return Signature.model_validate(
        {
            "name": "x",
            "title": {"zh": "数", "en": "Number"},
            "severity": "low",
            "detector": "x",
            "confidence": {"base": base, "with_context": 0.9},
            "context": {"near": ["Card"], "before": ["label"], "negative": ["Order"], "window_chars": 20},
            "status": "stable",
            "cases": {"find": ["1"], "ignore": ["2"]},
        }
    )


@pytest.mark.parametrize(
    ("text", "odds"),
    [
        pytest.param("#", 0.5, id="none"),
        pytest.param("CARD #", 0.9, id="near, in front"),
        pytest.param("# card", 0.9, id="near, behind"),
        pytest.param("#            card", 0, id="near, too far behind"),
        pytest.param("card                       #", 0, id="near, too far in front"),
        pytest.param("label #", 0.9, id="label"),
        pytest.param("# label", 0.5, id="label behind"),
        pytest.param("order #", 0, id="against"),
        pytest.param("# order", 0.5, id="against, behind"),
        pytest.param("order card #", 0.9, id="for and against"),
        pytest.param("name,card\n" + "x" * 40 + "\n#", 0.9, id="header of a table"),
        pytest.param("label\n" + "x" * 40 + "\n#", 0.9, id="header of a column"),
    ],
)
def test_confidence(text, odds):
    # The places too far away stand behind a first line that is no header.
    text = text if odds else "x" * 60 + "\n" + text
    at = text.index("#")
    assert confidence(signature(), View(text), at, at + 1) == (odds or (0 if "order" in text else 0.5))


def test_weak_matches_need_context():
    assert confidence(signature(), View("#"), 0, 1, weak=True) == 0
    assert confidence(signature(), View("card #"), 5, 6, weak=True) == 0.9


def test_share_is_of_the_base():
    assert confidence(signature(), View("#"), 0, 1, share=0.5) == 0.25
    assert confidence(signature(), View("card #"), 5, 6, share=0.5) == 0.9


def test_base_zero_needs_context():
    assert confidence(signature(base=0), View("#"), 0, 1) == 0
