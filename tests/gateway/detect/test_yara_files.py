"""Files of YARA rules: what compiles, and every mistake with its file and line."""

from pathlib import Path

import pytest

from gateway.detect.yara_files import MAX_RULES_BYTES, YaraCase, load_rule_files
from gateway.errors import ConfigError
from gateway.findings import Severity

META = """
    meta:
        signature = "test.tool"
        title_zh = "测试"
        title_en = "Test"
        severity = "high"
        confidence = "0.8"
        classes = "secret, document"
"""
RULE = "rule tool\n{" + META + '    strings:\n        $a = "made-up-marker"\n    condition:\n        $a\n}\n'
CASES = "test.tool:\n  find:\n    - a made-up-marker\n  ignore:\n    - nothing\n"


def folder(tmp_path: Path, rules: str | bytes | None, cases: str | None = CASES, *, name: str = "own") -> str:
    """A folder of signatures with one file of rules."""
    (tmp_path / "yara").mkdir(exist_ok=True)
    if rules is not None:
        data = rules.encode() if isinstance(rules, str) else rules
        (tmp_path / "yara" / f"{name}.yar").write_bytes(data)
    if cases is not None:
        (tmp_path / "yara" / f"{name}.cases.yaml").write_text(cases, encoding="utf-8")
    return str(tmp_path)


def problems(directory: str) -> list[str]:
    """What is wrong, as `file:line: message` with the folder's path taken off."""
    with pytest.raises(ConfigError) as error:
        load_rule_files([directory])
    return [str(problem).removeprefix(f"{directory}/yara/") for problem in error.value.problems]


def test_a_rule_says_what_it_is(tmp_path: Path) -> None:
    files, signatures = load_rule_files([folder(tmp_path, "// first line\n" + RULE)])
    signature = signatures["test.tool"]
    assert [(file.signatures, file.counts, file.lines) for file in files] == [
        ({"tool": "test.tool"}, {"tool": ""}, {"test.tool": 1})
    ]
    assert (signature.title.zh, signature.title.en, signature.severity) == ("测试", "Test", Severity.HIGH)
    assert (signature.classes, signature.confidence.with_context, signature.mask) == (
        ("secret", "document"),
        0.8,
        "none",
    )
    assert (signature.file, signature.line, signature.detector) == (f"{tmp_path}/yara/own.yar", 2, "yara")
    assert [case.text for case in signature.cases.find] == ["a made-up-marker"]
    assert signature.cases.ignore == ("nothing",)


def test_no_folder_no_rules(tmp_path: Path) -> None:
    assert load_rule_files([str(tmp_path / "absent"), str(tmp_path)]) == ((), {})


def test_private_rules_and_helpers_need_no_meta(tmp_path: Path) -> None:
    rules = 'private rule helper\n{\n strings: $a = "made-up-marker"\n condition: $a\n}\n' + RULE
    files, _ = load_rule_files([folder(tmp_path, rules)])
    assert files[0].signatures == {"tool": "test.tool"}


def test_two_rules_may_share_a_signature(tmp_path: Path) -> None:
    files, signatures = load_rule_files([folder(tmp_path, RULE + RULE.replace("rule tool", "rule tool_2"))])
    assert files[0].signatures == {"tool": "test.tool", "tool_2": "test.tool"}
    assert signatures["test.tool"].line == 1


def test_cases_as_bytes_are_no_cases_of_the_engine(tmp_path: Path) -> None:
    cases = (
        "test.tool:\n  find:\n"
        "    - {hex: '00 6D'}\n"
        "    - {text: a made-up-marker, encoding: utf-16-le}\n"
        "    - {text: made-up-marker, count: 1}\n"
        "  ignore:\n    - {hex: '00'}\n    - {text: b}\n    - c\n"
    )
    files, signatures = load_rule_files([folder(tmp_path, RULE, cases)])
    assert [(case.text, case.count) for case in signatures["test.tool"].cases.find] == [("made-up-marker", 1)]
    assert signatures["test.tool"].cases.ignore == ("b", "c")
    assert [case.data for case in files[0].cases["test.tool"].find if isinstance(case, YaraCase)] == [
        b"\x00m",
        "a made-up-marker".encode("utf-16-le"),
        b"made-up-marker",
    ]


