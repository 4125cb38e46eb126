import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from gateway.errors import RecordError, StartError
from gateway.records.chain import Anchor
from gateway.records.queries import IncidentFilter, IncidentState
from gateway.records.rows import Batch
from gateway.records.store import Store
from gateway.records.upsert import Position
from tests.samples.records import Clock, body, identity, largest_file, line, outcome
from tests.support.disks import fill, mounted


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "sluice.db"


@pytest.fixture
def store(path):
    with Store.open(path, now=Clock()) as store:
        yield store


def _batch(*lines, seq=9, file="f", **over):
    return Batch("run", lines, Anchor(file, seq, f"{seq:064}", seq * 10), seq * 10, **over)


def test_the_file_is_made_for_its_owner_alone(store, path):
    store.check_writable()
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_batch_indexed_again_changes_nothing(store):
    lines = [line("verdict", body(1)), line("verdict", body(2)), line("outcome", outcome(1))]
    assert store.index(_batch(*lines)) == 0
    store.set_state(identity(1), IncidentState.CLOSED, "chen.it", "done")
    before = (store.incidents(IncidentFilter()), store.incident(identity(1)), store.positions())
    assert store.index(_batch(*lines)) == 0
    assert (store.incidents(IncidentFilter()), store.incident(identity(1)), store.positions()) == before
    assert store.index(_batch(lines[0])) == 0
    assert store.incident(identity(1))["outcome"] == "refused (403)"


def test_lines_that_are_not_what_they_promise_are_counted(store):
    assert store.index(_batch(line("verdict", b"{}"), line("verdict", body(1)), line("outcome", b"{}"))) == 2
    assert store.count(IncidentFilter()) == 1


def test_positions_and_anchors_are_remembered(store, path):
    store.index(_batch(seq=3))
    store.index(_batch(seq=5, file="g", done=True))
    store.index(_batch(seq=0, file="empty"))
    with Store.open(path) as again:
        assert again.positions() == {
            "f": Position(Anchor("f", 3, f"{3:064}", 30), 30, done=False),
            "g": Position(Anchor("g", 5, f"{5:064}", 50), 50, done=True),
            "empty": Position(Anchor("empty", 0, f"{0:064}", 0), 0, done=False),
        }
        assert again.anchors() == [Anchor("f", 3, f"{3:064}", 30), Anchor("g", 5, f"{5:064}", 50)]


def test_hostile_text_is_indexed(store):
    hostile = body(1, user="a\0\ud800'; DROP TABLE transfers; --", host="h" * 10_000, name="\ud800.pdf")
    store.index(_batch(line("verdict", hostile)))
    (row,) = store.incidents(IncidentFilter(user="a\0\ud800'; DROP TABLE transfers; --"))
    assert row.user == "a\ufffd?'; DROP TABLE transfers; --"
    assert store.incident(identity(1))["actor"]["user"] == "a\0\ud800'; DROP TABLE transfers; --"


def test_states(store):
    store.index(_batch(line("verdict", body(1))))
    assert store.set_state(identity(1), IncidentState.CLOSED, "chen.it", "重复")
    found = store.incident(identity(1))["incident"]
    assert found == {"state": "closed", "note": "重复", "closed_by": "chen.it", "at": "2026-03-01T12:00:00.002Z"}
    assert store.incident("unknown") is None
    assert not store.set_state("unknown", IncidentState.CLOSED, "chen.it", "")


def test_remembered_values(store):
    assert store.recall("events") == ""
    store.remember("events", "1:2")
    store.remember("events", "1:3")
    assert store.recall("events") == "1:3"


def test_many_threads_share_a_store(store):
    def work(number):
        store.index(_batch(line("verdict", body(number)), file=f"f{number}"))
        return store.count(IncidentFilter())

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(work, range(100)))
    assert max(counts) == 100


def test_two_processes_may_make_the_tables_at_once(path):
    start = threading.Barrier(4)

    def work(_):
        start.wait()
        with Store.open(path) as store:
            return store.recall("schema")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == ["2"] * 4


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("/dev/null/sluice.db", "cannot be opened", id="below a file"),
        pytest.param("/proc/sluice.db", "cannot be opened", id="no place for files"),
        pytest.param("nonsense://user:hunter2@host/db", "cannot be opened", id="no database"),
        pytest.param("postgresql+psycopg://user:hunter2@host/db", "cannot be opened", id="driver not installed"),
    ],
)
def test_what_cannot_be_opened_is_told_without_its_password(target, message):
    with pytest.raises(StartError, match=message) as caught:
        Store.open(target)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "a.db").write_bytes(b"noise" * 1000)
    with pytest.raises(StartError, match=r"a\.db cannot be opened \(SQLITE_NOTADB\)"):
        Store.open(tmp_path / "a.db")


def test_a_store_of_another_version_is_told(store, path):
    store.remember("schema", "0")
    with pytest.raises(StartError, match=r"has layout 0 and this version needs 2; .*rebuild"):
        Store.open(path)


def test_a_full_disk_loses_no_earlier_row(tmp_path):
    with mounted(tmp_path / "disk", "size=1m") as disk, Store.open(disk / "a.db") as store:
        store.index(_batch(line("verdict", body(1))))
        filler = fill(disk)
        big = [line("verdict", body(number, name="x" * 4000)) for number in range(2, 60)]
        with pytest.raises(RecordError, match="SQLITE_FULL"):
            store.index(_batch(*big))
        assert store.count(IncidentFilter()) == 1
        filler.unlink()
        store.index(_batch(*big))
        store.check_writable()
        assert store.count(IncidentFilter()) == 59


def test_a_file_size_limit_is_an_error_and_no_end(store):
    store.index(_batch(line("verdict", body(1))))
    with largest_file(1000), pytest.raises(RecordError, match="SQLITE_"):
        store.check_writable()
    store.check_writable()
    assert store.count(IncidentFilter()) == 1


def test_a_store_somebody_else_holds_is_told(store, path, monkeypatch):
    monkeypatch.setattr("gateway.records.store._SET_UP", {"sqlite": ("PRAGMA busy_timeout=10",)})
    with closing(sqlite3.connect(path)) as other, Store.open(path) as impatient:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordError, match="SQLITE_BUSY"):
            impatient.check_writable()
        other.rollback()
        impatient.check_writable()


def test_a_broken_page_is_told(store, path):
    store.index(_batch(line("verdict", body(1))))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 5)
    with pytest.raises((RecordError, StartError), match=r"SQLITE_CORRUPT|cannot be opened"), Store.open(path) as again:
        again.count(IncidentFilter())


def test_a_file_that_was_taken_away_is_noticed(store, path):
    store.check_same_file()
    path.unlink()
    with pytest.raises(RecordError, match="taken away"):
        store.check_same_file()
    path.touch()
    with pytest.raises(RecordError, match="taken away"):
        store.check_same_file()


def test_a_store_in_memory():
    with Store.open("sqlite://", now=Clock()) as store:
        store.index(_batch(line("verdict", body(1))))
        store.check_same_file()
        assert store.count(IncidentFilter()) == 1


def test_errors_hold_no_value(store):
    store.index(_batch(line("verdict", body(1))))
    with pytest.raises(RecordError) as caught, store.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO meta VALUES ('schema', '11010519491231002X')")
    assert "11010519491231002X" not in str(caught.value)
    assert "SQLITE_CONSTRAINT" in str(caught.value)
