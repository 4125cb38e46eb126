"""A login: what a name and password prove, and how the question can end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.errors import SluiceError

MAX_NAME_CHARS = 128
"""Longest login name looked at; also that of the users file."""
MAX_PASSWORD_CHARS = 1024
"""Longest password looked at; a longer one is wrong."""


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody whose password was right."""

    name: str
    """As the password file or the directory spells it."""
    groups: tuple[str, ...] = ()
    """What a directory says; the users file may say more."""


class LoginResult(StrEnum):
    """How a login ended; a closed set, because it is a metric label."""

    CHECKED = "checked"
    """Right, as the password file or the directory said just now."""
    REMEMBERED = "remembered"
    """Right, as it was before."""
    MISSING = "missing"
    """None was offered; the client is asked."""
    WRONG = "wrong"
    CLEAR = "clear"
    """The connection is not encrypted, so none is asked for and one that is offered is not looked at."""
    THROTTLED = "throttled"
    """Too many wrong ones came from that address."""
    BUSY = "busy"
    """Too many wait to be checked."""
    DOWN = "directory-down"
    """The directory gave no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a login."""

    result: LoginResult
    login: Login | None = None
    """Only with CHECKED and REMEMBERED."""
    wait_s: float = 0.0
    """With THROTTLED: seconds after which another try is looked at."""


class DirectoryDownError(SluiceError):
    """Whether the password is right cannot be told now; the login must be refused."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"the directory gave no answer ({kind})")


class Checker(Protocol):
    """Knows passwords. Safe in threads."""

    def check(self, name: str, password: str) -> Login | None:
        """The login, None for a wrong one; blocks, and raises DirectoryDownError when nobody can tell."""

    def knows(self, name: str) -> bool:
        """Whether somebody who logged in under that name still counts."""


def is_possible(name: str, password: str) -> bool:
    """Whether anybody could have this name and password; an empty password is a login as nobody in LDAP (RFC 4513, 5.1.2).

    >>> is_possible("zhang", "secret"), is_possible("zhang", ""), is_possible("zh:ang", "x"), is_possible("a b", "x")
    (True, False, False, False)
    """
    if not (0 < len(name) <= MAX_NAME_CHARS and 0 < len(password) <= MAX_PASSWORD_CHARS):
        return False
    # A control character, a blank or half a surrogate pair is in no name that a file here may hold.
    return name.isprintable() and not any(char.isspace() or char == ":" for char in name) and "\0" not in password
