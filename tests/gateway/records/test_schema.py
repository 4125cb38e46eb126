import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from gateway.records.schema import METADATA, create_tables


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    yield engine
    engine.dispose()


def test_tables_are_made_once(engine):
    for _ in range(2):
        with engine.begin() as connection:
            create_tables(connection)
    found = inspect(engine)
    assert sorted(found.get_table_names()) == ["events_due", "incidents", "journal_anchors", "meta", "transfers"]
    assert sorted(index["name"] for index in found.get_indexes("transfers")) == [
        "transfers_action",
        "transfers_at",
        "transfers_user",
    ]


def test_the_tables_can_be_said_in_postgresql():
    for table in METADATA.sorted_tables:
        assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
