"""The store read by somebody who may change nothing in it."""

import os
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from gateway.errors import RecordError, StartError
from gateway.records import reader as module
from gateway.records.reader import Reader
from gateway.records.store import Store
from tests.samples import incidents
from tests.samples.incidents import NOW

LONG_AGO = NOW - timedelta(days=30)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a store?.db"
    incidents.fill(path)
    return path


@pytest.fixture
def reader(path):
    return Reader(path)


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8, 500])
def test_every_record_comes_once_the_newest_first(reader, monkeypatch, page):
    monkeypatch.setattr(module, "PAGE_ROWS", page)
    found = [record["id"] for record in reader.records(LONG_AGO)]
    assert found == [incidents.identity(number) for number in (8, 6, 5, 4, 3, 2, 1, 7)]
    assert reader.count(LONG_AGO) == 8


def test_of_one_moment_none_is_lost(path, monkeypatch):
    monkeypatch.setattr(module, "PAGE_ROWS", 2)
    with Store.open(path) as store:
        incidents.put(store, [incidents.record(number, at=NOW) for number in range(20, 25)])
    found = [record["id"] for record in Reader(path).records(NOW)]
    assert found == [incidents.identity(number) for number in (24, 23, 22, 21, 20)]


def test_only_since_then(reader):
    assert reader.count(NOW - timedelta(days=1)) == 7
    assert len(list(reader.records(NOW - timedelta(days=1)))) == 7
    assert list(reader.records(NOW)) == []


def test_a_record_that_is_none_is_told(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE transfers SET record = '[1]' WHERE id = ?", [incidents.identity(8)])
        connection.execute("UPDATE transfers SET record = '{' WHERE id = ?", [incidents.identity(6)])
    assert [record is None for record in Reader(path).records(LONG_AGO)] == [True, True, *[False] * 6]


def test_nothing_is_written_and_a_writer_goes_on(path, reader):
    before = path.read_bytes()
    pages = reader.records(LONG_AGO)
    next(pages)
    with Store.open(path) as store:
        incidents.put(store, [incidents.record(30)])
    assert len(list(pages)) == 7
    with (
        pytest.raises(RecordError, match=r"^the store cannot be read \(SQLITE_READONLY\)$"),
        reader._connection() as own,
    ):
        own.exec_driver_sql("DELETE FROM transfers")
    assert len(before) <= os.path.getsize(path)


@pytest.mark.parametrize(
    "content", [None, b"no database at all, but long enough to look like one" * 9], ids=["none", "text"]
)
def test_what_is_no_store_ends_the_start(tmp_path, content):
    path = tmp_path / "sluice.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartError, match=r"sluice\.db: the store cannot be read \(SQLITE_\w+\); has the gateway run"):
        Reader(path)
    assert path.exists() is (content is not None)
