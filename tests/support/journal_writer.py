"""A process that fills a journal as fast as it can and prints each id it has a receipt for; to be killed."""

from __future__ import annotations

import itertools
import sys
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime

from gateway.records.ids import new_id
from gateway.records.journal import Journal
from gateway.records.segment import Receipt

WINDOW = 64
"""Appends in flight."""


def main(directory: str) -> None:
    journal = Journal.open(directory, node="edge-1", worker=0, version="0.1.0", now=lambda: datetime.now(UTC))
    waiting: deque[tuple[str, Future[Receipt]]] = deque()
    for number in itertools.count():
        identity = new_id()
        facts = {"id": identity, "at": "2026-03-01T12:00:00.000Z", "number": number, "verdict": {"action": "block"}}
        waiting.append((identity, journal.append("verdict", facts)))
        if len(waiting) > WINDOW:
            done, future = waiting.popleft()
            future.result()
            sys.stdout.write(f"{done}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
