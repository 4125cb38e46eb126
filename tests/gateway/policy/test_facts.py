"""What conditions look at: counts that spreading or repeating cannot change, and what a destination may receive."""

from __future__ import annotations

import pytest

from gateway.findings import Severity
from gateway.parts import Coverage
from gateway.policy.conditions import names_test
from gateway.policy.facts import HOLDS, Authorised, Proof, Seen, gather, is_unread
from tests.samples.policies import finding, inspection, part, transfer

MOBILE = finding("cn.mobile", 2, "contact")
NAME = finding("cn.person-name", 1, "personal", confidence=0.3, severity=Severity.LOW)


@pytest.mark.parametrize(
    ("seen", "min_confidence", "min_rank", "amount"),
    [
        pytest.param(Seen((MOBILE,)), 0.0, 0, 2, id="one part, nothing said of the whole"),
        pytest.param(Seen((MOBILE, MOBILE)), 0.0, 0, 4, id="two parts, nothing said of the whole"),
        pytest.param(Seen((MOBILE, MOBILE), 2), 0.0, 0, 2, id="the same values in both parts"),
        pytest.param(Seen((MOBILE, MOBILE), 4), 0.0, 0, 4, id="other values in each part"),
        pytest.param(Seen((MOBILE,), 1), 0.0, 0, 2, id="one part alone is never reduced"),
        pytest.param(Seen((MOBILE,), 9), 0.0, 0, 9, id="the whole transfer knows more"),
        pytest.param(Seen((MOBILE, NAME), 3), 0.5, 0, 2, id="only what passes the confidence"),
        pytest.param(Seen((MOBILE, MOBILE, NAME), 2), 0.5, 0, 2, id="what passes, held against the whole"),
        pytest.param(Seen((MOBILE, NAME), 3), 0.0, 2, 2, id="only what passes the severity"),
        pytest.param(Seen((NAME,), 1), 0.5, 0, 0, id="nothing passes"),
        pytest.param(Seen((), 3), 0.9, 3, 3, id="counted but shown by no part: nothing excuses it"),
        pytest.param(Seen(()), 0.0, 0, 0, id="nothing at all"),
    ],
)
def test_amount_counts_distinct_values(seen, min_confidence, min_rank, amount):
    assert seen.amount(min_confidence, min_rank) == amount


def test_gather_groups_findings_by_signature_over_all_parts():
    facts = gather(
        transfer(body_bytes=0),
        inspection(part(MOBILE), part(MOBILE, NAME), distinct={"cn.mobile": 3, "email": 1}, persons=7),
        (),
    )
    assert facts.seen == {"cn.mobile": Seen((MOBILE, MOBILE), 3), "email": Seen((), 1), "cn.person-name": Seen((NAME,))}
    assert (facts.persons, facts.has_body, len(facts.parts)) == (7, False, 2)


def entry(*, applies=True, classes=(), names=()):
    return Authorised("a", lambda _: HOLDS if applies else None, frozenset(classes), names_test(names))


@pytest.mark.parametrize(
    ("authorised", "found", "allowed"),
    [
        pytest.param(entry(classes=["personal"]), finding("cn.resident-id", 1, "personal"), True, id="class"),
        pytest.param(entry(classes=["personal"]), finding("x", 1, "personal", "secret"), False, id="one class of two"),
        pytest.param(entry(classes=["personal"]), finding("x"), False, id="a finding without class"),
        pytest.param(entry(names=["doc.contract"]), finding("doc.contract", 1, "document"), True, id="name"),
        pytest.param(entry(names=["doc.*"]), finding("doc.contract", 1, "document"), True, id="names below"),
        pytest.param(entry(names=["doc.contract"]), finding("doc.contracts"), False, id="another name"),
    ],
)
def test_authorised_allows_what_it_names(authorised, found, allowed):
    assert authorised.allows(found) is allowed


def test_unauthorised_leaves_out_only_what_is_allowed_here():
    contract, ident = finding("doc.contract", 1, "document"), finding("cn.resident-id", 4, "personal")
    found = inspection(part(contract, ident), distinct={"cn.resident-id": 4, "email": 2})
    facts = gather(transfer(), found, (entry(classes=["personal"]), entry(applies=False, names=["doc.contract"])))
    left = facts.unauthorised()
    assert left.seen == {"doc.contract": Seen((contract,)), "email": Seen((), 2)}
    assert facts.unauthorised() is left, "made once"
    assert "cn.resident-id" in facts.seen


def test_unauthorised_forgets_the_whole_count_when_a_part_of_it_is_allowed():
    public, private = finding("x.y", 1, "internal"), finding("x.y", 2, "secret")
    facts = gather(
        transfer(), inspection(part(public), part(private), distinct={"x.y": 3}), (entry(classes=["internal"]),)
    )
    assert facts.unauthorised().seen == {"x.y": Seen((private,), None)}


def test_without_authorised_entries_the_facts_are_the_same():
    facts = gather(transfer(), inspection(part(MOBILE)), (entry(applies=False),))
    assert facts.unauthorised() is facts


@pytest.mark.parametrize(
    ("report", "unread"),
    [
        pytest.param(part(), False, id="read"),
        pytest.param(part(reason="malformed"), True, id="a reason"),
        pytest.param(part(coverage=Coverage.ENCRYPTED), True, id="encrypted"),
        pytest.param(part(coverage=Coverage.PARTIAL), True, id="partial"),
    ],
)
def test_is_unread(report, unread):
    assert is_unread(report) is unread


def test_a_proof_tells_nothing_unless_it_was_told():
    assert Proof((), frozenset()) == HOLDS
