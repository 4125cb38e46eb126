"""What the supervisor tells the console: written when it changes, read without trusting it."""

import pytest
from pytest import param

from gateway.fleet import FILE, Fleet, keeps_dying
from gateway.process import Child


@pytest.fixture
def state(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path


def dying(kind: str) -> Child:
    return Child(kind, ("true",), deaths=3)


def test_told_and_taken_back(state):
    fleet = Fleet(state)
    fleet.tell([dying("worker"), dying("worker"), Child("recorder", ("true",))], 0.0)
    assert keeps_dying(state) == "processes that keep dying: 2 worker; the log says why"
    fleet.tell([dying("worker"), dying("console")], 0.0)
    assert keeps_dying(state) == "processes that keep dying: 1 console, 1 worker; the log says why"
    fleet.tell([], 0.0)
    assert keeps_dying(state) == ""


def test_written_only_when_it_changes(state):
    fleet = Fleet(state)
    fleet.tell([dying("worker")], 0.0)
    (state / FILE).unlink()
    fleet.tell([dying("worker")], 1.0)
    assert not (state / FILE).exists()


def test_file_of_an_earlier_run_is_replaced_at_once(state):
    (state / FILE).write_text('{"worker": 9}')
    Fleet(state).tell([], 0.0)
    assert keeps_dying(state) == ""


def test_folder_that_cannot_be_written(tmp_path):
    fleet = Fleet(tmp_path)
    fleet.tell([dying("worker")], 0.0)
    (tmp_path / "run").mkdir()
    fleet.tell([dying("worker")], 1.0)
    assert keeps_dying(tmp_path).startswith("processes that keep dying: 1 worker")


@pytest.mark.parametrize(
    "text",
    [
        param(None, id="no file"),
        param("", id="empty"),
        param("[1]", id="list"),
        param('{"worker": "x"}', id="no count"),
        param('{"worker": null}', id="null"),
        param('{"worker": 0}', id="none"),
        param("\u00e9", id="not ASCII"),
    ],
)
def test_nothing_told(state, text):
    if text is not None:
        (state / FILE).write_text(text, "utf-8")
    assert keeps_dying(state) == ""
