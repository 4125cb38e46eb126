"""Records as facts again: the same verdict as when they were made, and nothing raised by what is no record."""

import copy
import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.findings import Action, Inspection
from gateway.parts import Coverage, Encryption, Grade
from gateway.policy.cases import CASE_DAY, inspection_of, transfer_of
from gateway.policy.decide import decide, refuse_size
from gateway.policy.load import load_policy
from gateway.records.connection import Connection, connection_record
from gateway.records.record import build_record
from gateway.records.restore import restore
from gateway.transfer import Actor, Category, Request
from tests.samples import incidents
from tests.samples.policies import finding, part, transfer

DEFAULT = load_policy(None)


def record_of(transfer, inspection, policy=DEFAULT):
    """The verdict, and the record of it after a way through JSON."""
    verdict = decide(transfer, inspection, policy, today=CASE_DAY)
    return verdict, json.loads(json.dumps(build_record(transfer, inspection, verdict, node="n", duration_ms=1)))


@pytest.mark.parametrize("case", DEFAULT.cases, ids=lambda case: case.name)
def test_every_case_is_decided_as_before_from_its_record(case):
    verdict, record = record_of(transfer_of(case), inspection_of(case, DEFAULT.size_unit))
    past = restore(record)
    again = decide(past.transfer, past.inspection, DEFAULT, today=past.day)
    assert (again.action, [g.rule for g in again.grounds]) == (verdict.action, [g.rule for g in verdict.grounds])
    assert [g.because for g in again.grounds] == [g.because for g in verdict.grounds]
    assert (past.action, past.gaps, past.day) == (verdict.action, frozenset(), date(2026, 12, 1))


def test_facts_come_back():
    sent = transfer(actor=Actor("li", ("a", "b"), "staff", "sales", "10.0.0.7"), kind="file", reader="generic")
    sent = replace(
        sent, at="2026-12-01T17:00:00.000Z", request=Request(headers={"content-type": "text/plain"}, bytes=7)
    )
    parts = (
        part(finding("cn.mobile", 2, "contact"), depth=2, is_file=False),
        part(reason="too-large", detail="max_depth: 9 is over", coverage=Coverage.TOO_LARGE),
    )
    inspected = Inspection(parts, {"cn.mobile": 1}, 3, rules_overtime=("r",), known_hash="seen")
    past = restore(record_of(sent, inspected)[1])
    assert (past.transfer.actor, past.transfer.destination) == (sent.actor, sent.destination)
    assert (past.transfer.request.content_type, past.transfer.request.bytes) == ("text/plain", 7)
    assert past.day == date(2026, 12, 2)
    told = past.inspection
    assert (told.distinct, told.persons, told.known_hash, bool(told.rules_overtime)) == (
        {"cn.mobile": 1},
        3,
        "seen",
        True,
    )
    assert [(p.depth, p.is_file, p.reason, p.detail) for p in told.parts] == [
        (2, False, "", ""),
        (0, True, "too-large", "max_depth:"),
    ]
    assert told.parts[0].findings[0] == replace(parts[0].findings[0], sample="", location="")


OLD_KEYS = ("is_file", "depth", "reason", "limit")


def old(record):
    """The record as it was before the facts were kept."""
    record = copy.deepcopy(record)
    del record["inspection"], record["destination"]["reader"]
    for each in record["parts"]:
        for key in OLD_KEYS:
            del each[key]
    return record


def test_an_old_record_says_so_and_is_read_as_far_as_it_goes():
    past = restore(old(incidents.record(1)))
    assert past.gaps == {"old-record"}
    assert [p.depth for p in past.inspection.parts] == [0, 1, 1, 1, 2]
    assert [p.is_file for p in past.inspection.parts] == [True, False, False, False, False]
    assert [p.reason for p in past.inspection.parts] == ["", "", "", "encrypted", "encrypted"]
    assert (past.inspection.persons, past.inspection.distinct, past.inspection.failure) == (24, {}, "")


def test_an_old_record_without_inspection_stays_one():
    _, record = record_of(transfer(), Inspection(failure="crash"))
    assert restore(old(record)).inspection.failure == "other"


def test_what_cannot_be_told_is_named():
    record = incidents.record(1)
    assert restore(record | {"parts_omitted": 3}).gaps == {"parts-omitted"}
    assert restore(record | {"messages": 3, "handshake": "019a"}).gaps == {"messages"}
    verdict = decide(transfer(), Inspection(), DEFAULT, today=CASE_DAY)
    told = connection_record(transfer(), verdict, Connection("ssh"), Coverage.UNKNOWN_PROTOCOL, node="n", duration_ms=0)
    assert restore(told).gaps == {"connection"}


def test_a_verdict_by_length_is_known():
    sent = transfer(category=Category.MESSAGING, body_bytes=1 << 30)
    verdict = refuse_size(sent, 1 << 30, DEFAULT, today=CASE_DAY, whole_body=True)
    record = build_record(sent, Inspection(failure="too-large"), verdict, node="n", duration_ms=1)
    past = restore(record)
    assert (past.by_length, past.action, past.stopping) == (True, Action.BLOCK, ("size.messaging-file",))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        pytest.param(("verdict",), None, id="no verdict"),
        pytest.param(("verdict", "action"), "perhaps", id="no action"),
        pytest.param(("at",), "yesterday", id="no time"),
        pytest.param(("at",), 7, id="a number for a time"),
        pytest.param(("parts",), 7, id="no parts"),
        pytest.param(("destination", "region"), "moon", id="no region"),
        pytest.param(("inspection", "distinct"), [1], id="no counts"),
        pytest.param(("request", "bytes"), float("inf"), id="no length"),
    ],
)
def test_what_is_no_record_is_none(where, value):
    record = json.loads(json.dumps(incidents.record(1)))
    place = record
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    assert restore(record) is None


def test_a_time_without_zone_is_utc_and_texts_of_another_kind_are_empty():
    record = json.loads(json.dumps(incidents.record(1))) | {"at": "2026-03-02T20:00:00"}
    record["actor"]["user"] = 7
    past = restore(record)
    assert (past.day, past.transfer.actor.user) == (date(2026, 3, 3), "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted(incidents.record(1))


@given(st.sampled_from(KEYS), JSON)
def test_nothing_makes_it_raise(key, value):
    past = restore(incidents.record(1) | {key: value})
    assert past is None or past.action is not None


def test_encryption_comes_back():
    sealed = part(grade=Grade.STRONG, scheme="zip-aes-256", coverage=Coverage.ENCRYPTED, reason="encrypted")
    past = restore(record_of(transfer(), Inspection((sealed,)))[1])
    assert past.inspection.parts[0].encryption == Encryption("zip-aes-256", Grade.STRONG)
