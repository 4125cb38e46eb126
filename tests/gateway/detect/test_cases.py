import pytest

from gateway.detect.cases import CaseResult, run_cases
from gateway.detect.detector import words
from gateway.detect.engine import Engine, build_engine
from gateway.detect.match import Match
from gateway.detect.signatures import Signature
from gateway.limits import Limits
from tests.samples.detection import SIGNATURES, TODAY, shipped


class Words:
    key = "x.word"

    def triggers(self, _signatures):
        return [words("one", "two", "boom")]

    def find(self, document, signatures):
        for index, view in enumerate(document.views):
            for name in signatures:
                for word in ("one", "two"):
                    if word in view.text:
                        at = view.text.index(word)
                        yield Match(name, at, at + 3, word, 0.5, "", view.location, index)
            if "boom" in view.text:
                raise RuntimeError


def signature(find, ignore, **more):
    return Signature.model_validate(
        {
            "name": "x.word",
            "title": {"zh": "词", "en": "Word"},
            "severity": "low",
            "detector": "x.word",
            "confidence": {"base": 0.5, "with_context": 0.5},
            "status": "stable",
            "cases": {"find": find, "ignore": ignore},
            "file": "x.yaml",
            **more,
        }
    )


def test_results_name_places_and_counts():
    own = signature(
        ["one", {"text": "one two", "count": 2}, "zero", "one boom"],
        ["x", "two", "\ud800"],
        case_lines={"find": (5, 6, 7, 8), "ignore": (10, 11)},
        line=1,
    )
    results = run_cases(Engine([own], [Words()], limits=Limits()), [own], today=TODAY)
    assert results == [
        CaseResult("x.word", 0, 1, 1, True, "x.yaml", 5),
        CaseResult("x.word", 1, 2, 2, True, "x.yaml", 6),
        CaseResult("x.word", 2, 1, 0, False, "x.yaml", 7),
        CaseResult("x.word", 3, 1, 1, False, "x.yaml", 8),
        CaseResult("x.word", 0, 0, 0, True, "x.yaml", 10),
        CaseResult("x.word", 1, 0, 1, False, "x.yaml", 11),
        CaseResult("x.word", 2, 0, 0, True, "x.yaml", 1),
    ]


IDENTIFIERS = [signature for signature in shipped() if "/identifiers/" in signature.file]


@pytest.fixture(scope="module")
def engine():
    return build_engine([SIGNATURES], limits=Limits())


@pytest.mark.parametrize("own", IDENTIFIERS, ids=lambda own: own.name)
def test_shipped_cases(engine, own):
    results = run_cases(engine, [own], today=TODAY)
    assert [(result.line, result.expected, result.found) for result in results if not result.ok] == []