@pytest.mark.parametrize(
    ("rules", "cases", "expected"),
    [
        (RULE.replace("$a\n}", "$b\n}"), CASES, ['own.yar:14: undefined string "$b"']),
        (RULE + "junk", CASES, ["own.yar:15: syntax error"]),
        (RULE.replace('"made-up-marker"', "/[0-9]{5}x/"), CASES, ['own.yar:11: string "$a" may slow down scanning']),
        (RULE.replace('"made-up-marker"', "{ ?? ?? 00 }"), CASES, ['own.yar:11: string "$a" may slow down scanning']),
        ('include "other.yar"\n' + RULE, CASES, ["own.yar:1: includes are disabled"]),
        (
            '\nimport "console"\n' + RULE,
            CASES,
            ["own.yar:2: module 'console': allowed are dotnet, elf, hash, math, pe"],
        ),
        ('import "time"\nimport "cuckoo"\n' + RULE, CASES, ["own.yar:1: module 'time'", "own.yar:2: module 'cuckoo'"]),
        (
            RULE.replace('        severity = "high"\n', ""),
            CASES,
            ["own.yar:1: rule tool: meta severity: is missing"],
        ),
        (RULE.replace('"high"', '"huge"'), CASES, ["own.yar:1: rule tool: meta severity: unknown word"]),
        (RULE.replace('"0.8"', '"80"'), CASES, ["own.yar:1: rule tool: meta confidence: too large"]),
        (RULE.replace("secret,", "secrets,"), CASES, ["own.yar:1: rule tool: meta classes: unknown word"]),
        (
            RULE.replace('        classes = "secret, document"\n', ""),
            CASES,
            ["own.yar:1: rule tool: meta classes: is missing"],
        ),
        (
            RULE.replace('"test.tool"', '"Test Tool"'),
            CASES,
            [
                "own.cases.yaml:0: Test Tool: has no cases",
                "own.cases.yaml:1: test.tool: no rule of this file has",
                "own.yar:1: rule tool: meta signature: ",
            ],
        ),
        (
            RULE + "\n\n" + RULE.replace("rule tool", "rule tool_2").replace('"high"', '"low"'),
            CASES,
            ["own.yar:17: rule tool_2: says something else of 'test.tool' than the rule in line 1"],
        ),
        (
            RULE.replace('        signature = "test.tool"\n', ""),
            CASES,
            [
                "own.cases.yaml:1: test.tool: no rule of this file has",
                "own.yar:1: rule tool: meta signature: is missing",
            ],
        ),
        (RULE, None, ["own.cases.yaml:0: cannot be read"]),
        (RULE, "- a\n", ["own.cases.yaml:1: cases are a mapping of signatures to find and ignore"]),
        (RULE, "a: [", ["own.cases.yaml:"]),
        (
            RULE,
            "other.tool: {}\n",
            ["own.cases.yaml:0: test.tool: has no cases", "own.cases.yaml:1: other.tool: no rule of"],
        ),
        (
            RULE,
            CASES.replace("find", "fnd"),
            ["own.cases.yaml:1: test.tool.find: is missing", "own.cases.yaml:2: test.tool.fnd: "],
        ),
        (
            RULE,
            "test.tool:\n  find: []\n  ignore: [b]\n",
            ["own.cases.yaml:2: test.tool.find: is an empty list"],
        ),
        (b"\xff" + RULE.encode(), CASES, ["own.yar:0: is not UTF-8 (byte 0)"]),
        (RULE + "/" * (MAX_RULES_BYTES + 1), CASES, [f"own.yar:0: the file is larger than {MAX_RULES_BYTES} bytes"]),
    ],
)
def test_mistakes(tmp_path: Path, rules: str | bytes, cases: str | None, expected: list[str]) -> None:
    found = problems(folder(tmp_path, rules, cases))
    assert len(found) == len(expected)
    for problem, start in zip(sorted(found), sorted(expected), strict=True):
        assert problem.startswith(start)


@pytest.mark.parametrize(
    "case",
    ["{text: a, hex: '00'}", "{}", "{hex: 'abc'}", "{hex: 'xy'}", "{text: a, encoding: utf-7}", "{text: a, count: 0}"],
)
def test_a_case_is_either_text_or_hex(tmp_path: Path, case: str) -> None:
    cases = f"test.tool:\n  find:\n    - a\n    - {case}\n  ignore:\n    - b\n"
    assert all(problem.startswith("own.cases.yaml:") for problem in problems(folder(tmp_path, RULE, cases)))


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = folder(tmp_path / "a", RULE)
    second = folder(tmp_path / "b", RULE)
    folder(tmp_path / "b", RULE + "junk", name="worse")
    with pytest.raises(ConfigError) as error:
        load_rule_files([first, second])
    assert [str(problem) for problem in error.value.problems] == [
        f"{second}/yara/own.yar:1: signature 'test.tool' is already in {first}/yara/own.yar:1",
        f"{second}/yara/worse.yar:15: syntax error, unexpected identifier",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    directory = folder(tmp_path, None)
    (tmp_path / "yara" / "own.yar").mkdir()
    assert problems(directory) == ["own.yar:0: cannot be read: Is a directory"]
