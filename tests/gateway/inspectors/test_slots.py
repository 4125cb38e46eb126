"""Large bodies take turns, small ones never wait."""

import asyncio

import pytest

from gateway.errors import InspectorError
from gateway.inspectors.slots import LARGE_BYTES, Slots

LARGE = LARGE_BYTES + 1


@pytest.mark.parametrize(("inspectors", "at_once"), [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)])
async def test_half_of_the_inspectors_may_read_large_bodies(tmp_path, inspectors, at_once):
    # Two workers of the gateway share the slots.
    workers = [Slots(tmp_path, inspectors) for _ in range(2)]
    now = most = 0

    async def one(slots: Slots) -> None:
        nonlocal now, most
        async with slots.taken(LARGE, 30):
            now += 1
            most = max(most, now)
            for _ in range(50):
                await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(one(workers[number % 2]) for number in range(2 * at_once + 2)))
    assert most == at_once


async def test_small_bodies_do_not_wait(tmp_path):
    slots = Slots(tmp_path, 2)
    async with slots.taken(LARGE, 1):
        async with asyncio.timeout(1), slots.taken(LARGE_BYTES, 0):
            pass
        with pytest.raises(InspectorError, match="busy"):
            async with slots.taken(LARGE, 0.05):
                pass
    async with slots.taken(LARGE, 0.05):
        pass


async def test_slot_comes_back_after_a_fault(tmp_path):
    slots = Slots(tmp_path, 2)
    with pytest.raises(ValueError, match="fault"):
        async with slots.taken(LARGE, 1):
            raise ValueError("fault")
    async with slots.taken(LARGE, 0.05):
        pass
