"""Recorded transfers under a draft: what would change, what stays, what nobody can tell."""

from dataclasses import replace

import pytest

from gateway.findings import Action, Inspection
from gateway.policy.decide import decide, refuse_size
from gateway.policy.rehearse import GAPS, MAX_PERSONS, OTHERS, Past, PastGround, Summary, rehearse
from gateway.transfer import Actor, Category
from tests.samples.policies import TODAY, finding, inspection, part, policy, rule, transfer

BLOCK, HOLD = rule("a"), rule("h", action="hold")
NOTHING, EVERYTHING = policy(), policy(BLOCK)
SIZE = rule("size", {"part": {"file": True, "over_mb": 1}})
MIB = 1_048_576


def past(action=Action.ALLOW, *grounds, inspected=None, gaps=(), by_length=False, **more):
    return Past(
        transfer(**more), inspected or inspection(part()), TODAY, action, tuple(grounds), by_length, frozenset(gaps)
    )


STOPPED = PastGround("a", Action.BLOCK)


@pytest.mark.parametrize(
    ("before", "draft", "change", "after"),
    [
        pytest.param(past(), NOTHING, "unchanged", Action.ALLOW, id="passes as before"),
        pytest.param(past(), EVERYTHING, "would-block", Action.BLOCK, id="would be stopped"),
        pytest.param(past(), policy(HOLD), "would-block", Action.HOLD, id="would be held"),
        pytest.param(past(), policy(rule("a", mode="monitor")), "unchanged", Action.ALLOW, id="on monitor"),
        pytest.param(past(Action.BLOCK, STOPPED), NOTHING, "would-release", Action.ALLOW, id="would leave"),
        pytest.param(
            past(Action.BLOCK, STOPPED), policy(HOLD), "unchanged", Action.HOLD, id="held in place of blocked"
        ),
        pytest.param(
            past(
                Action.BLOCK, PastGround("gateway.not-inspected", Action.BLOCK), inspected=Inspection(failure="crash")
            ),
            NOTHING,
            "unchanged",
            Action.BLOCK,
            id="without inspection nothing leaves",
        ),
        pytest.param(
            past(Action.BLOCK, PastGround("identity.required", Action.BLOCK)),
            NOTHING,
            "unchanged",
            None,
            id="the gateway's own refusal",
        ),
        pytest.param(
            past(Action.ALLOW, PastGround("identity.required", Action.BLOCK, enforced=False)),
            EVERYTHING,
            "would-block",
            Action.BLOCK,
            id="a rule of that name that was only watched",
        ),
        pytest.param(past(gaps=["connection"]), EVERYTHING, "unknown", None, id="a connection nobody reads"),
        pytest.param(
            past(Action.BLOCK, STOPPED, by_length=True, inspected=Inspection(failure="too-large"), body_bytes=3 * MIB),
            policy(SIZE),
            "unchanged",
            Action.BLOCK,
            id="still too long",
        ),
        pytest.param(
            past(Action.BLOCK, STOPPED, by_length=True, inspected=Inspection(failure="too-large"), body_bytes=3 * MIB),
            EVERYTHING,
            "unchanged",
            Action.BLOCK,
            id="refused for its destination now",
        ),
        pytest.param(
            past(Action.BLOCK, STOPPED, by_length=True, inspected=Inspection(failure="too-large"), body_bytes=3 * MIB),
            NOTHING,
            "unknown",
            None,
            id="would be read now",
        ),
    ],
)
def test_a_draft_decides_again(before, draft, change, after):
    done = rehearse(before, draft)
    assert (done.change, done.verdict and done.verdict.action) == (change, after)


def test_the_day_of_the_transfer_ends_exceptions():
    entry = {"id": "E", "rules": "a", "actor": {"user": "li"}, "ticket": "T", "approver": "A", "owner": "O"}
    draft = policy(BLOCK, exceptions=[{**entry, "expires": TODAY}])
    before = past(actor=Actor("li"))
    assert rehearse(before, draft).change == "unchanged"
    assert rehearse(replace(before, day=TODAY.replace(day=2)), draft).change == "would-block"


