"""The cases beside the rules, those of the shipped default included."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from gateway.findings import Severity
from gateway.parts import Coverage, Encryption, Grade
from gateway.policy.cases import CASE_DAY, CaseResult, inspection_of, run_policy_cases, transfer_of
from gateway.policy.load import load_policy, read_policy
from gateway.policy.schema_file import CaseEntry
from gateway.transfer import Actor, Audience, Category, Channel, Region
from gateway.yamlfile import parse_yaml
from tests.samples.policies import policy, rule

DEFAULT = load_policy(None)
GUIDE = Path(__file__).parents[3] / "docs" / "policy.md"


@pytest.mark.parametrize("result", [pytest.param(r, id=r.name) for r in run_policy_cases(DEFAULT)])
def test_the_cases_of_the_default(result):
    assert result.passed, str(result)


def test_every_rule_of_the_default_has_a_case():
    in_cases = {name for case in DEFAULT.cases for name in case.rules}
    assert sorted({r.id for r in DEFAULT.rules} - in_cases) == []


def examples():
    return re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_the_worked_example_of_the_guide_decides_as_it_says():
    (example,) = [text for text in examples() if text.startswith("version:")]
    results = run_policy_cases(read_policy(parse_yaml(example, "policy.md"), signatures=[]))
    assert [str(result) for result in results] == [
        "ok: a drawing by webmail is refused",
        "ok: the head of engineering may",
    ]


def test_the_other_examples_of_the_guide_load_beside_the_default():
    default = resources.files("gateway.policy").joinpath("data", "default.yaml").read_text(encoding="utf-8")
    others = [text for text in examples() if text.startswith(("exceptions", "authorised"))]
    assert len(others) == 3
    for example in others:
        section = example.partition(":")[0]
        assert default.count(f"\n{section}: []\n") == 1
        loaded = read_policy(parse_yaml(default.replace(f"{section}: []\n", example), "p.yaml"), signatures=[])
        assert len(getattr(loaded, section)) == 1
        assert all(result.passed for result in run_policy_cases(loaded))


def case(**more):
    return CaseEntry.model_validate({"name": "n", "action": "block", "rules": [], **more})


@pytest.mark.parametrize(
    ("entry", "passed", "line"),
    [
        pytest.param({"action": "block", "rules": ["a"]}, True, "ok: n", id="right"),
        pytest.param(
            {"action": "log", "rules": ["a"]},
            False,
            "FAILED: n: expected log by a, got block by a",
            id="another action",
        ),
        pytest.param(
            {"action": "block", "rules": []},
            False,
            "FAILED: n: expected block by no rule, got block by a",
            id="other rules",
        ),
    ],
)
def test_results(entry, passed, line):
    (result,) = run_policy_cases(policy(rule("a"), cases=[{"name": "n", **entry}]))
    assert (result.passed, str(result)) == (passed, line)


def test_the_order_of_rules_in_a_case_means_nothing():
    entry = {"name": "n", "action": "block", "rules": ["b", "a"]}
    assert run_policy_cases(policy(rule("a"), rule("b"), cases=[entry])) == [
        CaseResult("n", ("block", ("a", "b")), ("block", ("a", "b")))
    ]


@pytest.mark.parametrize(
    ("today", "action"),
    [pytest.param(None, "allow", id="the fixed day"), pytest.param("2027-01-01", "block", id="a day later")],
)
def test_a_case_has_its_own_day(today, action):
    assert date(2026, 12, 1) == CASE_DAY
    exception = {
        "id": "E",
        "rules": "a",
        "actor": {"user": "u"},
        "ticket": "T",
        "approver": "A",
        "owner": "O",
        "expires": "2026-12-31",
    }
    entry = {"name": "n", "by": {"user": "u"}, "action": action, "rules": ["a"], **({"today": today} if today else {})}
    (result,) = run_policy_cases(policy(rule("a"), exceptions=[exception], cases=[entry]))
    assert result.passed, str(result)


def test_the_transfer_of_a_case():
    told = transfer_of(
        case(
            to={
                "host": "a.example",
                "category": "messaging",
                "region": "overseas",
                "service": "s",
                "tenant": "t",
                "account": "personal",
                "audience": "external",
            },
            by={"user": "u", "group": ["g"], "role": "head", "department": "d"},
            channel="websocket",
        )
    )
    assert told.actor == Actor("u", ("g",), "head", "d")
    to = told.destination
    assert (to.host, to.category, to.region, to.service, to.tenant, to.account, to.audience) == (
        "a.example",
        Category.MESSAGING,
        Region.OVERSEAS,
        "s",
        "t",
        "personal",
        Audience.EXTERNAL,
    )
    assert (told.channel, told.request.bytes) == (Channel.WEBSOCKET, 1)
    assert transfer_of(case(body=False)).request.bytes == 0


def test_the_inspection_of_a_case():
    found = {
        "cn.mobile": {"count": 2, "class": "contact", "persons": 2},
        "iban": {"severity": "low", "confidence": 0.5},
    }
    told = inspection_of(case(parts=[{"found": found}, {"found": {"cn.mobile": 3}}], failure="crash"), "MiB")
    assert (dict(told.distinct), told.persons, told.failure) == ({"cn.mobile": 5, "iban": 1}, 2, "crash")
    mobile, iban = told.parts[0].findings
    assert (mobile.signature, mobile.count, mobile.classes, mobile.persons) == ("cn.mobile", 2, ("contact",), 2)
    assert (iban.severity, iban.confidence) == (Severity.LOW, 0.5)


@pytest.mark.parametrize(
    ("written", "size_bytes", "coverage", "reason", "detail"),
    [
        pytest.param({}, 0, Coverage.INSPECTED, "", "", id="a plain part"),
        pytest.param({"bytes": 7}, 7, Coverage.INSPECTED, "", "", id="bytes"),
        pytest.param({"mb": 2}, 2_000_000, Coverage.INSPECTED, "", "", id="megabytes"),
        pytest.param({"encryption": "weak"}, 0, Coverage.ENCRYPTED, "encrypted", "", id="encrypted"),
        pytest.param(
            {"encryption": "weak", "reason": "malformed"},
            0,
            Coverage.MALFORMED,
            "malformed",
            "",
            id="encrypted and broken",
        ),
        pytest.param({"encryption": "weak", "coverage": "inspected"}, 0, Coverage.INSPECTED, "", "", id="a weak lock"),
        pytest.param({"coverage": "timeout"}, 0, Coverage.TIMEOUT, "", "", id="coverage"),
        pytest.param(
            {"reason": "too-large", "limit": "max_depth"},
            0,
            Coverage.TOO_LARGE,
            "too-large",
            "max_depth:",
            id="a limit",
        ),
    ],
)
def test_a_part_of_a_case(written, size_bytes, coverage, reason, detail):
    (told,) = inspection_of(case(parts=written), "MB").parts
    assert (told.size_bytes, told.coverage, told.reason, told.detail) == (size_bytes, coverage, reason, detail)


@pytest.mark.parametrize("grade", list(Grade))
def test_grades_of_a_case(grade):
    (told,) = inspection_of(case(parts={"encryption": str(grade), "depth": 1, "file": False}), "MiB").parts
    assert told.encryption == Encryption("" if grade is Grade.NONE else "case", grade)
    assert (told.depth, told.is_file) == (1, False)
