"""Identifiers of transfers: UUID version 7, so that the order of ids is the order of time."""

from __future__ import annotations

import os
import time

RANDOM_BYTES = 10
"""Random bytes of one id; RFC 9562 section 5.7 uses 74 of their 80 bits."""
MAX_MS = (1 << 48) - 1
"""Largest millisecond count that the 48-bit field holds (year 10889)."""


def uuid7(now_ms: int, random_bytes: bytes) -> str:
    """The textual UUIDv7 of a millisecond of Unix time and ten random bytes (RFC 9562 section 5.7).

    Raises ValueError when the time does not fit in 48 bits or there are not ten bytes.

    >>> uuid7(1645557742000, bytes.fromhex("0cc318c4dc0c0c07398f"))
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
    >>> uuid7(-1, bytes(10))
    Traceback (most recent call last):
    ValueError: time or random bytes out of range
    """
    if not 0 <= now_ms <= MAX_MS or len(random_bytes) != RANDOM_BYTES:
        raise ValueError("time or random bytes out of range")
    raw = bytearray(now_ms.to_bytes(6, "big") + random_bytes)
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_id() -> str:
    """A fresh id of this moment."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(RANDOM_BYTES))
