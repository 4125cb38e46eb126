"""A policy file before it comes into force: its cases, its gaps, every one with its line."""

from datetime import date
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.policy.load import policy_text
from gateway.policy.review import review

TODAY = date(2026, 12, 1)
POLICY = """version: 1
rules:
  - id: mail
    when: {destination: {category: webmail}}
    action: block
    basis: ["S001-3.3(3)"]
    says: {zh: 不能发送。, en: It may not be sent.}
    guidance: {zh: 请联系。, en: Please ask.}
    owner: it
    since: 2026-12-01
cases:
  - {name: mail, to: {category: webmail}, action: block, rules: [mail]}
  - {name: drive, to: {category: other}, action: allow, rules: []}
"""


def test_a_sound_policy():
    found = review(POLICY, "p.yaml", today=TODAY)
    assert (found.problems, found.remarks, found.lines) == ((), (), (12, 13))
    assert [result.passed for result in found.results] == [True, True]
    assert found.sound() is found.policy


def test_every_problem_is_told_with_its_line():
    text = POLICY.replace("action: allow, rules: []", "action: block, rules: []").replace("rules: [mail]", "rules: []")
    found = review(text, "p.yaml", today=TODAY)
    told = [
        "p.yaml:3: rules 'mail': no case shows what it does; write one for what it must stop and one for what it must not",
        "p.yaml:12: cases: FAILED: mail: expected block by no rule, got block by mail",
        "p.yaml:13: cases: FAILED: drive: expected block by no rule, got allow by no rule",
    ]
    assert [str(problem) for problem in found.problems] == told
    with pytest.raises(ConfigError) as caught:
        found.sound()
    assert [str(problem) for problem in caught.value.problems] == told


def test_remarks_keep_nothing_from_working():
    text = POLICY.replace("action: block\n", "action: block\n    mode: monitor\n", 1).replace(
        "rules: [mail]", "rules: []"
    )
    found = review(text.replace("action: block, rules", "action: allow, rules"), "p.yaml", today=TODAY)
    assert [str(problem) for problem in found.problems] == [
        "p.yaml:13: cases: FAILED: mail: expected allow by no rule, got allow by mail"
    ]
    assert [str(remark) for remark in found.remarks] == [
        "p.yaml:3: rules 'mail': no case shows what it does; write one"
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"services": ["wecom"]}, "no service 'wecomm' in the catalogue; did you mean 'wecom'?"),
        ({"services": ["wecom", "wecomm"]}, None),
        ({}, None),
    ],
    ids=["unknown", "known", "nobody said"],
)
def test_services_are_those_of_the_catalogue(names, told):
    text = POLICY.replace("category: webmail}}", "service: wecomm}}").replace(
        "{category: webmail}", "{service: wecomm}"
    )
    if told is None:
        assert review(text, "p.yaml", today=TODAY, **names).problems == ()
        return
    with pytest.raises(ConfigError) as caught:
        review(text, "p.yaml", today=TODAY, **names)
    assert [str(problem) for problem in caught.value.problems] == [
        f"p.yaml:4: rules 'mail': when.destination.service.0: {told}",
        f"p.yaml:12: cases 'mail': to.service: {told}",
    ]


@pytest.mark.parametrize("path", [None, str(Path("deploy/policy.example.yaml").resolve())], ids=["default", "example"])
def test_what_ships_leaves_nothing_to_remark(path):
    found = review(*policy_text(path), today=TODAY)
    assert (found.problems, found.remarks) == ((), ())
