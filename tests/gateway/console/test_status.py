import asyncio
import itertools

import pytest

from gateway.console.models import Day
from gateway.console.status import Board, Status, is_loopback
from gateway.console.words_zh import WORDS
from gateway.records.store import Store
from tests.samples.incidents import NOW, RECORDS, put, record


def _board(health, clock=None):
    return Board(health, lambda: NOW, clock or itertools.count(0, 100).__next__)


async def test_the_last_day_and_what_is_open(health):
    status = await _board(health).look()
    assert status.day == Day(
        since="2026-03-01T12:00:00.000Z",
        transfers=7,
        by_action={"allow": 1, "block": 4, "hold": 1, "log": 1},
        by_coverage={"encrypted": 2, "inspected": 4, "malformed": 1},
        inspected_ratio=4 / 7,
    )
    assert status.open_incidents == 5


async def test_checks_that_fail_are_told(health):
    status = await _board(health).look()
    assert list(status.checks) == ["policy", "store", "journal", "inspectors", "proxy", "processes"]
    assert [check for check in status.checks if f"wrong.{check}" not in WORDS] == []
    assert status.problems == {
        "inspectors": "the inspectors do not answer",
        "proxy": "nobody listens on 127.0.0.1:9",
    }
    assert Status({"policy": ""}, None, None).problems == {}


async def test_an_empty_store_has_no_share(settings, health, tmp_path):
    with Store.open(tmp_path / "empty.db") as store:
        object.__setattr__(health, "store", store)
        status = await _board(health).look()
    assert (status.day.transfers, status.day.inspected_ratio, status.open_incidents) == (0, None, 0)


async def test_a_store_that_cannot_be_read_has_no_counts(health, tmp_path):
    (tmp_path / "sluice.db").unlink()
    health.store.close()
    (tmp_path / "sluice.db").mkdir()
    status = await _board(health).look()
    assert (status.day, status.open_incidents) == (None, None)
    assert status.problems["store"] == "the store cannot be written"


async def test_one_look_serves_all_until_it_is_stale(health, store):
    seconds = iter([0.0, 4.9, 5.0, 5.0, 5.1])
    board = _board(health, lambda: next(seconds))
    first = await board.look()
    put(store, [record(20, grounds=())])
    second, third = await asyncio.gather(board.look(), board.look())
    assert second is first
    assert (first.day.transfers, third.day.transfers) == (len(RECORDS) - 1, len(RECORDS))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("gateway.example", False), ("127.0.0.1.example", False)],
)  # fmt: skip
def test_is_loopback(host, expected):
    assert is_loopback(host) is expected
