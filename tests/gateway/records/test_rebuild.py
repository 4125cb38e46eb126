import json
import sqlite3
from contextlib import closing

import pytest

from gateway.errors import StartError
from gateway.records.queries import IncidentFilter, IncidentState
from gateway.records.rebuild import rebuild
from gateway.records.recorder import Places, Recorder, only_one
from gateway.records.store import Store
from gateway.records.verify import verify_directory
from tests.samples.records import NOON, Clock, body, identity, journals, open_journal, write_journal


@pytest.fixture
def places(tmp_path):
    """A state directory with three incidents, indexed and told; the second one closed by a person."""
    places = Places.of(tmp_path)
    write_journal(places.journal, [1, 2, 3])
    with Store.open(places.store) as store:
        _drain(places, store)
        store.set_state(identity(2), IncidentState.CLOSED, "chen.it", "done")
    return places


def _drain(places, store):
    recorder = Recorder(places, store)
    while recorder.step(NOON):
        pass


def _index(places):
    with Store.open(places.store) as store:
        return [(row.id[-1], row.outcome, row.state.value) for row in store.incidents(IncidentFilter())]


def _told(places):
    return [json.loads(line)["id"][-1] for line in places.events.read_text().splitlines()]


FULL = [("3", "refused (403)", "open"), ("2", "refused (403)", "closed"), ("1", "refused (403)", "open")]


def test_the_index_is_read_again_and_states_stay(places):
    with closing(sqlite3.connect(places.store)) as connection, connection:
        connection.execute("DELETE FROM transfers WHERE id LIKE '%1'")
        connection.execute("UPDATE transfers SET outcome = 'forged'")
    assert rebuild(places) is None
    assert _index(places) == FULL
    assert _told(places) == ["1", "2", "3"]


def test_what_was_due_is_still_told(places):
    journal = open_journal(places.journal)
    journal.append("verdict", body(4)).result()
    with Store.open(places.store) as store:
        _drain(places, store)
    journal.close()
    rebuild(places)
    assert _told(places) == ["1", "2", "3", "4"]
    assert _index(places)[0] == ("4", "aborted", "open")


def test_anchors_stay_so_that_a_change_before_is_still_found(places):
    (path,) = journals(places.journal)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    rebuild(places)
    with Store.open(places.store) as store:
        messages = [problem.message for problem in verify_directory(places.journal, store.anchors()).problems]
    assert "cut after record 3; the store knows 8 records" in messages


def test_a_lost_store_is_made_from_nothing(places):
    for path in places.store.parent.glob("sluice.db*"):
        path.unlink()
    assert rebuild(places) is None
    assert _index(places) == [(name, outcome, "open") for name, outcome, _ in FULL]
    assert _told(places) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"noise" * 1000), id="no database"),
        pytest.param(lambda path: path.write_bytes(b""), id="emptied"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:5000]), id="cut"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096)),
            id="broken",
        ),
    ],
)
def test_a_store_that_cannot_be_read_is_moved_away(places, damage):
    damage(places.store)
    moved = rebuild(places, now=Clock())
    assert moved == places.store.with_name("sluice.db.broken-20260301T120000")
    assert moved.exists()
    assert _index(places) == [(name, outcome, "open") for name, outcome, _ in FULL]
    assert _told(places) == ["1", "2", "3"]


def test_a_store_of_another_version_is_moved_away(places):
    with Store.open(places.store) as store:
        store.remember("schema", "0")
    assert rebuild(places).exists()
    assert len(_index(places)) == 3


def test_a_store_that_is_only_locked_is_left_where_it_is(places, monkeypatch):
    monkeypatch.setattr("gateway.records.store._SET_UP", {"sqlite": ("PRAGMA busy_timeout=10",)})
    monkeypatch.setattr("gateway.records.rebuild.BUSY_S", 0.01)
    with closing(sqlite3.connect(places.store)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StartError, match="SQLITE_BUSY"):
            rebuild(places)
    assert _index(places) == FULL


def test_a_server_is_never_moved_away(places):
    with pytest.raises(StartError):
        rebuild(Places(places.journal, "nonsense://host/db", places.events, places.lock))


def test_not_while_a_recorder_runs(places):
    with only_one(places.lock), pytest.raises(StartError, match="another recorder"):
        rebuild(places)
