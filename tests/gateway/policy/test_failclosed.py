"""What no policy can turn off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.findings import Action, Inspection
from gateway.parts import Coverage, Grade
from gateway.policy.decide import decide
from gateway.policy.failclosed import built_in_grounds, failure_word
from gateway.policy.schema import failure_words
from tests.samples.policies import TODAY, inspection, part, policy, rule, transfer

EMPTY = policy()


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        pytest.param("timeout", "timeout", id="timeout"),
        pytest.param("malformed: header 4711 twice", "malformed", id="the tail is not told"),
        pytest.param("too-large", "too-large", id="too large"),
        pytest.param("4711", "other", id="a word nobody knows"),
        pytest.param("other", "other", id="other"),
    ],
)
def test_failure_word(failure, word):
    assert failure_word(failure) == word


@pytest.mark.parametrize("word", [*failure_words(), "unheard-of"])
def test_without_inspection_an_empty_policy_refuses_and_tells_what_to_do(word):
    verdict = decide(transfer(), Inspection(failure=f"{word}: 4711"), EMPTY, today=TODAY)
    (ground,) = verdict.grounds
    assert (verdict.action, ground.rule, ground.basis) == (Action.BLOCK, "gateway.not-inspected", ("S003-3#3",))
    assert ground.enforced
    assert all(ground.says[language] and ground.guidance[language] for language in ("zh", "en"))
    assert "4711" not in ground.because


@pytest.mark.parametrize("word", failure_words())
def test_a_failure_may_be_held_where_the_policy_says_so(word):
    under = policy(failures={word: "hold"})
    assert decide(transfer(), Inspection(failure=word), under, today=TODAY).action is Action.HOLD
    others = {
        decide(transfer(), Inspection(failure=w), under, today=TODAY).action for w in failure_words() if w != word
    }
    assert others == {Action.BLOCK}


@pytest.mark.parametrize(
    ("failure", "said", "advice"),
    [
        pytest.param("unsupported: this Content-Encoding", "编码方式", "Content-Encoding", id="a coding"),
        pytest.param("other", "暂时无法", "稍后重试", id="other"),
        pytest.param("malformed: unsupported", "格式有误", "更新", id="malformed"),
        pytest.param("busy", "暂时无法", "稍后重试", id="busy"),
    ],
)
def test_trying_again_is_advised_only_where_it_may_help(failure, said, advice):
    (ground,) = built_in_grounds(Inspection(failure=failure), frozenset(), EMPTY)
    assert said in ground.says["zh"]
    assert advice in ground.guidance["zh"]


def test_a_coding_and_a_rule_over_its_time_each_have_their_own_sentence():
    found = Inspection(failure="unsupported: this Content-Encoding", rules_overtime=("acme_rule",))
    busy, coded = built_in_grounds(found, frozenset(), EMPTY)
    assert ("just now" in busy.says["en"], "cannot undo" in coded.says["en"]) == (True, True)


def test_a_mode_that_lets_through_cannot_even_be_built():
    under = replace(EMPTY, failures={"crash": Action.LOG})
    assert decide(transfer(), Inspection(failure="crash"), under, today=TODAY).action is Action.BLOCK


def test_a_rule_of_an_analyst_that_ran_over_its_time_counts_as_unread():
    found = inspection(part(), rules_overtime=("acme_rule",))
    (ground,) = decide(transfer(), found, EMPTY, today=TODAY).grounds
    assert (ground.rule, ground.because) == (
        "gateway.not-inspected",
        "未完成检查（detector-failed）。Not inspected (detector-failed).",
    )


def test_two_failures_are_two_grounds():
    found = Inspection(failure="timeout", rules_overtime=("acme_rule",))
    assert [g.because for g in built_in_grounds(found, frozenset(), EMPTY)] == [
        "未完成检查（detector-failed）。Not inspected (detector-failed).",
        "未完成检查（timeout）。Not inspected (timeout).",
    ]


UNREAD = [
    pytest.param(part(reason="malformed", coverage=Coverage.MALFORMED), id="malformed"),
    pytest.param(part(reason="too-large", coverage=Coverage.TOO_LARGE), id="too large"),
    pytest.param(part(reason="unsupported", coverage=Coverage.PARTIAL), id="unsupported"),
    pytest.param(part(reason="detector-failed", coverage=Coverage.PARTIAL), id="detector failed"),
    pytest.param(part(reason="encrypted", coverage=Coverage.ENCRYPTED, grade=Grade.STRONG), id="encrypted"),
    pytest.param(part(coverage=Coverage.TIMEOUT), id="timeout"),
    pytest.param(part(coverage=Coverage.UNKNOWN_PROTOCOL), id="unknown protocol"),
    pytest.param(part(coverage=Coverage.PASSTHROUGH_POLICY), id="passed unread"),
    pytest.param(part(reason="unheard-of"), id="a reason of tomorrow"),
]


@pytest.mark.parametrize("report", UNREAD)
def test_unread_content_that_no_rule_speaks_of_is_refused(report):
    verdict = decide(transfer(), inspection(part(), report), EMPTY, today=TODAY)
    (ground,) = verdict.grounds
    assert (verdict.action, ground.rule) == (Action.BLOCK, "gateway.unreadable")
    assert ground.because.endswith("in 1 part(s).")
    assert ground.says["zh"] == "上传中有网关无法读取的内容，无法确认是否可以外发。"


@pytest.mark.parametrize(
    ("entry", "action", "rules"),
    [
        pytest.param(
            rule("a", {"part": {"reason": "unsupported"}}, "log"), Action.LOG, ["a"], id="a rule that logs it"
        ),
        pytest.param(
            rule("a", {"part": {"coverage": "partial"}}, "hold"), Action.HOLD, ["a"], id="a rule that holds it"
        ),
        pytest.param(
            rule("a", {"part": {"reason": "unsupported"}}, mode="monitor"), Action.ALLOW, ["a"], id="a monitor"
        ),
        pytest.param(
            rule("a", {"part": {"reason": "unsupported"}}, "log", mode="off"),
            Action.BLOCK,
            ["gateway.unreadable"],
            id="a rule that is off",
        ),
        pytest.param(
            rule("a", {"part": {"reason": "malformed"}}, "log"),
            Action.BLOCK,
            ["gateway.unreadable"],
            id="a rule about something else",
        ),
        pytest.param(
            rule("a", {"body": True}, "log"), Action.BLOCK, ["gateway.unreadable", "a"], id="a rule about all"
        ),
        pytest.param(
            rule("a", {"not": {"part": {"reason": "malformed"}}}, "log"),
            Action.BLOCK,
            ["gateway.unreadable", "a"],
            id="what does not hold speaks of nothing",
        ),
    ],
)
def test_a_rule_that_speaks_of_unread_content_decides_about_it(entry, action, rules):
    found = inspection(part(reason="unsupported", coverage=Coverage.PARTIAL))
    verdict = decide(transfer(), found, policy(entry), today=TODAY)
    assert (verdict.action, [ground.rule for ground in verdict.grounds]) == (action, rules)


def test_a_rule_that_speaks_of_one_part_says_nothing_of_the_next():
    found = inspection(
        part(reason="encrypted", coverage=Coverage.ENCRYPTED, grade=Grade.STRONG),
        part(reason="malformed", coverage=Coverage.MALFORMED, grade=Grade.STRONG),
    )
    verdict = decide(transfer(), found, policy(rule("a", {"part": {"encryption": "strong"}}, "log")), today=TODAY)
    assert [ground.rule for ground in verdict.grounds] == ["gateway.unreadable", "a"]
    assert "malformed" in verdict.grounds[0].because
    assert "encrypted" not in verdict.grounds[0].because
