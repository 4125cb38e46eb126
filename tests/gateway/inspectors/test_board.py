from __future__ import annotations

import pytest

from gateway.inspectors.board import Board, Doing
from tests.support.pool import in_child


@pytest.fixture
def board():
    made = Board()
    yield made
    made.close()


def test_a_new_board_says_nothing(board):
    assert (board.doing, board.job, board.size_bytes) == (Doing.NOTHING, 0, 0)


def test_what_a_child_writes_its_parent_reads(board):
    in_child(lambda: board.begin(Doing.BUSY, job=7, limit_s=1.0, size_bytes=1 << 40))
    assert (board.doing, board.job, board.size_bytes) == (Doing.BUSY, 7, 1 << 40)


@pytest.mark.parametrize(
    ("doing", "limit_s", "grace_s", "overdue"),
    [
        pytest.param(Doing.BUSY, 0.0, -1.0, True, id="busy over its time"),
        pytest.param(Doing.STARTING, 0.0, -1.0, True, id="starting over its time"),
        pytest.param(Doing.BUSY, 60.0, 0.0, False, id="busy within its time"),
        pytest.param(Doing.BUSY, 0.0, 60.0, False, id="busy within the grace"),
        pytest.param(Doing.IDLE, 0.0, -1.0, False, id="idle"),
        pytest.param(Doing.NOTHING, 0.0, -1.0, False, id="no process"),
    ],
)
def test_overdue(board, doing, limit_s, grace_s, overdue):
    board.begin(doing, limit_s=limit_s)
    assert board.is_overdue(grace_s) is overdue


def test_a_rest_ends_what_began_and_keeps_the_number(board):
    board.begin(Doing.BUSY, job=3, limit_s=0.0)
    board.rest(Doing.IDLE)
    assert (board.doing, board.job, board.is_overdue(-1.0)) == (Doing.IDLE, 3, False)


def test_a_lie_is_no_doing_and_never_raises(board):
    board.rest(2**64 - 1)
    assert board.doing == 2**64 - 1
    assert board.is_overdue(0.0)
