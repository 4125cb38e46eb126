"""Every policy that came into force, by digest, in the state directory; and which one is in force now."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError, Problem
from gateway.policy.load import load_text
from gateway.policy.model import Policy
from gateway.yamlfile import read_text

FOLDER = "policies"
"""Under the state directory."""
IN_FORCE = "in-force"
"""File in that folder with the digest that all workers are to load."""
MAX_KEPT = 200
"""Most policies kept; one that comes into force again counts as new. At ten changes a week that is four months."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_BEGINNING = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """One policy of the folder."""

    digest: str
    since: float
    """Unix time at which it last came into force."""


class Kept:
    """The folder. Reading raises ConfigError for what is not there; writing raises OSError."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / FOLDER

    def put_in_force(self, text: str, digest: str) -> None:
        """Keep the text of a policy that was found right, then name it as the one to load; whole or not at all.

        A worker that reads at the same time finds the old policy or the new one, never a part of either.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(f"{digest}.yaml", text)
        self._write(IN_FORCE, f"{digest}\n")
        for old in self.entries()[MAX_KEPT:]:
            if old.digest != digest:
                with suppress(FileNotFoundError):
                    self._path(old.digest).unlink()

    def in_force(self) -> str:
        """The digest to load; empty when none was ever put in force, or the file that says so is damaged."""
        try:
            digest = (self.folder / IN_FORCE).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return digest if _DIGEST.fullmatch(digest) else ""

    def load(self, digest: str) -> Policy:
        """The kept policy; raises ConfigError also when its file was changed since."""
        policy = load_text(self.text(digest), str(self._path(digest)))
        if policy.digest != digest:
            problem = Problem(str(self._path(digest)), 0, "is not the policy of that digest; it was changed by hand")
            raise ConfigError([problem])
        return policy

    def text(self, digest: str) -> str:
        """The policy as its author wrote it, comments and cases included."""
        return read_text(str(self._path(digest)))

    def entries(self) -> list[KeptPolicy]:
        """All kept policies, the newest first."""
        found = []
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.folder):
                digest = entry.name.removesuffix(".yaml")
                if _DIGEST.fullmatch(digest) and entry.name != digest:
                    found.append(KeptPolicy(digest, entry.stat().st_mtime))
        return sorted(found, key=lambda kept: (-kept.since, kept.digest))

    def find(self, beginning: str) -> str:
        """The digest that begins so; empty when there is none, or more than one."""
        if not _BEGINNING.fullmatch(beginning):
            return ""
        found = [kept.digest for kept in self.entries() if kept.digest.startswith(beginning)]
        return found[0] if len(found) == 1 else ""

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.yaml"

    def _write(self, name: str, text: str) -> None:
        """Write aside, make it durable, and give it its name."""
        aside = self.folder / f".{name}.{os.getpid()}"
        with suppress(FileNotFoundError):
            aside.unlink()
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
