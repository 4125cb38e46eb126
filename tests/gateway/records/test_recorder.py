import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import RecordError, StartError
from gateway.records import recorder as recorder_module
from gateway.records import tail as tail_module
from gateway.records.queries import IncidentFilter
from gateway.records.recorder import Places, Recorder, only_one, run
from gateway.records.schema import EVENTS_DUE, META
from gateway.records.store import Store
from gateway.records.upsert import put
from gateway.records.verify import verify_directory
from metrics.catalogue import FAILURES, RECORDS_BACKLOG
from tests.samples.records import (
    NOON,
    Clock,
    body,
    identity,
    journals,
    largest_file,
    open_journal,
    outcome,
    write_journal,
)
from tests.support.waiting import eventually


@pytest.fixture
def places(tmp_path):
    return Places.of(tmp_path)


@contextmanager
def _recorder(places, **options):
    with Store.open(places.store, now=Clock()) as store:
        yield Recorder(places, store, **options), store


def _drain(places, now=NOON, **options):
    with _recorder(places, **options) as (recorder, store):
        while recorder.step(now):
            pass
        return {row.id[-1]: row.outcome for row in store.incidents(IncidentFilter(limit=1000))}


def _events(places):
    if not places.events.exists():
        return []
    found = [json.loads(line) for line in places.events.read_text().splitlines()]
    return [(event["id"][-1], event["outcome"]) for event in found]


def _failures(part):
    return FAILURES.labels(part=part)._value.get()


@contextmanager
def _running(places, **options):
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(places, stop), kwargs={"poll_s": 0.01, "gather_s": 0.01, **options})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def test_places_of_a_state_directory():
    assert Places.of(Path("/v")) == Places(
        Path("/v/journal"), Path("/v/sluice.db"), Path("/v/events.jsonl"), Path("/v/recorder.lock")
    )
    assert Places.of(Path("/v"), store="postgresql://h/d", events=Path("/e")) == Places(
        Path("/v/journal"), "postgresql://h/d", Path("/e"), Path("/v/recorder.lock")
    )


def test_nothing_to_record(places):
    assert _drain(places) == {}
    assert _events(places) == []


def test_verdicts_and_outcomes_of_all_workers_are_indexed_and_told_once(places):
    write_journal(places.journal, [1, 2])
    write_journal(places.journal, [3], worker=1)
    assert _drain(places) == dict.fromkeys("123", "refused (403)")
    told = [("1", "refused (403)"), ("2", "refused (403)"), ("3", "refused (403)")]
    assert _events(places) == told
    write_journal(places.journal, [4])
    assert _drain(places)["4"] == "refused (403)"
    assert _events(places) == [*told, ("4", "refused (403)")]
    event = json.loads(places.events.read_text().splitlines()[0])
    assert event == {**body(1), "outcome": "refused (403)"}


def test_an_event_waits_for_its_outcome(places):
    journal = open_journal(places.journal)
    journal.append("verdict", body(1)).result()
    with _recorder(places) as (recorder, store):
        assert recorder.step(NOON)
        assert not recorder.step(NOON)
        assert store.incident(identity(1))["outcome"] == ""
        assert _events(places) == []
        journal.append("outcome", outcome(1, "forwarded (200)")).result()
        while recorder.step(NOON):
            pass
        assert store.incident(identity(1))["outcome"] == "forwarded (200)"
        assert _events(places) == [("1", "forwarded (200)")]
    journal.close()


def test_an_event_waits_no_longer_than_it_may_and_is_told_once(places):
    journal = open_journal(places.journal)
    journal.append("verdict", body(1)).result()
    with _recorder(places, hold_s=60) as (recorder, store):
        while recorder.step(NOON + timedelta(seconds=59)):
            pass
        assert _events(places) == []
        while recorder.step(NOON + timedelta(seconds=61)):
            pass
        assert _events(places) == [("1", "")]
        journal.append("outcome", outcome(1, "forwarded (200)")).result()
        while recorder.step(NOON + timedelta(seconds=62)):
            pass
        assert _events(places) == [("1", "")]
        assert store.incident(identity(1))["outcome"] == "forwarded (200)"
    journal.close()


