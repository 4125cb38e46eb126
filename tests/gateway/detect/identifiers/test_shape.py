import re

import pytest

from gateway.detect.detector import Document, Trigger, View
from gateway.detect.identifiers.shape import ALONE, ENDS, LEFT, RIGHT, Candidate, Identifier, Shape, judged, plain
from gateway.detect.matcher import Matcher
from gateway.detect.signatures import Signature
from tests.samples.detection import TODAY, part


def signature(name="x.number", base=0.5):
    return Signature.model_validate(
        {
            "name": name,
            "title": {"zh": "数", "en": "Number"},
            "severity": "low",
            "detector": "x.number",
            "confidence": {"base": base, "with_context": 0.9},
            "context": {"near": ["number"]},
            "status": "stable",
            "cases": {"find": ["1"], "ignore": ["2"]},
        }
    )


def even(found, _document):
    return plain(found, weak=found[0] == "22", person="id:" + found[0]) if int(found[0]) % 2 == 0 else None


TRIGGER = Trigger(f"{LEFT}[0-9]{{2}}{RIGHT}")
IDENTIFIER = Identifier("x.number", (Shape(TRIGGER, re.compile(ALONE + "[0-9]{2}" + ENDS), even, reach=8),))


def found(text, kind="text", own=None):
    view = View(text, "here", kind, Matcher([TRIGGER]).scan_text(text).ends)
    own = own or {"x.number": signature()}
    return list(IDENTIFIER.find(Document(part(), (view,), (), TODAY), own))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("44 46", ["44", "46"], id="both"),
        pytest.param("45", [], id="check fails"),
        pytest.param("a44", [], id="letter in front"),
        pytest.param("44a", [], id="letter behind"),
        pytest.param("0.44", [], id="decimals"),
        pytest.param("44.5", [], id="decimal point behind"),
        pytest.param("44.", ["44"], id="end of a sentence"),
        pytest.param("22", [], id="weak without context"),
        pytest.param("number 22", ["22"], id="weak with context"),
        pytest.param("数44字", ["44"], id="Han characters beside"),
    ],
)
def test_find(text, values):
    assert [match.value for match in found(text)] == values


def test_match_says_where_and_who():
    (match,) = found("x 44")
    assert (match.signature, match.start, match.end, match.location, match.view) == ("x.number", 2, 4, "here", 0)
    assert (match.person, match.confidence) == ("id:44", 0.5)


def test_joined_digits_need_context():
    assert found("44", kind="joined") == []
    assert [match.value for match in found("number 44", kind="joined")] == ["44"]


def test_every_signature_of_the_detector_is_judged():
    own = {"x.number": signature(base=0), "x.other": signature("x.other")}
    assert [match.signature for match in found("44", own=own)] == ["x.other"]


def test_plain_takes_the_named_group():
    group = re.search("a(?P<value>b)c", "abc")
    whole = re.search("abc", "abc")
    assert plain(group) == Candidate("b", 1, 2)
    assert plain(whole, "B") == Candidate("B", 0, 3)


def test_share_lowers_the_base_only():
    view = View("44 number 46")
    own = {"x.number": signature()}
    candidate = Candidate("44", 0, 2, share=0.5)
    assert [match.confidence for match in judged(candidate, View("44"), 0, own)] == [0.25]
    assert [match.confidence for match in judged(candidate, view, 0, own)] == [0.9]
    assert list(judged(candidate, View("44"), 0, own, unsure=True)) == []


def test_triggers_are_those_of_the_shapes():
    assert list(IDENTIFIER.triggers({})) == [TRIGGER]
