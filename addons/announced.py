"""The answer to an announced upload: kept back until the names in it are noted, so that no piece comes before them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from gateway.limits import MIB
from metrics import catalogue as metrics

MAX_ANSWER_BYTES = MIB
"""Longest answer that is read; one that names 1,000 signed URLs has about 800 KB."""

log = structlog.get_logger()


@dataclass(slots=True)
class Announced:
    """Given to the engine as what a response streams through: nothing comes out before the end, or over the bound."""

    note: Callable[[object], None]
    """Takes the answer's JSON, None for an answer that is none or is too long."""
    _kept: bytearray = field(default_factory=bytearray)
    _is_over: bool = False

    def head(self) -> None:
        """Note what the answer's head names, before the client has it."""
        self._note(None)

    def __call__(self, data: bytes) -> list[bytes]:
        """The bytes that may go on to the client now; empty `data` is the end."""
        if self._is_over:
            return [data] if data else []
        self._kept += data
        if data and len(self._kept) <= MAX_ANSWER_BYTES:
            return []
        self._is_over = True
        self._note(json_of(bytes(self._kept)) if len(self._kept) <= MAX_ANSWER_BYTES else None)
        return [bytes(self._kept)] if self._kept else []

    def _note(self, body: object) -> None:
        try:
            self.note(body)
        except Exception as error:  # noqa: BLE001 - the client still gets its answer; its pieces will be refused
            metrics.FAILURES.labels(part="uploads").inc()
            log.error("announced upload not noted", kind=type(error).__name__)


def json_of(data: bytes) -> object:
    """The JSON of an answer, None when it is none.

    >>> json_of(b'{"id": 1}'), json_of(b"<xml/>")
    ({'id': 1}, None)
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
