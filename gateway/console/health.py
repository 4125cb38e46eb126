"""Whether the gateway can enforce: policy loaded, store writable, journal writable, inspectors alive, proxy listening."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError, InspectorError, RecordError
from gateway.fleet import keeps_dying
from gateway.inspectors.client import InspectorClient
from gateway.policy.load import load_policy
from gateway.records.store import Store
from gateway.settings import Settings

CONNECT_S = 2.0
"""Longest wait for the proxy's port."""
MIN_FREE_BYTES = 4 * 1024 * 1024
"""Free space under which a journal or a spool would soon fail."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is asked, in order; each check gives an empty string or one sentence."""

    settings: Settings
    store: Store
    inspectors: InspectorClient

    async def problems(self) -> dict[str, str]:
        """Name of the check → empty, or what is wrong."""
        return {
            "policy": await asyncio.to_thread(self.policy),
            "store": await asyncio.to_thread(self.writable_store),
            "journal": await asyncio.to_thread(self.journal),
            "inspectors": await self.pool(),
            "proxy": await self.proxy(),
            "processes": await asyncio.to_thread(keeps_dying, self.settings.state_dir),
        }

    def policy(self) -> str:
        """The policy file is right; a broken one is told even while the old one is in force."""
        try:
            load_policy(str(self.settings.policy) if self.settings.policy else None)
        except ConfigError as error:
            return f"{len(error.problems)} problems in the policy file; 'sluice check' lists them"
        return ""

    def writable_store(self) -> str:
        """The index takes writes."""
        return _asked(self.store.check_writable, "the store cannot be written")

    def journal(self) -> str:
        """The journal's folder takes files and has room."""
        folder = Path(self.settings.state_dir, "journal")
        try:
            probe = folder / f".ready-{os.getpid()}"
            probe.write_bytes(b"1")
            probe.unlink()
            space = os.statvfs(folder)
        except OSError as error:
            return f"the journal directory cannot be written ({error.strerror})"
        if space.f_bavail * space.f_frsize < MIN_FREE_BYTES:
            return "the disk of the journal is nearly full"
        return ""

    async def pool(self) -> str:
        """At least one inspector is ready for work."""
        try:
            state = await self.inspectors.ping()
        except InspectorError:
            return "the inspectors do not answer"
        return "" if state.workers else "no inspector is ready"

    async def proxy(self) -> str:
        """Somebody listens on the proxy's port."""
        address = self.settings.listen
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(address.host, address.port)
        except (OSError, TimeoutError):
            return f"nobody listens on {address}"
        writer.close()
        return ""


def _asked(check: Callable[[], object], message: str) -> str:
    try:
        check()
    except RecordError:
        return message
    return ""
