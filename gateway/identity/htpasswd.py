"""Apache's password file: `name:hash` lines, argon2 and bcrypt only."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.errors import ConfigError, Problem
from gateway.identity.hashes import check_hash

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Largest file read; 50,000 people have about 5 MB."""
_NAME = re.compile(r"[^\s:\x00-\x1f]{1,128}")


def load_htpasswd(path: str | Path) -> dict[str, str]:
    """Hash by name; raises ConfigError with every problem of the file, none of which holds any part of a hash.

    Empty lines and those that begin with `#` are left out, as Apache does.
    """
    file = str(path)
    try:
        with Path(path).open("rb") as source:
            text = source.read(MAX_FILE_BYTES + 1).decode()
    except OSError as error:
        raise ConfigError([Problem(file, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(file, 0, f"is not UTF-8 (byte {error.start})")]) from None
    if len(text.encode()) > MAX_FILE_BYTES:
        raise ConfigError([Problem(file, 0, f"the file is larger than {MAX_FILE_BYTES} bytes")])
    hashes: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, colon, stored = entry.partition(":")
        try:
            _check_name(name, colon, lines)
            hashes[name] = check_hash(stored)
        except ValueError as error:
            problems.append(Problem(file, number, str(error)))
        lines.setdefault(name, number)
    if problems:
        raise ConfigError(problems)
    return hashes


def _check_name(name: str, colon: str, lines: dict[str, int]) -> None:
    if not colon or not _NAME.fullmatch(name):
        raise ValueError("not an entry; allowed: NAME:HASH with a name of up to 128 characters without blanks")
    if name in lines:
        raise ValueError(f"the user {name} is in line {lines[name]} already; names must differ")