def test_transfers_of_a_process_that_is_gone_are_aborted(places):
    journal = open_journal(places.journal)
    journal.append("verdict", body(1)).result()
    with _recorder(places) as (recorder, _):
        while recorder.step(NOON):
            pass
        assert _events(places) == []
        journal.close()
        while recorder.step(NOON):
            pass
        assert _events(places) == [("1", "aborted")]


def test_a_transfer_goes_on_in_the_next_file_of_its_process(places):
    journal = open_journal(places.journal, max_file_bytes=1)
    with _recorder(places) as (recorder, _):
        for number in (1, 2, 3):
            journal.append("verdict", body(number)).result()
            while recorder.step(NOON):
                pass
        for number in (1, 2, 3):
            journal.append("outcome", outcome(number, "forwarded (200)")).result()
            while recorder.step(NOON):
                pass
    journal.close()
    assert _events(places) == [("1", "forwarded (200)"), ("2", "forwarded (200)"), ("3", "forwarded (200)")]
    assert len(journals(places.journal)) > 3


def test_a_file_made_between_two_looks_is_waited_for(places, monkeypatch):
    """The process goes on in a new file after the directory was listed: it is not taken for dead."""
    journal = open_journal(places.journal, max_file_bytes=1)
    journal.append("verdict", body(1)).result()
    with _recorder(places) as (recorder, store):
        look = recorder._look

        def rotating(names):
            journal.append("outcome", outcome(2)).result()
            return look(names)

        monkeypatch.setattr(recorder, "_look", rotating)
        assert recorder.step(NOON)
        assert store.incident(identity(1))["outcome"] == ""
        monkeypatch.setattr(recorder, "_look", look)
        while recorder.step(NOON):
            pass
        assert store.incident(identity(1))["outcome"] == ""
    journal.close()


def test_outcomes_in_a_later_file_wait_for_verdicts_in_the_earlier_one(places, monkeypatch):
    monkeypatch.setattr(tail_module, "MAX_BATCH_LINES", 2)
    journal = open_journal(places.journal, max_file_bytes=4000)
    for number in range(1, 9):
        journal.append("verdict", body(number)).result()
    for number in range(1, 9):
        journal.append("outcome", outcome(number, "forwarded (200)")).result()
    journal.close()
    assert len(journals(places.journal)) > 1
    assert _drain(places) == dict.fromkeys("12345678", "forwarded (200)")
    assert _events(places) == [(str(number), "forwarded (200)") for number in range(1, 9)]


def test_the_backlog_is_what_is_durable_and_not_indexed(places):
    write_journal(places.journal, [1, 2])
    with _recorder(places) as (recorder, _):
        recorder.step(NOON)
        assert RECORDS_BACKLOG._value.get() == 6
        recorder.step(NOON)
        assert RECORDS_BACKLOG._value.get() == 0


def test_a_changed_journal_is_counted_said_and_indexed(places, caplog):
    write_journal(places.journal, [1, 2])
    (path,) = journals(places.journal)
    path.write_bytes(path.read_bytes().replace(b'"user":"li.wei"', b'"user":"wang.e"', 1))
    before = _failures("journal-chain")
    with caplog.at_level(logging.ERROR):
        assert _drain(places) == {"2": "refused (403)"}
    assert _failures("journal-chain") == before + 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{path.name} has 2 broken records; `sluice audit verify` tells which"
    ]


def test_a_kill_between_telling_and_noting_tells_nothing_twice(places):
    """The store as such a kill leaves it: three events are in the file, and the last line is torn."""
    write_journal(places.journal, [1])
    _drain(places)
    with Store.open(places.store) as store:
        before = store.recall("events")
    write_journal(places.journal, [2, 3])
    _drain(places)
    with _recorder(places) as (_, store), store.transaction() as connection:
        rows = [{"id": identity(number), "run": "gone", "since": 0.0, "told": False} for number in (2, 3)]
        put(connection, EVENTS_DUE, rows)
        put(connection, META, [{"name": "events", "value": before}])
    with places.events.open("ab") as file:
        file.write(b'{"id":"torn')
    write_journal(places.journal, [4])
    _drain(places)
    assert [name for name, _ in _events(places)] == ["1", "2", "3", "4"]


