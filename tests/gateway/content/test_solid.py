"""Cutting a stream into files, and what lies beside them."""

import pytest

from gateway.content.solid import Cutter, outside
from gateway.errors import MalformedError
from gateway.limits import Limits


def broken():
    yield b"abc"
    raise MalformedError("x", "it ends too early")


@pytest.mark.parametrize(
    ("sizes", "files"),
    [
        pytest.param([2, 1, 3], [b"ab", b"c", b"def"], id="across chunks"),
        pytest.param([0, 6], [b"", b"abcdef"], id="an empty one"),
        pytest.param([5, 1], [b"", b"f"], id="one over the limit, the next is read"),
    ],
)
def test_cuts(sizes, files):
    limit = 4 if sizes == [5, 1] else 9
    cutter = Cutter(iter([b"abc", b"de", b"f"]), Limits(max_member_bytes=limit))
    assert [cutter.next(size) for size in sizes] == [(content, None) for content in files]


def test_a_stream_that_breaks_off():
    cutter = Cutter(broken(), Limits())
    assert cutter.next(2) == (b"ab", None)
    content, problem = cutter.next(5)
    assert (content, problem.reason) == (b"c", "malformed")


@pytest.mark.parametrize(
    ("data", "used", "left"),
    [
        pytest.param(b"abcdef", [(0, 6)], [], id="all used"),
        pytest.param(b"abcdef", [(4, 5), (1, 2)], [b"a", b"cd", b"f"], id="between, before and behind"),
        pytest.param(b"ab\0\0ef", [(0, 2), (4, 6)], [], id="padding"),
        pytest.param(b"abcdef", [(0, 4), (1, 2)], [b"ef"], id="one in another"),
        pytest.param(b"abc", [], [b"abc"], id="nothing used"),
    ],
)
def test_outside(data, used, left):
    members = list(outside(memoryview(data), used))
    assert [bytes(member.data) for member in members] == left
    assert all("outside" in member.name for member in members)
