"""What one address may take: requests under way, spooled bytes, turns at the inspectors; others are not touched by it."""

import asyncio

import pytest

from addons.shares import Shares, Turns
from gateway.errors import InspectorError
from gateway.limits import Limits

MANY = Limits(max_open_per_address=2, max_spool_bytes_per_address=1000)


def test_requests_of_one_address_are_bounded_and_those_of_others_are_not():
    shares = Shares(MANY)
    first, second = shares.begin("10.0.0.1"), shares.begin("10.0.0.1")
    assert shares.begin("10.0.0.1") is None
    assert shares.begin("10.0.0.2") is not None
    first.release()
    assert shares.begin("10.0.0.1") is not None
    second.release()


def test_a_request_counts_until_its_inspection_is_over_too():
    shares = Shares(MANY)
    shares.begin("10.0.0.1")
    share = shares.begin("10.0.0.1")
    share.use()
    share.release()
    assert shares.begin("10.0.0.1") is None
    share.release()
    assert shares.begin("10.0.0.1") is not None


def test_addresses_without_requests_are_forgotten():
    shares = Shares(MANY)
    for number in range(1000):
        shares.begin(f"10.0.{number // 256}.{number % 256}").release()
    assert not shares._open


def test_spools_of_one_address_count_together():
    shares = Shares(MANY)
    mine = shares.quota("10.0.0.1")
    mine.take(900)
    assert shares.quota("10.0.0.1") is mine
    with pytest.raises(OSError, match=r"[Qq]uota"):
        shares.quota("10.0.0.1").take(101)
    shares.quota("10.0.0.2").take(1000)
    mine.give(900)
    shares.quota("10.0.0.1").take(1000)


def test_an_address_without_spools_is_forgotten():
    shares = Shares(MANY)
    shares.quota("10.0.0.1")
    assert not shares._quotas


async def test_one_address_waits_for_itself_and_nobody_else_does():
    turns, order = Turns(2), []
    go_on = asyncio.Event()

    async def one(source: str, name: str) -> None:
        async with turns.taken(source, 10):
            order.append(name)
            await go_on.wait()

    running = [asyncio.create_task(one("10.0.0.1", name)) for name in "abc"]
    running.append(asyncio.create_task(one("10.0.0.2", "other")))
    for _ in range(5):
        await asyncio.sleep(0)
    assert order == ["a", "b", "other"]
    go_on.set()
    await asyncio.gather(*running)
    assert order == ["a", "b", "other", "c"]
    del running
    assert not turns._turns


async def test_a_turn_that_does_not_come_is_a_busy_inspector():
    turns = Turns(1)
    async with turns.taken("10.0.0.1", 10):
        with pytest.raises(InspectorError, match="busy"):
            async with turns.taken("10.0.0.1", 0.01):
                pytest.fail("two at once")
        async with turns.taken("10.0.0.2", 0.01):
            pass
    async with turns.taken("10.0.0.1", 0.01):
        pass
