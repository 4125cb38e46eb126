import pytest
from sqlalchemy import select

from gateway.records import due
from gateway.records.chain import Anchor
from gateway.records.due import Event
from gateway.records.rows import Batch
from gateway.records.schema import EVENTS_DUE, JOURNALS, TRANSFERS
from gateway.records.store import Store
from tests.samples.records import Clock, body, identity, line, outcome

START = 1772366400.001
"""Unix time at which the first batch is indexed."""


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "a.db", now=Clock(step_ms=1)) as store:
        yield store


def _index(store, run, *lines, told=False):
    store.index(Batch(run, lines, Anchor(f"{run}.jsonl", 9, "a" * 64, 90), 90, done=True, told=told))


def _due(store, waiting_since=0.0, limit=10):
    with store.transaction() as connection:
        return [event.id for event in due.select_due(connection, waiting_since=waiting_since, limit=limit)]


def _rows(store, table):
    with store.transaction() as connection:
        return connection.execute(select(table).order_by(table.c[0])).all()


def test_a_transfer_is_due_when_its_outcome_is_known(store):
    _index(store, "r", line("verdict", body(1)), line("verdict", body(2)), line("outcome", outcome(2)))
    assert _due(store) == [identity(2)]
    with store.transaction() as connection:
        (event,) = due.select_due(connection, waiting_since=0.0, limit=10)
    assert event == Event(identity(2), line("verdict", body(2)).body.decode(), "refused (403)")


@pytest.mark.parametrize(
    ("waiting_since", "expected"),
    [
        pytest.param(START, [], id="just indexed"),
        pytest.param(START + 0.0005, [identity(1)], id="long ago"),
    ],
)
def test_a_transfer_without_outcome_is_due_after_a_while(store, waiting_since, expected):
    _index(store, "r", line("verdict", body(1)))
    assert _due(store, waiting_since) == expected


def test_the_oldest_come_first_and_not_too_many(store):
    for number in (3, 1, 2):
        _index(store, "r", line("verdict", body(number)), line("outcome", outcome(number)))
    assert _due(store, limit=2) == [identity(1), identity(2)]


def test_what_is_told_is_not_due_and_forgotten_once_its_outcome_is_known(store):
    _index(store, "r", line("verdict", body(1)), line("verdict", body(2)), line("outcome", outcome(1)))
    with store.transaction() as connection:
        due.mark_told(connection, [identity(1), identity(2), "unknown"])
        due.forget_settled(connection)
    assert _due(store, START * 2) == []
    assert [row.id for row in _rows(store, EVENTS_DUE)] == [identity(2)]
    _index(store, "r", line("outcome", outcome(2)))
    with store.transaction() as connection:
        due.forget_settled(connection)
    assert _rows(store, EVENTS_DUE) == []


def test_transfers_of_dead_processes_are_aborted(store):
    _index(store, "dead", line("verdict", body(1)), line("verdict", body(2)), line("outcome", outcome(2)))
    _index(store, "live", line("verdict", body(3)))
    with store.transaction() as connection:
        assert due.abandon(connection, {"live"}) == 1
        assert due.abandon(connection, {"live"}) == 0
    assert [row.outcome for row in _rows(store, TRANSFERS)] == ["aborted", "refused (403)", ""]
    with store.transaction() as connection:
        assert due.abandon(connection, set()) == 1


def test_the_index_is_forgotten_and_what_cannot_be_read_again_is_not(store):
    _index(store, "r", line("verdict", body(1)))
    with store.transaction() as connection:
        due.forget_index(connection)
    assert _rows(store, TRANSFERS) == []
    assert [(row.seq, row.position, row.done) for row in _rows(store, JOURNALS)] == [(9, 0, False)]
    assert [row.id for row in _rows(store, EVENTS_DUE)] == [identity(1)]
    assert store.incident(identity(1)) is None
    _index(store, "r", line("verdict", body(1)), told=True)
    assert store.incident(identity(1))["incident"]["state"] == "open"
    assert [row.told for row in _rows(store, EVENTS_DUE)] == [False]
