"""Journals, records and clocks for the tests of the records."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.records.chain import Line, seal
from gateway.records.journal import Journal

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""When the tests' clock starts."""


class Clock:
    """A clock that goes on by a step at each look."""

    def __init__(self, start: datetime = NOON, step_ms: int = 1) -> None:
        self.moment = start
        self._step = timedelta(milliseconds=step_ms)

    def __call__(self) -> datetime:
        self.moment += self._step
        return self.moment


def identity(number: int) -> str:
    """An id; a larger number gives a later one."""
    return f"019a0000-0000-7000-8000-{number:012d}"


def body(number: int, *, action: str = "block", **over: Any) -> dict[str, Any]:
    """The body of a verdict record, with other values for `user`, `host`, `service` … where given."""
    facts = {
        "at": f"2026-03-01T12:00:00.{number % 1000:03d}Z",
        "user": "li.wei",
        "ip": "10.0.0.7",
        "host": "api.slack.com",
        "service": "slack",
        "region": "overseas",
        "country": "US",
        "rules": ["encryption.required"],
        "signatures": ["cn.resident-id"],
        "name": "名单.xlsx",
        **over,
    }
    findings = [{"signature": name, "count": 1} for name in facts["signatures"]]
    return {
        "id": identity(number),
        "at": facts["at"],
        "node": "edge-1",
        "actor": {"user": facts["user"], "ip": facts["ip"]},
        "destination": {
            "host": facts["host"],
            "service": facts["service"],
            "category": "messaging",
            "region": facts["region"],
            "country": facts["country"],
        },
        "request": {"method": "POST", "bytes": 1000 + number},
        "parts": [{"name": facts["name"], "findings": findings}],
        "coverage": "inspected",
        "verdict": {"action": action, "rules": [{"id": rule} for rule in facts["rules"]], "exception": ""},
    }


def outcome(number: int, text: str = "refused (403)") -> dict[str, str]:
    """The body of an outcome record."""
    return {"id": identity(number), "outcome": text, "at": "2026-03-01T12:00:01.000Z"}


def line(kind: Any, content: object, seq: int = 2) -> Line:
    """A line of a journal with that body."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    _, digest = seal(seq, "0" * 64, kind, "2026-03-01T12:00:00.500Z", raw)
    return Line(seq, "0" * 64, kind, "2026-03-01T12:00:00.500Z", raw, digest)


def open_journal(directory: Path, *, clock: Clock | None = None, worker: int = 0, **options: Any) -> Journal:
    """A journal of node `edge-1`."""
    return Journal.open(directory, node="edge-1", worker=worker, version="0.1.0", now=clock or Clock(), **options)


def write_journal(directory: Path, numbers: Sequence[int], *, clock: Clock | None = None, **options: Any) -> None:
    """A closed journal with a verdict and its outcome for each number."""
    journal = open_journal(directory, clock=clock, **options)
    for number in numbers:
        journal.append("verdict", body(number)).result()
        journal.append("outcome", outcome(number)).result()
    journal.close()


def journals(directory: Path) -> list[Path]:
    """The journal files, oldest first."""
    return sorted(directory.glob("*.jsonl"))


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow over that size in the block: writes fail with EFBIG, for real."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
