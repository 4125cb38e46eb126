"""The shared database: all or nothing, and a file that cannot be read is moved away, never emptied."""

import os
import sqlite3
import threading
from contextlib import closing

import pytest

from gateway.errors import StoreError, StoreFull
from gateway.uploads.database import Database, faults

SCHEMA = "CREATE TABLE IF NOT EXISTS t (x INTEGER PRIMARY KEY); CREATE INDEX IF NOT EXISTS i ON t (x)"


def opened(tmp_path, application_id=7):
    return Database(tmp_path / "d" / "x.db", SCHEMA, application_id)


@pytest.fixture
def database(tmp_path):
    database = opened(tmp_path)
    yield database
    database.close()


def add(database, number):
    with database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (?)", (number,))


def everything(database):
    with database.transaction(is_reading=True) as connection:
        return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]


def test_what_was_written_is_there_for_everybody(database, tmp_path):
    add(database, 1)
    other = opened(tmp_path)
    add(other, 2)
    assert everything(database) == everything(other) == [1, 2]
    assert (database.set_aside, other.set_aside) == (None, None)
    other.close()


def test_nobody_else_may_read_it(database, tmp_path):
    add(database, 1)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "d").iterdir()}
    assert oct((tmp_path / "d").stat().st_mode & 0o777) == "0o700"
    assert set(modes.values()) == {"0o600"}
    assert set(modes) >= {"x.db", "x.db-wal"}


def test_a_schema_may_have_triggers(tmp_path):
    schema = (
        f"{SCHEMA}; CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t WHERE x = 1; DELETE FROM t WHERE x = 2; END;"
    )
    database = Database(tmp_path / "x.db", schema, 7)
    for number in (1, 2, 3):
        add(database, number)
    assert everything(database) == [3]
    database.close()


def test_a_transaction_that_fails_leaves_nothing(database):
    def fail():
        with database.transaction() as connection:
            connection.execute("INSERT INTO t VALUES (1)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert everything(database) == []
    add(database, 1)


def test_a_statement_that_fails_is_a_store_error(database):
    add(database, 1)
    with pytest.raises(StoreError, match="unusable"):
        add(database, 1)
    add(database, 2)
    assert everything(database) == [1, 2]


def test_threads_share_it(database):
    threads = [threading.Thread(target=add, args=(database, number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert everything(database) == list(range(8))


def test_one_reads_while_another_writes(database):
    add(database, 1)
    with database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (2)")
        assert everything(database) == [1]
    assert everything(database) == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database at all" * 99, id="text"),
        pytest.param(b"SQLite format 3\x00" + b"\xff" * 9000, id="broken header"),
    ],
)
def test_a_file_that_is_no_database_is_set_aside(tmp_path, content):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.db").write_bytes(content)
    database = opened(tmp_path)
    assert database.set_aside == tmp_path / "d" / "x.db.unreadable-1"
    assert database.set_aside.read_bytes() == content
    add(database, 1)
    assert everything(database) == [1]
    database.close()


def test_a_database_with_a_page_overwritten_is_set_aside(tmp_path):
    database = opened(tmp_path)
    for number in range(3000):
        add(database, number)
    database.close()
    path = tmp_path / "d" / "x.db"
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xa5" * 4096
    path.write_bytes(data)
    database = opened(tmp_path)
    assert database.set_aside is not None
    assert everything(database) == []
    database.close()


def test_a_database_of_something_else_is_set_aside(tmp_path, database):
    add(database, 1)
    database.close()
    other = opened(tmp_path, application_id=8)
    assert other.set_aside == tmp_path / "d" / "x.db.unreadable-1"
    assert everything(other) == []
    other.close()
    again = opened(tmp_path, application_id=9)
    assert again.set_aside == tmp_path / "d" / "x.db.unreadable-2"
    again.close()
    with closing(sqlite3.connect(tmp_path / "d" / "x.db.unreadable-1")) as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_what_goes_with_it_is_set_aside_too(tmp_path, database):
    add(database, 1)
    other = opened(tmp_path, application_id=8)
    add(other, 2)
    assert (tmp_path / "d" / "x.db.unreadable-1-wal").exists()
    with closing(sqlite3.connect(tmp_path / "d" / "x.db.unreadable-1")) as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    assert everything(other) == [2]
    other.close()


def test_another_process_that_set_it_aside_is_followed(tmp_path, database):
    add(database, 1)
    (tmp_path / "d" / "x.db").rename(tmp_path / "d" / "old")
    other = opened(tmp_path)
    add(other, 2)
    assert everything(database) == [2]
    other.close()


def test_a_file_that_was_deleted_is_an_error_and_not_an_empty_store(tmp_path, database):
    add(database, 1)
    (tmp_path / "d" / "x.db").unlink()
    with pytest.raises(StoreError, match="unusable"):
        everything(database)


def test_few_connections_are_kept(database):
    before = len(os.listdir("/proc/self/fd"))
    contexts = [database.transaction(is_reading=True) for _ in range(9)]
    for context in contexts:
        context.__enter__()
    for context in contexts:
        context.__exit__(None, None, None)
    assert len(os.listdir("/proc/self/fd")) - before <= 3 * 4


def test_a_path_where_nothing_can_be_made(tmp_path):
    (tmp_path / "d").write_bytes(b"")
    with pytest.raises(StoreError, match="unusable"):
        opened(tmp_path)


def test_a_directory_in_its_place(tmp_path):
    (tmp_path / "d" / "x.db" / "y").mkdir(parents=True)
    with pytest.raises(StoreError, match="unusable"):
        opened(tmp_path)


def test_a_database_that_cannot_be_looked_at_is_not_set_aside(tmp_path, database, monkeypatch):
    add(database, 1)
    database.close()
    monkeypatch.setattr("gateway.uploads.database.BUSY_S", 0.01)
    with closing(sqlite3.connect(tmp_path / "d" / "x.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("INSERT INTO t VALUES (5)")
        with pytest.raises(StoreError, match="unusable"):
            opened(tmp_path)
        holder.execute("ROLLBACK")
    assert not (tmp_path / "d" / "x.db.unreadable-1").exists()


def test_a_full_database_is_told_apart(database):
    with database.transaction() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull) as caught, database.transaction() as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(9000)])
    assert (caught.value.reason, caught.value.bound) == ("full", "disk")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(OSError(28, "no space"), "full", id="disk"),
        pytest.param(OSError(122, "quota"), "full", id="quota"),
        pytest.param(OSError(5, "broken"), "unusable", id="broken disk"),
        pytest.param(sqlite3.ProgrammingError("x"), "unusable", id="SQLite"),
        pytest.param(OverflowError(), "unusable", id="number too large"),
        pytest.param(StoreError("closed"), "closed", id="of our own"),
    ],
)
def test_faults(error, reason):
    with pytest.raises(StoreError) as caught, faults():
        raise error
    assert caught.value.reason == reason
