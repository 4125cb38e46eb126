"""Searching in windows finds what searching in the whole finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.search import WINDOW_BYTES, find_all


@pytest.mark.parametrize(
    ("data", "needle", "expected"),
    [
        pytest.param(b"", b"a", [], id="empty"),
        pytest.param(b"bbb", b"a", [], id="absent"),
        pytest.param(b"aXbXX", b"X", [1, 3, 4], id="several"),
        pytest.param(b"aaaaa", b"aa", [0, 2], id="none overlaps the one before"),
        pytest.param(b"." * (WINDOW_BYTES - 1) + b"XY" + b".", b"XY", [WINDOW_BYTES - 1], id="across two windows"),
        pytest.param(b"." * (WINDOW_BYTES - 2) + b"XYXY", b"XY", [WINDOW_BYTES - 2, WINDOW_BYTES], id="at the seam"),
        pytest.param(b"a" * (WINDOW_BYTES - 1) + b"aab", b"aab", [WINDOW_BYTES - 1], id="repeated start at the seam"),
    ],
)
def test_find_all(data: bytes, needle: bytes, expected: list[int]) -> None:
    assert list(find_all(memoryview(data), needle)) == expected


LETTERS = st.lists(st.sampled_from([b"a", b"b"]), max_size=8).map(b"".join)


@settings(deadline=None, max_examples=50)
@given(LETTERS, LETTERS.filter(bool), st.integers(0, 12))
def test_same_as_splitting(tail: bytes, needle: bytes, before: int) -> None:
    data = b"\x00" * (WINDOW_BYTES - before) + tail * 2
    found = list(find_all(memoryview(data), needle))
    assert [data[at : at + len(needle)] for at in found] == [needle] * data.count(needle)
