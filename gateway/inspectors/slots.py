"""Large bodies take turns: half of the inspectors stay free for small ones, and memory does not grow with the queue."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.errors import InspectorError
from gateway.limits import MIB

LARGE_BYTES = 8 * MIB
"""Bodies over this take a slot; reading one takes an inspector tenths of a second to seconds."""
LOOK_S = 0.02
"""Wait between two looks for a free slot."""


class Slots:
    """Slots of one machine, shared by its proxy workers through locked files; one that dies gives its slot back."""

    def __init__(self, directory: Path, inspectors: int) -> None:
        """`inspectors` is how many there are; half of them, at least one, may read large bodies at once."""
        self._files = [directory / f"large.{number}" for number in range(max(1, inspectors // 2))]

    @asynccontextmanager
    async def taken(self, size_bytes: int, wait_s: float) -> AsyncIterator[None]:
        """Holds a slot inside the block when the body is large; raises InspectorError("busy") when none came free."""
        held = await self._take(wait_s) if size_bytes > LARGE_BYTES else -1
        try:
            yield
        finally:
            if held >= 0:
                os.close(held)

    async def _take(self, wait_s: float) -> int:
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    for file in self._files:
                        if (held := _lock(file)) >= 0:
                            return held
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise InspectorError("busy") from None


def _lock(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return -1
    return descriptor
