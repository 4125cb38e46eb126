"""Records gathered in an event loop: in order, in groups, and told once they are durable."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future

import pytest

from gateway.errors import RecordError
from gateway.records.gather import GATHER_S, LATER_S, Gather
from gateway.records.segment import Receipt
from tests.samples.records import body, journals, open_journal, outcome


class Desk:
    """Takes groups and answers when told; the journal's side of it."""

    def __init__(self):
        self.groups, self.futures = [], []

    def __call__(self, records):
        self.groups.append([json.loads(data)["id"][-1] for _, data in records])
        self.futures.append(Future())
        return self.futures[-1]

    def answer(self, number):
        size = len(self.groups[number])
        self.futures[number].set_result([Receipt("j", at + 1, "0") for at in range(size)])


async def test_a_lone_record_goes_at_once_and_what_follows_closely_goes_together():
    desk = Desk()
    gather = Gather(desk)
    first = gather.append("verdict", body(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.groups == [["1"]]
    second, third = gather.append("verdict", body(2)), gather.append("outcome", outcome(3))
    await asyncio.sleep(GATHER_S * 3)
    assert desk.groups == [["1"], ["2", "3"]]
    desk.answer(1)
    assert [(await second).seq, (await third).seq] == [1, 2]
    assert not first.done()
    desk.answer(0)
    assert (await first).seq == 1


async def test_what_nobody_waits_for_goes_with_the_next_group():
    desk = Desk()
    gather = Gather(desk)
    gather.append_later("outcome", outcome(1))
    await asyncio.sleep(0)
    assert desk.groups == []
    gather.append("verdict", body(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.groups == [["1", "2"]]


async def test_what_nobody_waits_for_goes_by_itself_in_the_end():
    desk = Desk()
    gather = Gather(desk)
    gather.append_later("outcome", outcome(1))
    gather.append_later("outcome", outcome(2))
    await asyncio.sleep(LATER_S * 5)
    assert desk.groups == [["1", "2"]]
    desk.answer(0)


async def test_flush_hands_over_now_and_nothing_twice():
    desk = Desk()
    gather = Gather(desk)
    gather.flush()
    gather.append_later("outcome", outcome(1))
    gather.flush()
    gather.flush()
    assert desk.groups == [["1"]]


async def test_a_group_that_failed_fails_all_who_wait():
    desk = Desk()
    gather = Gather(desk)
    waiting = [gather.append("verdict", body(number)) for number in (1, 2)]
    gather.flush()
    desk.futures[0].set_exception(RecordError("no space"))
    for future in waiting:
        with pytest.raises(RecordError, match="no space"):
            await future


async def test_a_record_that_is_no_json_fails_alone():
    desk = Desk()
    gather = Gather(desk)
    wrong, right = gather.append("verdict", {"id": object()}), gather.append("verdict", body(1))
    gather.append_later("outcome", {"id": object()})
    gather.flush()
    assert desk.groups == [["1"]]
    with pytest.raises(RecordError):
        await wrong
    desk.answer(0)
    assert (await right).seq == 1


async def test_who_gave_up_waiting_is_not_told():
    desk = Desk()
    gather = Gather(desk)
    one, other = gather.append("verdict", body(1)), gather.append("verdict", body(2))
    gather.flush()
    one.cancel()
    desk.answer(0)
    assert (await other).seq == 2
    assert one.cancelled()


def test_an_answer_after_the_end_of_the_loop_disturbs_nobody():
    desk = Desk()

    async def main():
        gather = Gather(desk)
        gather.append("verdict", body(1))
        gather.flush()

    asyncio.run(main())
    desk.answer(0)


async def test_with_a_real_journal(tmp_path):
    journal = open_journal(tmp_path)
    gather = Gather(journal.append_group)
    receipts = await asyncio.gather(*(gather.append("verdict", body(number)) for number in range(1, 6)))
    assert [receipt.seq for receipt in receipts] == [2, 3, 4, 5, 6]
    journal.close()
    with pytest.raises(RecordError, match="closed"):
        await gather.append("verdict", body(7))
    assert len(journals(tmp_path)) == 1
