from datetime import UTC, datetime

import pytest

from gateway.records.chain import Anchor
from gateway.records.overview import KnownValues, Total, known_values, newer_cursor, totals
from gateway.records.queries import IncidentFilter
from gateway.records.rows import Batch
from gateway.records.store import Store
from tests.samples.records import Clock, body, identity, line

BODIES = [
    body(1, at="2026-02-28T23:59:59.999Z"),
    body(2, action="hold", user="wang.fang", signatures=["email", "cn.mobile"]),
    body(3, service="feishu", rules=["a", "b"]),
    body(4, action="allow", user="chen.it"),
    body(5, user=""),
]


@pytest.fixture
def empty(tmp_path):
    with Store.open(tmp_path / "a.db", now=Clock()) as store:
        yield store


@pytest.fixture
def store(empty):
    empty.index(Batch("r", [line("verdict", content) for content in BODIES], Anchor("f", 9, "a" * 64, 90), 90))
    return empty


def test_totals_count_every_transfer_since_then(store):
    found = totals(store, datetime(2026, 3, 1, tzinfo=UTC))
    assert sorted(found, key=lambda total: total.action) == [
        Total("allow", "inspected", 1),
        Total("block", "inspected", 2),
        Total("hold", "inspected", 1),
    ]
    assert sum(total.transfers for total in totals(store, datetime(2026, 2, 1, tzinfo=UTC))) == 5
    assert totals(store, datetime(2027, 1, 1, tzinfo=UTC)) == []


def test_known_values_are_those_of_incidents(store, empty):
    assert known_values(store) == KnownValues(
        users=("li.wei", "wang.fang"),
        services=("feishu", "slack"),
        rules=("a", "b", "encryption.required"),
        signatures=("cn.mobile", "cn.resident-id", "email"),
    )


def test_nothing_is_known_of_an_empty_store(empty):
    assert known_values(empty) == KnownValues((), (), (), ())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"limit": 1, "before_id": identity(2)}, identity(3), id="one page up"),
        pytest.param(
            {"limit": 2, "before_id": identity(2)}, identity(5), id="two rows a page: 2 and 3, up to before 5"
        ),
        pytest.param({"limit": 3, "before_id": identity(2)}, "", id="the newest page is next"),
        pytest.param(
            {"limit": 1, "before_id": identity(1), "user": "li.wei"}, identity(3), id="among the filtered ones"
        ),
        pytest.param({"limit": 1, "before_id": identity(9)}, "", id="newer than all"),
        pytest.param({"limit": 1, "before_id": "\ud800"}, "", id="no id at all"),
    ],
)
def test_newer_cursor(store, asked, expected):
    assert newer_cursor(store, IncidentFilter(**asked)) == expected
