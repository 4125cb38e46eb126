"""What the supervisor tells the console of the processes it watches: which of them keep dying."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gateway.process import Child

FILE = "run/processes.json"
"""Under the state directory: kind → how many of that kind keep dying."""


class Fleet:
    """Writes the file when it changes; what cannot be written is left as it is, for the log has told of each death."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / FILE
        self._told: dict[str, int] | None = None

    def tell(self, children: Iterable[Child], now: float) -> None:
        """Take note of who keeps dying at this monotonic time."""
        looping = dict(Counter(child.kind for child in children if child.keeps_dying(now)))
        if looping == self._told:
            return
        with suppress(OSError):
            aside = self._file.with_suffix(".new")
            aside.touch(mode=0o600)
            aside.write_text(json.dumps(looping), "ascii")
            aside.replace(self._file)
            self._told = looping


def keeps_dying(state_dir: Path) -> str:
    """One sentence about the processes that keep dying, empty when none does or nobody watches. Never raises."""
    try:
        told = json.loads((state_dir / FILE).read_text("ascii"))
        looping = {str(kind): int(count) for kind, count in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return ""
    named = ", ".join(f"{count} {kind}" for kind, count in sorted(looping.items()) if count)
    return f"processes that keep dying: {named}; the log says why" if named else ""
