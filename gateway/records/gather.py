"""Records of one event loop, handed to the journal in groups: one wake of its thread and one answer for all of them.

A thread that is woken for every record costs more than the record: each takes the interpreter from the loop and gives it
back four times. So records that come close together wait for each other, a few milliseconds at most and only when the
last group has just gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from gateway.errors import RecordError
from gateway.records.chain import Kind, encode
from gateway.records.segment import Receipt

GATHER_S = 0.003
"""Least time between two groups that somebody waits for; a lone record goes at once."""
LATER_S = 0.02
"""Longest stay of a record that nobody waits for."""

type HandOver = Callable[[Sequence[tuple[Kind, bytes]]], Future[list[Receipt]]]
"""Takes a group; the future of its receipts fails with RecordError when it could not be made durable."""


class Gather:
    """Belongs to one event loop and is used in its thread only."""

    def __init__(self, hand_over: HandOver) -> None:
        self._hand_over = hand_over
        self._loop = asyncio.get_running_loop()
        self._records: list[tuple[Kind, bytes]] = []
        self._waiting: list[asyncio.Future[Receipt] | None] = []
        self._timer: asyncio.TimerHandle | None = None
        self._went_at = float("-inf")

    def append(self, kind: Kind, body: Mapping[str, Any]) -> asyncio.Future[Receipt]:
        """The future receipt of a record; it fails with RecordError when the record could not be made durable."""
        receipt: asyncio.Future[Receipt] = self._loop.create_future()
        try:
            data = encode(body)
        except RecordError as error:
            receipt.set_exception(error)
            return receipt
        self._add(kind, data, receipt, self._went_at + GATHER_S)
        return receipt

    def append_later(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Append a record for whose receipt nobody waits, with the next group or in LATER_S; never raises RecordError."""
        with suppress(RecordError):
            self._add(kind, encode(body), None, self._loop.time() + LATER_S)

    def flush(self) -> None:
        """Hand over what is gathered, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._records:
            return
        records, waiting = self._records, self._waiting
        self._records, self._waiting, self._went_at = [], [], self._loop.time()
        self._hand_over(records).add_done_callback(lambda done: self._answer(waiting, done))

    def _add(self, kind: Kind, data: bytes, receipt: asyncio.Future[Receipt] | None, due_at: float) -> None:
        self._records.append((kind, data))
        self._waiting.append(receipt)
        if self._timer is None or due_at < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due_at, self.flush)

    def _answer(self, waiting: Sequence[asyncio.Future[Receipt] | None], done: Future[list[Receipt]]) -> None:
        """In the journal's thread: have the loop tell who waits; after its end nobody does."""
        if any(waiting):
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_tell, waiting, done)


def _tell(waiting: Sequence[asyncio.Future[Receipt] | None], done: Future[list[Receipt]]) -> None:
    error = done.exception()
    receipts = [None] * len(waiting) if error is not None else done.result()
    for future, receipt in zip(waiting, receipts, strict=True):
        # Who gave up waiting has refused already.
        if future is not None and not future.done():
            if error is not None:
                future.set_exception(error)
            elif receipt is not None:
                future.set_result(receipt)
