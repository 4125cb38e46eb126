import pytest
from sqlalchemy import create_engine, select

from gateway.records.chain import Anchor
from gateway.records.schema import INCIDENTS, JOURNALS, META, create_tables
from gateway.records.upsert import Position, put, put_position


@pytest.fixture
def connection(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.begin() as connection:
        create_tables(connection)
        yield connection
    engine.dispose()


def _row(state, note=""):
    return {"id": "a", "state": state, "note": note, "closed_by": "", "at": "2026"}


def test_put_inserts_and_updates(connection):
    put(connection, META, [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}])
    put(connection, META, [{"name": "b", "value": "3"}, {"name": "c", "value": "4"}])
    assert connection.execute(select(META).order_by(META.c.name)).all() == [("a", "1"), ("b", "3"), ("c", "4")]


def test_put_keeps_columns_of_rows_that_are_there(connection):
    put(connection, INCIDENTS, [_row("open", "first")])
    put(connection, INCIDENTS, [_row("closed", "second")], keep=("state",))
    assert connection.execute(select(INCIDENTS)).one() == ("a", "open", "second", "", "2026")
    put(connection, INCIDENTS, [_row("closed", "third")], keep=("state", "note", "closed_by", "at"))
    assert connection.execute(select(INCIDENTS)).one() == ("a", "open", "second", "", "2026")


def test_put_nothing(connection):
    put(connection, META, [])
    assert connection.execute(select(META)).all() == []


@pytest.mark.parametrize(
    ("seq", "digest", "expected"),
    [
        pytest.param(6, "c", (6, "c", 60), id="forward"),
        pytest.param(4, "c", (5, "b", 50), id="back: what was seen stays"),
        pytest.param(5, "c", (5, "b", 50), id="the same record, changed: what was seen stays"),
    ],
)
def test_an_anchor_only_moves_forward(connection, seq, digest, expected):
    put_position(connection, Position(Anchor("f", 5, "b", 50), 50, done=True))
    put_position(connection, Position(Anchor("f", seq, digest, seq * 10), 7, done=False))
    row = connection.execute(select(JOURNALS)).one()
    assert (row.seq, row.hash, row.size) == expected
    assert (row.position, row.done) == (7, False)
