"""Compiled signatures kept in the state directory, so that the next start need not compile them again."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

MAX_FILES = 32
"""Most files kept; a start needs a dozen, and a changed signature makes new ones."""


class CompiledFiles:
    """One file per key, readable by this user only; a disk that fails costs the time of compiling, nothing else."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, key: str) -> bytes | None:
        """What was put under the key; None when nothing is there or it can be written by others."""
        try:
            with (self._directory / key).open("rb") as file:
                state = os.fstat(file.fileno())
                return file.read() if state.st_uid == os.geteuid() and not state.st_mode & 0o022 else None
        except OSError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keep it, whole or not at all; nothing where the state directory does not exist."""
        aside = self._directory / f"{key}.{os.getpid()}"
        with contextlib.suppress(OSError):
            if self._directory.parent.is_dir():
                self._directory.mkdir(mode=0o700, exist_ok=True)
                descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                aside.replace(self._directory / key)
                self._forget_old()

    def _forget_old(self) -> None:
        files = sorted(self._directory.iterdir(), key=lambda file: -file.stat().st_mtime)
        for file in files[MAX_FILES:]:
            file.unlink()