def test_a_lost_store_is_made_again_and_nothing_told_twice(places):
    write_journal(places.journal, [1, 2])
    _drain(places)
    for path in places.store.parent.glob("sluice.db*"):
        path.unlink()
    write_journal(places.journal, [3])
    assert _drain(places) == dict.fromkeys("123", "refused (403)")
    assert [name for name, _ in _events(places)] == ["1", "2", "3"]


def test_events_are_told_in_bounded_groups(places, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_EVENTS", 2)
    write_journal(places.journal, [1, 2, 3, 4, 5])
    _drain(places)
    assert [name for name, _ in _events(places)] == ["1", "2", "3", "4", "5"]


def test_it_runs_beside_the_journals_and_drains_at_the_end(places):
    with _running(places):
        journal = open_journal(places.journal)
        journal.append("verdict", body(1)).result()
        journal.append("outcome", outcome(1)).result()
        eventually(lambda: _events(places) == [("1", "refused (403)")])
        for number in range(2, 10):
            journal.append("verdict", body(number))
            journal.append("outcome", outcome(number))
        journal.close()
    assert _events(places) == [(str(number), "refused (403)") for number in range(1, 10)]


def test_a_locked_store_delays_and_loses_nothing(places, monkeypatch):
    monkeypatch.setattr("gateway.records.store._SET_UP", {"sqlite": ("PRAGMA busy_timeout=10",)})
    before = _failures("recorder")
    Store.open(places.store).close()
    with closing(sqlite3.connect(places.store)) as other:
        other.execute("BEGIN IMMEDIATE")
        with _running(places):
            write_journal(places.journal, [1])
            eventually(lambda: _failures("recorder") > before)
            other.rollback()
            eventually(lambda: _events(places) == [("1", "refused (403)")])


def test_a_store_that_is_taken_away_is_made_again(places):
    with _running(places):
        write_journal(places.journal, [1])
        eventually(lambda: _events(places))
        for path in places.store.parent.glob("sluice.db*"):
            path.unlink()
        write_journal(places.journal, [2])
        eventually(lambda: len(_events(places)) == 2)
        with Store.open(places.store) as store:
            eventually(lambda: store.count(IncidentFilter()) == 2)
    assert _events(places) == [("1", "refused (403)"), ("2", "refused (403)")]


def test_events_that_cannot_be_written_wait(places):
    before = _failures("recorder")
    places.events.mkdir()
    with _running(places):
        write_journal(places.journal, [1])
        eventually(lambda: _failures("recorder") > before)
        places.events.rmdir()
        eventually(lambda: _events(places) == [("1", "refused (403)")])


def test_a_directory_in_the_journals_place_is_an_error_tried_again(places, caplog):
    places.journal.touch()
    before = _failures("recorder")
    with _running(places):
        eventually(lambda: _failures("recorder") > before)
        places.journal.unlink()
        write_journal(places.journal, [1])
        eventually(lambda: _events(places) == [("1", "refused (403)")])
    assert "records are late: NotADirectoryError" in caplog.text


def test_it_stops_even_when_it_cannot_drain(places):
    places.journal.touch()
    stop = threading.Event()
    stop.set()
    run(places, stop, poll_s=0.01, drain_s=0.05)
    run(places, stop, poll_s=0.01, drain_s=0.0)


def test_only_one_recorder_works_on_a_state_directory(places):
    with only_one(places.lock), pytest.raises(StartError, match=r"another recorder holds .*stop that gateway first"):
        run(places, threading.Event())
    with only_one(places.lock):
        pass


def test_a_lock_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="cannot be made"):
        run(Places.of(tmp_path / "file"), threading.Event())