def test_the_same_policy_changes_nothing():
    """A verdict by length counts as one that read nothing, whatever the policy says of content."""
    own = policy(
        SIZE, rule("p", {"findings": {"class": "personal"}}), rule("d", {"destination": {"category": "webmail"}})
    )
    for category in Category:
        for inspected in (
            inspection(),
            inspection(part(finding("x", 1, "personal"))),
            inspection(part(size_bytes=2 * MIB)),
        ):
            sent = transfer(category=category)
            verdict = decide(sent, inspected, own, today=TODAY)
            grounds = tuple(PastGround(g.rule, g.action, g.enforced) for g in verdict.grounds)
            assert rehearse(Past(sent, inspected, TODAY, verdict.action, grounds), own).change == "unchanged"
    long = transfer(body_bytes=2 * MIB)
    verdict = refuse_size(long, 2 * MIB, own, today=TODAY, whole_body=True)
    assert [ground.by_length for ground in verdict.grounds] == [True]
    before = Past(long, Inspection(failure="too-large"), TODAY, verdict.action, by_length=True)
    assert rehearse(before, own).change == "unchanged"


def test_summary_counts_rules_persons_and_samples():
    summary = Summary(max_samples=1)
    for user in ("li", "li", ""):
        assert summary.add(past(actor=Actor(user, ip="10.0.0.7")), EVERYTHING) == "would-block"
    summary.add(past(Action.BLOCK, PastGround("z", Action.HOLD), PastGround("log", Action.LOG)), NOTHING)
    summary.add(past(gaps=["messages"]), NOTHING)
    summary.add(past(gaps=["connection"]), NOTHING)
    summary.skip("unreadable")

    assert summary.total == 7
    assert summary.changes == {"would-block": 3, "would-release": 1, "unchanged": 1, "unknown": 2}
    assert summary.actions == {("allow", "block"): 3, ("block", "allow"): 1}
    assert summary.rules == {"would-block": {"a": 3}, "would-release": {"z": 1}}
    assert summary.persons == {"would-block": {"li": 2, "(unknown)": 1}, "would-release": {"(unknown)": 1}}
    assert summary.gaps == {"messages": 1, "connection": 1, "unreadable": 1}
    assert set(summary.gaps) <= set(GAPS)
    (sample,) = summary.samples["would-block"]
    assert sample == {
        "id": "0190163d-8694-739b-aea5-966c26f8ad91",
        "at": "2026-12-01T00:00:00.000Z",
        "user": "li",
        "ip": "10.0.0.7",
        "host": "upload.example",
        "service": "",
        "before": {"action": "allow", "rules": []},
        "after": {
            "action": "block",
            "rules": [
                {
                    "id": "a",
                    "action": "block",
                    "enforced": True,
                    "because": "规则条件成立。The condition of the rule holds.",
                }
            ],
        },
        "approximate": False,
    }


def test_no_sample_holds_a_value_or_a_name():
    summary = Summary()
    inspected = inspection(part(finding("cn.mobile", 3, "contact")))
    summary.add(past(inspected=inspected), policy(rule("a", {"findings": {"class": "contact"}})))
    assert "cn.mobile × 3" in str(summary.samples)
    assert "4711" not in str(summary.samples)


def test_senders_are_counted_by_name_up_to_a_bound():
    summary = Summary(max_samples=0)
    for number in range(MAX_PERSONS + 3):
        summary.add(past(actor=Actor(f"u{number}")), EVERYTHING)
    summary.add(past(actor=Actor("u0")), EVERYTHING)
    counted = summary.persons["would-block"]
    assert (len(counted), counted["u0"], counted[OTHERS]) == (MAX_PERSONS + 1, 2, 3)
    assert summary.samples == {"would-block": []}
