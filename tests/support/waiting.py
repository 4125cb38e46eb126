"""Waiting for a condition instead of for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PAUSE = threading.Event()


def eventually[T](condition: Callable[[], T], within_s: float = 20.0) -> T:
    """The first truthy value of the condition; AssertionError with its last value when the time is over."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true, the last value was {value!r}")
        _PAUSE.wait(0.02)
    return value
