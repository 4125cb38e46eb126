from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.records.chain import Anchor
from gateway.records.queries import IncidentFilter, IncidentRow, IncidentState
from gateway.records.rows import Batch
from gateway.records.store import Store
from tests.samples.records import Clock, body, identity, line, outcome

BODIES = [
    body(1),
    body(2, action="hold", user="wang.fang", ip="10.0.0.8"),
    body(3, service="feishu", host="open.feishu.cn", region="domestic", country="CN"),
    body(4, rules=["pi.abroad", "encryption.required"], signatures=["cn.mobile", "email"]),
    body(5, rules=["encryption.required.strict"], name="合同 100%_完.pdf"),
    body(6, at="2026-03-02T00:00:00.000Z"),
    body(7, action="allow", user="li.wei"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("store") / "a.db", now=Clock()) as store:
        lines = [line("verdict", content) for content in BODIES]
        lines.append(line("outcome", outcome(6)))
        store.index(Batch("r", lines, Anchor("f", 9, "a" * 64, 90), 90))
        store.set_state(identity(2), IncidentState.RELEASED, "chen.it", "合同已备案")
        yield store


def _day(day, **zone):
    return datetime(2026, 3, day, tzinfo=UTC, **zone)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, [6, 5, 4, 3, 2, 1], id="all, newest first, no allowed transfer"),
        pytest.param({"action": "hold"}, [2], id="action"),
        pytest.param({"action": "allow"}, [], id="allowed transfers are no incidents"),
        pytest.param({"user": "wang.fang"}, [2], id="user"),
        pytest.param({"user": "wang"}, [], id="half a user"),
        pytest.param({"service": "feishu"}, [3], id="service"),
        pytest.param({"region": "domestic"}, [3], id="region"),
        pytest.param({"rule": "encryption.required"}, [6, 4, 3, 2, 1], id="rule"),
        pytest.param({"rule": "encryption"}, [], id="half a rule"),
        pytest.param({"rule": "encryption_required"}, [], id="underscore is no wildcard"),
        pytest.param({"rule": "%"}, [], id="percent is no wildcard"),
        pytest.param({"signature": "email"}, [4], id="signature"),
        pytest.param({"since": _day(2)}, [6], id="since, inclusive"),
        pytest.param({"until": _day(2)}, [5, 4, 3, 2, 1], id="until, exclusive"),
        pytest.param(
            {"since": datetime(2026, 3, 2, 8, tzinfo=timezone(timedelta(hours=8)))}, [6], id="since in another zone"
        ),
        pytest.param({"text": "FEISHU.cn"}, [3], id="text in the host, any case"),
        pytest.param({"text": "合同"}, [5], id="text in a file name"),
        pytest.param({"text": "100%_"}, [5], id="wildcards in text are text"),
        pytest.param({"text": "0.8"}, [2], id="text in the address"),
        pytest.param({"text": identity(4)}, [4], id="an id"),
        pytest.param({"text": "' OR 1=1 --"}, [], id="SQL in text"),
        pytest.param({"text": "\0\ud800"}, [], id="what is no text"),
        pytest.param({"state": "released"}, [2], id="state"),
        pytest.param({"state": "open", "service": "slack"}, [6, 5, 4, 1], id="two fields"),
        pytest.param({"limit": 2}, [6, 5], id="limit"),
        pytest.param({"limit": 0}, [6], id="limit too small"),
        pytest.param({"limit": 1 << 70}, [6, 5, 4, 3, 2, 1], id="limit too large"),
        pytest.param({"limit": 2, "before_id": identity(5)}, [4, 3], id="next page"),
        pytest.param({"before_id": identity(1)}, [], id="after the last page"),
    ],
)
def test_incidents(store, asked, expected):
    rows = store.incidents(IncidentFilter(**asked))
    assert [row.id for row in rows] == [identity(number) for number in expected]
    if not {"limit", "before_id"} & set(asked):
        assert store.count(IncidentFilter(**asked)) == len(expected)


def test_count_is_of_all_pages(store):
    assert store.count(IncidentFilter(limit=2, before_id=identity(2))) == 6


def test_a_row_says_all_that_a_list_shows(store):
    (row,) = store.incidents(IncidentFilter(user="wang.fang"))
    assert row == IncidentRow(
        id=identity(2),
        at="2026-03-01T12:00:00.002Z",
        action="hold",
        user="wang.fang",
        ip="10.0.0.8",
        host="api.slack.com",
        service="slack",
        category="messaging",
        region="overseas",
        country="US",
        rules=("encryption.required",),
        signatures=("cn.resident-id",),
        coverage="inspected",
        bytes=1002,
        outcome="",
        state=IncidentState.RELEASED,
        note="合同已备案",
        closed_by="chen.it",
        state_at="2026-03-01T12:00:00.002Z",
    )


def test_one_incident_is_its_record_with_outcome_and_state(store):
    assert store.incident(identity(6)) == {
        **body(6, at="2026-03-02T00:00:00.000Z"),
        "outcome": "refused (403)",
        "incident": {"state": "open", "note": "", "closed_by": "", "at": "2026-03-02T00:00:00.000Z"},
        "journal": {"file": "f", "seq": 2},
    }


@pytest.mark.parametrize("wanted", [pytest.param(identity(7), id="allowed"), "", "x", "\ud800", "' OR 1=1 --"])
def test_no_incident(store, wanted):
    assert store.incident(wanted) is None


def test_records_of_a_rule_are_told_refused_or_not(store):
    def named(rule, day=1):
        return [record["id"] for record in store.records(rule, _day(day))]

    every = named("encryption.required")
    assert identity(7) in every
    assert identity(5) not in every
    assert named("encryption.required", day=2) == [identity(6)]
    assert named("pi.abroad") == [identity(4)]
    assert named("pi.abro") == named("%") == []
    assert [record["id"] for record in store.records("encryption.required", _day(1), limit=1)] == [identity(6)]
