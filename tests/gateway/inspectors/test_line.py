from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.inspectors.line import Line


@pytest.fixture
def ends():
    """The end that is read, and the other one."""
    here, there = socket.socketpair()
    here.setblocking(False)
    with here, there:
        yield here, there


async def test_what_came_is_taken_in_order(ends):
    here, there = ends
    with Line(here) as line:
        there.sendall(b"abcdef")
        assert await line.take(2) == b"ab"
        assert line.left_bytes == 4
        assert await line.take(4) == b"cdef"
        assert await line.take(0) == b""


@pytest.mark.parametrize("pieces", [[b"abcd"], [b"a", b"bc", b"d"], [b"a", b"b", b"c", b"d"]])
async def test_it_waits_for_all_of_it(ends, pieces):
    here, there = ends
    with Line(here) as line:
        taking = asyncio.ensure_future(line.take(4))
        for piece in pieces:
            await asyncio.sleep(0.01)
            assert not taking.done()
            there.sendall(piece)
        assert await taking == b"abcd"


async def test_the_end_leaves_what_came_before(ends):
    here, there = ends
    with Line(here) as line:
        there.sendall(b"abc")
        there.close()
        assert await line.take(2) == b"ab"
        with pytest.raises(ConnectionResetError):
            await line.take(2)
        assert await line.take(1) == b"c"
        with pytest.raises(ConnectionResetError):
            await line.take(1)


async def test_the_time_is_up(ends):
    here, _ = ends
    with Line(here) as line:
        line.limit(0.01)
        with pytest.raises(TimeoutError):
            await line.take(1)


async def test_a_limit_is_replaced(ends):
    here, there = ends
    with Line(here) as line:
        line.limit(0.001)
        line.limit(None)
        await asyncio.sleep(0.02)
        line.limit(30)
        there.sendall(b"a")
        assert await line.take(1) == b"a"


async def test_an_error_of_the_socket(ends):
    here, there = ends
    there.sendall(b"x")
    here.sendall(b"never read")
    there.close()
    with Line(here) as line:
        assert await line.take(1) == b"x"
        with pytest.raises(ConnectionResetError):
            await line.take(1)


async def test_who_stops_waiting_disturbs_nobody(ends):
    here, there = ends
    with Line(here) as line:
        taking = asyncio.ensure_future(line.take(1))
        await asyncio.sleep(0)
        taking.cancel()
        there.sendall(b"a")
        await asyncio.sleep(0.01)
        assert line.left_bytes == 1
        assert taking.cancelled()


async def test_a_false_alarm_is_no_end(ends):
    here, there = ends
    with Line(here) as line:
        line._readable()
        there.sendall(b"a")
        assert await line.take(1) == b"a"


async def test_afterwards_the_connection_is_not_watched(ends):
    here, there = ends
    with Line(here) as line:
        line.limit(30)
    there.sendall(b"a")
    await asyncio.sleep(0.01)
    assert line.left_bytes == 0
    assert here.recv(1) == b"a"