def test_a_writer_killed_under_load_is_indexed_with_all_it_acknowledged(places):
    command = [sys.executable, "-m", "tests.support.journal_writer", places.journal]
    with _running(places):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
            acknowledged = [process.stdout.readline().strip() for _ in range(2000)]
            os.kill(process.pid, signal.SIGKILL)
            acknowledged += process.stdout.read().split()
        with Store.open(places.store) as store:
            eventually(lambda: store.count(IncidentFilter()) >= len(acknowledged))
    assert all(acknowledged)
    assert len(set(acknowledged)) == len(acknowledged)
    told = [json.loads(line) for line in places.events.read_text().splitlines()]
    ids = [event["id"] for event in told]
    assert set(acknowledged) <= set(ids)
    assert len(set(ids)) == len(ids)
    assert {event["outcome"] for event in told} == {"aborted"}
    with Store.open(places.store) as store:
        report = verify_directory(places.journal, store.anchors())
        assert report.problems == []
        assert store.count(IncidentFilter()) == len(ids) == report.records - 1


def test_a_recorder_killed_under_load_goes_on_where_it_was(places):
    code = "import sys,threading;from pathlib import Path;from gateway.records.recorder import *;"
    code += "run(Places.of(Path(sys.argv[1])), threading.Event(), poll_s=0.001)"
    journal = open_journal(places.journal)
    for number in range(1, 2001):
        journal.append("verdict", body(number))
        last = journal.append("outcome", outcome(number))
    last.result()
    for wanted in (1, 800, 1500):
        with subprocess.Popen([sys.executable, "-c", code, places.lock.parent]) as process:
            eventually(lambda at=wanted: places.events.exists() and places.events.read_bytes().count(b"\n") >= at)
            os.kill(process.pid, signal.SIGKILL)
    journal.close()
    _drain(places)
    ids = [json.loads(line)["id"] for line in places.events.read_text().splitlines()]
    assert ids == [identity(number) for number in range(1, 2001)]


def test_a_disk_that_is_full_for_the_store_only_delays(places):
    write_journal(places.journal, [1])
    with Store.open(places.store) as store:
        recorder = Recorder(places, store)
        with largest_file(100), pytest.raises((RecordError, OSError)):
            recorder.step(NOON)
    assert _drain(places) == {"1": "refused (403)"}
    assert _events(places) == [("1", "refused (403)")]


def test_a_step_says_whether_it_left_some(places, monkeypatch):
    monkeypatch.setattr(recorder_module, "MAX_EVENTS", 2)
    write_journal(places.journal, [1, 2, 3])
    with _recorder(places) as (recorder, _):
        assert recorder.step(NOON)
        assert recorder.is_behind
        assert recorder.step(NOON)
        assert not recorder.is_behind
        assert not recorder.step(NOON)
    assert len(_events(places)) == 3


def test_overdue_events_are_asked_for_once_a_second(places):
    journal = open_journal(places.journal)
    journal.append("verdict", body(1)).result()
    with _recorder(places, hold_s=60) as (recorder, _):
        assert recorder.step(NOON)
        late = NOON + timedelta(days=1)
        assert not recorder.step(NOON + timedelta(seconds=0.5))
        assert _events(places) == []
        assert recorder.step(late)
        assert _events(places) == [("1", "")]
    journal.close()


def test_what_comes_while_it_gathers_is_told_together(places):
    journal = open_journal(places.journal)
    with _running(places, gather_s=60):
        journal.append("verdict", body(1)).result()
        eventually(lambda: places.store.exists() and _indexed(places))
        journal.append("outcome", outcome(1, "forwarded (200)")).result()
        assert _events(places) == []
    # Told to stop, it does not wait.
    assert _events(places) == [("1", "forwarded (200)")]
    journal.close()


def _indexed(places):
    with Store.open(places.store, now=Clock()) as store:
        return store.count(IncidentFilter()) == 1
