"""Source of programs."""

import time

import pytest

from gateway.detect.documents.source_code import SourceCodeDetector
from tests.samples.cases import cases_of
from tests.samples.documents import found, made_up, shipped

DETECTOR = SourceCodeDetector()
THRESHOLDS = {"declarations": 3, "kinds": 2, "lines": 3, "share": 0.4}
CODE = "import os\ndef a():\n    return 1\nclass B:\n    pass\n"
C = "#include <a.h>\nint a(void)\n{\n    return 1;\n}\nint b(int c) {\n    return c;\n}\n"


@pytest.mark.parametrize(("name", "text", "count"), cases_of("doc.source-code"))
def test_cases_of_the_shipped_signature(name: str, text: str, count: int) -> None:
    assert len({match.value for match in found(DETECTOR, shipped()[name], text)}) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (C, 0.9),
        (C + "prose\n" * 6, 0.5),
        (C + "prose\n" * 20, None),
        ("package a;\nimport b;\nimport c;\n", None),
        ("if (a) {\n}\nfor (;;) {\n}\nreturn 1;\n", None),
        ("CREATE TABLE a (\n  b int,\n  c int);\nimport x;\nfn f() {\n}\n", 0.9),
        ("import a;\ndef b\nprose import", None),
        ("import a list of names, please;\nclass begins at ten;\ndef is a prefix;", None),
        ("nothing", None),
    ],
)
def test_declarations_and_density(text: str, expected: float | None) -> None:
    signature = made_up(DETECTOR.key, {"anchors": ["include", "import", "return", "def", "class"]}, THRESHOLDS)
    assert [match.confidence for match in found(DETECTOR, signature, text)] == ([] if expected is None else [expected])


def test_a_text_without_an_anchor_is_not_read() -> None:
    signature = made_up(DETECTOR.key, {"anchors": ["trait"]}, THRESHOLDS)
    assert found(DETECTOR, signature, C) == []
    assert [match.view for match in found(DETECTOR, signature, CODE, C + "trait A;\n")] == [1]


@pytest.mark.parametrize(
    ("terms", "thresholds", "message"),
    [
        ({}, THRESHOLDS, "terms.anchors missing"),
        ({"anchors": ["x"]}, {"lines": 1}, "thresholds.declarations, thresholds.kinds, thresholds.share missing"),
    ],
)
def test_incomplete_data_is_refused(terms: dict[str, list[str]], thresholds: dict[str, float], message: str) -> None:
    signature = made_up(DETECTOR.key, terms, thresholds)
    with pytest.raises(ValueError, match=message):
        list(DETECTOR.triggers({signature.name: signature}))


@pytest.mark.parametrize(
    "unit",
    [
        "class a ",
        " " * 40 + "public static ",
        "for (",
        "if (\n",
        "int a(",
        "import a",
        "from a.",
        "\n",
        " ",
        "return ;;;  ",
    ],
    ids=repr,
)
def test_hostile_texts_take_linear_time(unit: str) -> None:
    text = CODE + unit * (200_000 // len(unit))
    begin = time.process_time()
    found(DETECTOR, shipped()["doc.source-code"], text)
    assert time.process_time() - begin < 5
