"""A policy in force: dates, exceptions, early rules."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from gateway.policy.facts import gather
from gateway.transfer import Actor
from tests.samples.policies import TODAY, inspection, part, policy, rule, transfer

SIZE = rule("size.any", {"part": {"over_mb": 1}})
CHANG = Actor(user="chang")


def exception(name="EX-1", rules="size.any", expires="2026-12-01", **more):
    who = {"actor": {"user": "chang"}} if "destination" not in more else {}
    return {"id": name, "rules": rules, "ticket": "T", "approver": "A", "owner": "O", "expires": expires, **who, **more}


@pytest.mark.parametrize(
    ("entry", "actor", "sizes", "today", "lifts"),
    [
        pytest.param(exception(), CHANG, [9], TODAY, True, id="on its last day"),
        pytest.param(exception(), CHANG, [9], date(2026, 12, 2), False, id="a day later"),
        pytest.param(exception(), Actor("wei"), [9], TODAY, False, id="somebody else"),
        pytest.param(exception(), Actor(), [9], TODAY, False, id="nobody known"),
        pytest.param(exception(rules="other"), CHANG, [9], TODAY, False, id="another rule"),
        pytest.param(exception(rules=["other", "size.any"]), CHANG, [9], TODAY, True, id="two rules"),
        pytest.param(exception(up_to_mb=2), CHANG, [9, 2_097_152], TODAY, True, id="exactly the larger limit"),
        pytest.param(exception(up_to_mb=2), CHANG, [9, 2_097_153], TODAY, False, id="over the larger limit"),
        pytest.param(exception(destination={"host": "upload.example"}), Actor(), [9], TODAY, True, id="that host"),
        pytest.param(exception(destination={"host": "b.example"}), Actor(), [9], TODAY, False, id="another host"),
        pytest.param(
            exception(destination={"host": "b.example"}, actor={"user": "chang"}),
            CHANG,
            [9],
            TODAY,
            False,
            id="he, there",
        ),
    ],
)
def test_lifts(entry, actor, sizes, today, lifts):
    under = policy(SIZE, rule("other", {"part": {"over_mb": 1}}), exceptions=[entry])
    facts = gather(transfer(actor=actor), inspection(*(part(size_bytes=size) for size in sizes)), ())
    found = under.lifting(under.rules[0], facts, today)
    assert (found is not None) is lifts


def test_a_larger_limit_looks_at_what_was_sent_not_at_what_is_inside():
    under = policy(SIZE, exceptions=[exception(up_to_mb=2)])
    facts = gather(transfer(actor=CHANG), inspection(part(size_bytes=9), part(size_bytes=9_999_999, depth=1)), ())
    assert under.lifting(under.rules[0], facts, TODAY) is under.exceptions[0]


def test_of_two_exceptions_the_first_by_id_is_named():
    under = policy(SIZE, exceptions=[exception("B"), exception("A")])
    facts = gather(transfer(actor=CHANG), inspection(), ())
    assert under.lifting(under.rules[0], facts, TODAY).id == "A"


def test_authorised_entries_end_after_their_last_day():
    entry = {"id": "a", "destination": {"host": "a.example"}, "class": "personal", "owner": "O"}
    under = policy(authorised=[{**entry, "expires": "2026-12-01", "ticket": "T-1"}, {**entry, "id": "b"}])
    assert [e.id for e in under.authorised_on(date(2026, 12, 1))] == ["a", "b"]
    assert [e.id for e in under.authorised_on(date(2026, 12, 2))] == ["b"]
    assert [(e.owner, e.ticket, e.expires) for e in under.authorised] == [
        ("O", "T-1", date(2026, 12, 1)),
        ("O", "", None),
    ]


def test_early_rules_are_size_rules_that_stop_and_need_the_head_only():
    over = {"over_mb": 1}
    under = policy(
        rule("a.stops", {"part": over}),
        rule("b.holds", {"part": over}, "hold"),
        rule("c.logs", {"part": over}, "log"),
        rule("d.region", {"part": over, "destination": {"region": "overseas"}}),
        rule("e.no-size"),
    )
    assert [r.id for r in under.early_rules()] == ["a.stops", "b.holds"]
    assert [r.id for r in under.rules if r.is_size] == ["a.stops", "b.holds", "c.logs", "d.region"]
    assert under.rules[0].limits_bytes == (1_048_576,)


def test_a_policy_cannot_be_changed():
    under = policy(SIZE)
    with pytest.raises(FrozenInstanceError):
        under.rules = ()
    with pytest.raises(TypeError):
        under.failures["crash"] = None
    with pytest.raises(TypeError):
        under.rules[0].says["zh"] = ""
