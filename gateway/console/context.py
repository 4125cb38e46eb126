"""What the routes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.console.status import Board
from gateway.console.titles import Titles
from gateway.records.store import Store
from gateway.settings import Address


@dataclass(frozen=True, slots=True)
class Context:
    """Store, status, names and facts of this console."""

    store: Store
    board: Board
    titles: Titles
    now: Callable[[], datetime]
    """Aware, UTC."""
    listen: Address
    """Address of the console."""
    proxy: Address
    """Address clients use, told where nothing has come yet."""
    version: str
