"""The inspection function with everything real in it: signature files, libmagic, clock and keys."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.content.types import MediaTypes
from gateway.detect.engine import build_engine
from gateway.findings import Inspection
from gateway.inspection import Inspector
from gateway.inspectors.compiled import CompiledFiles
from gateway.inspectors.kernel import release_free_memory
from gateway.settings import Settings
from gateway.transfer import Buffer, Transfer
from gateway.uploads.model import Ask

CALENDAR = ZoneInfo("Asia/Shanghai")
"""Dates in identifiers are judged by this zone's day."""
KEY_BYTES = 32


def build_inspector(settings: Settings) -> Inspector:
    """An inspector as the gateway and `sluice inspect` use it; raises ConfigError for wrong signature files."""
    cache = CompiledFiles(settings.state_dir / "run" / "compiled")
    return Inspector(
        types=MediaTypes(),
        engine=build_engine([str(path) for path in settings.signatures], limits=settings.limits, cache=cache),
        limits=settings.limits,
        today=today,
        clock=time.monotonic,
        new_key=lambda: os.urandom(KEY_BYTES),
        give_back=release_free_memory,
    )


def build_inspect(settings: Settings) -> Callable[[Transfer, Buffer, Ask], Inspection]:
    """What the pool runs for each job."""
    return build_inspector(settings).inspect


def today() -> date:
    """The calendar day."""
    return datetime.now(CALENDAR).date()
