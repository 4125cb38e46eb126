from pathlib import Path

import pytest

from gateway.detect.signatures import FindCase, load_signatures
from gateway.errors import ConfigError
from tests.samples.detection import SIGNATURES, shipped

GOOD = """\
name: x.number
title: {zh: 数, en: Number}
severity: low
classes: [contact]
detector: x.number
context: {near: [Number], before: [Label], negative: [Order]}
confidence: {base: 0.5, with_context: 0.9}
mask: number
status: experimental
terms: {words: [a, b]}
thresholds: {words: 2}
cases:
  find:
    - "1"
    - {text: "1 2", count: 2}
  ignore:
    - x
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "identifiers").mkdir()
    (tmp_path / "documents").mkdir()
    return tmp_path


def problems(folder):
    with pytest.raises(ConfigError) as caught:
        load_signatures([str(folder)])
    return [(Path(problem.file).name, problem.line, problem.message) for problem in caught.value.problems]


def test_load(folder):
    (folder / "identifiers" / "x.yaml").write_text(GOOD)
    (folder / "identifiers" / "notes.txt").write_text("no signature")
    (signature,) = load_signatures([str(folder)])
    assert (signature.name, signature.title.zh, signature.severity, signature.classes) == (
        "x.number",
        "数",
        "low",
        ("contact",),
    )
    assert signature.cases.find == ("1", FindCase(text="1 2", count=2))
    assert (signature.terms, signature.thresholds) == ({"words": ("a", "b")}, {"words": 2.0})
    assert (signature.file, signature.line) == (str(folder / "identifiers" / "x.yaml"), 1)
    assert signature.case_lines == {"find": (14, 15), "ignore": (17,)}
    context = signature.context
    assert (context.near_folded, context.before_folded, context.negative_folded) == (
        ("number",),
        ("label",),
        ("order",),
    )


def test_signatures_of_all_folders_come_by_name(folder):
    (folder / "identifiers" / "1.yaml").write_text(GOOD.replace("x.number", "b"))
    (folder / "documents" / "2.yaml").write_text(GOOD.replace("x.number", "a"))
    assert [signature.name for signature in load_signatures([str(folder)])] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param(GOOD + "colour: red\n", 18, "colour: unknown key", id="unknown key"),
        pytest.param(GOOD.replace("near", "nearby"), 6, "context.nearby: unknown key", id="unknown key inside"),
        pytest.param(GOOD + "file: x\n", 18, "file: unknown key", id="key of the loader"),
        pytest.param(GOOD.replace("severity: low\n", ""), 1, "severity: is missing", id="missing key"),
        pytest.param(
            GOOD.replace("low", "lowish"),
            3,
            "severity: unknown word; allowed: low, medium, high, critical",
            id="unknown severity",
        ),
        pytest.param(
            GOOD.replace("base: 0.5", "base: 2"),
            7,
            "confidence.base: too large; allowed: at most 1",
            id="odds over one",
        ),
        pytest.param(GOOD.replace("    - x\n", ""), 16, "cases.ignore: must be a list", id="no case to ignore"),
        pytest.param(
            GOOD.replace("x.number", "X Number", 1),
            1,
            "name: has a form that is not allowed here (pattern ^[a-z0-9]+(?:[.-][a-z0-9]+)*$)",
            id="name",
        ),
        pytest.param(GOOD[: GOOD.index("cases:")], 1, "cases: is missing", id="no cases"),
        pytest.param(GOOD[: GOOD.index("cases:")] + "cases: 1\n", 12, None, id="cases are a number"),
        pytest.param("- 1\n", 1, "a signature is a mapping with name, title, severity, cases …", id="a list"),
        pytest.param("a: [\n", 2, None, id="no YAML"),
    ],
)
def test_problems(folder, text, line, message):
    (folder / "identifiers" / "x.yaml").write_text(text)
    (found,) = problems(folder)
    assert found[:2] == ("x.yaml", line)
    assert message is None or found[2] == message


def test_all_problems_are_listed_at_once(folder):
    (folder / "identifiers" / "1.yaml").write_text(GOOD.replace("severity: low", "severity: 1\ncolour: red"))
    (folder / "identifiers" / "2.yaml").write_text(GOOD)
    (folder / "documents" / "3.yaml").write_text(GOOD)
    (folder / "documents" / "4.yaml").write_text("- 1\n")
    assert [problem[:2] for problem in problems(folder)] == [
        ("4.yaml", 1),
        ("1.yaml", 3),
        ("1.yaml", 4),
        ("2.yaml", 1),
    ]


def test_the_second_of_a_name_is_told_where_the_first_is(folder):
    (folder / "documents" / "1.yaml").write_text(GOOD)
    (folder / "identifiers" / "2.yaml").write_text(GOOD)
    ((file, line, message),) = problems(folder)
    assert (file, line) == ("2.yaml", 1)
    assert message == f"name: 'x.number' is already in {folder / 'documents' / '1.yaml'}:1"


def test_an_empty_folder_is_a_problem(folder):
    assert problems(folder) == [
        (folder.name, 0, "holds no signature file (*.yaml in identifiers, dictionaries, documents)")
    ]


def test_a_folder_may_hold_yara_rules_only(folder):
    (folder / "yara").mkdir()
    (folder / "yara" / "x.yar").write_text("")
    assert load_signatures([str(folder)]) == ()


def test_no_folder_gives_none():
    assert load_signatures([]) == ()


def test_shipped_signatures_exist():
    names = [
        "cn.resident-id",
        "cn.mobile",
        "cn.uscc",
        "cn.passport",
        "cn.hk-mo-permit",
        "cn.tw-permit",
        "cn.vehicle-plate",
        "cn.bank-card",
        "cn.address",
        "cn.person-name",
        "cn.landline",
        "card.pan",
        "iban",
        "us.ssn",
        "email",
        "ipv4",
        "geo.coordinates",
        "secret.aws-key",
        "secret.private-key",
        "secret.jwt",
        "secret.github-token",
        "secret.slack-token",
        "secret.password",
        "secret.connection-string",
        "secret.cloud-cn",
        "message.password",
    ]
    assert set(names) <= {signature.name for signature in shipped()}
    assert all(Path(signature.file).stem == signature.name for signature in load_signatures([SIGNATURES]))
