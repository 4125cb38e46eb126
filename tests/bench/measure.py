"""CPU and memory of a process tree, read from /proc; the kernel's own accounting, whatever else the machine does."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.05


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_s(root: int) -> float:
    """CPU seconds of the tree, with children it has reaped."""
    total = 0
    for pid in tree(root):
        if fields := _stat(pid):
            total += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return total / TICKS


def kind_of(pid: int) -> str:
    """What a process of the gateway is: the module it was started as; children that were forked have their parent's."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "gone"
    return words[words.index(b"-m") + 1].decode() if b"-m" in words else "other"


def rss_by_kind(root: int) -> dict[str, int]:
    """Resident bytes of the tree by kind of process; shared pages count in every process that has them."""
    found: dict[str, int] = {}
    for pid in tree(root):
        if fields := _stat(pid):
            kind = kind_of(pid)
            found[kind] = found.get(kind, 0) + int(fields[21]) * PAGE_BYTES
    return found


@dataclass
class Peak:
    """`with Peak(pid) as peak`: the growth of the tree's resident memory inside the block."""

    root: int
    base_bytes: int = 0
    peak_bytes: int = 0
    _base: dict[str, int] = field(default_factory=dict)
    _then: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Peak:
        self._base = self._then = rss_by_kind(self.root)
        self.base_bytes = self.peak_bytes = sum(self._base.values())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            now = rss_by_kind(self.root)
            if sum(now.values()) > self.peak_bytes:
                self._then, self.peak_bytes = now, sum(now.values())

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def growth_bytes(self) -> int:
        return self.peak_bytes - self.base_bytes

    def parts(self) -> dict[str, int]:
        """Growth at the peak by kind of process."""
        return {kind: size - self._base.get(kind, 0) for kind, size in self._then.items()}
