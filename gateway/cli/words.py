"""How commands show things in a terminal."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")
"""Clocks that people read are in this zone; records are in UTC."""
_STYLES = {"block": "bold red", "hold": "bold yellow", "coach": "cyan", "log": "blue", "allow": "green"}


def action_style(action: str) -> str:
    """Style of an action in rich's markup."""
    return _STYLES.get(action, "default")


def local_time(at: str) -> str:
    """`2026-11-21 14:03:09` for an RFC 3339 time; the text itself when it is none.

    >>> local_time("2026-11-21T06:03:09.120Z")
    '2026-11-21 14:03:09'
    """
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    return moment.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S")
