"""The addresses file: who sends from where, and until when; read again when it changes."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError
from gateway.identity.ip import Address, parse_ip
from gateway.yamlfile import load_yaml, pydantic_problems


def _one_address(value: object) -> Address:
    address = parse_ip(value) if isinstance(value, str) and "%" not in value else None
    if address is None and isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        address = value
    if address is None:
        raise ValueError("not an address; allowed: one IPv4 or IPv6 address, without prefix or zone")
    return address


def _aware(value: object) -> object:
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    raise ValueError("not a time; allowed: a date and time with its zone, such as 2026-12-31T18:00:00+08:00")


type UserName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s:\x00-\x1f]+$")]
type OneAddress = Annotated[Any, AfterValidator(_one_address)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    address: OneAddress
    user: UserName
    expires: Annotated[datetime | None, BeforeValidator(_aware)] = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    addresses: list[_Entry]


@dataclass(frozen=True, slots=True)
class Held:
    """An address that somebody has."""

    user: str
    expires_at: float
    """POSIX seconds; the entry counts before this moment only. Infinity for no end."""


def load_addresses(path: str | Path, users: Mapping[str, object] | None = None) -> dict[Address, Held]:
    """Holder by address; raises ConfigError with every problem of the file.

    With `users`, whoever is not among them is a problem too. Entries that have ended are no mistake.
    """
    document = load_yaml(str(path))
    try:
        entries = _File.model_validate(document.value).addresses
    except ValidationError as error:
        errors = error.errors(include_input=False)
        raise ConfigError(pydantic_problems(document, errors, model=_File)) from None
    found: dict[Address, Held] = {}
    lines: dict[Address, int] = {}
    problems = []
    for index, entry in enumerate(entries):
        where = ("addresses", index, "address")
        if entry.address in found:
            message = f"addresses.{index}.address: {entry.address} is in line {lines[entry.address]} already"
            problems.append(document.problem(where, message))
        if users is not None and entry.user not in users:
            message = f"addresses.{index}.user: the user {entry.user} is not in the users file"
            problems.append(document.problem(("addresses", index, "user"), message))
        found[entry.address] = Held(entry.user, entry.expires.timestamp() if entry.expires else float("inf"))
        lines.setdefault(entry.address, document.line(where))
    if problems:
        raise ConfigError(problems)
    return found


class AddressFile:
    """The file in force. Another thread may call `look` while one asks for users."""

    def __init__(
        self, path: Path, users: Mapping[str, object] | None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Reads the file; raises ConfigError with every problem of it."""
        self._path, self._users, self._now = path, users, now
        self._seen = self._state()
        self._holders = load_addresses(path, users)

    def user_of(self, address: Address) -> str | None:
        """Who has the address now; None for nobody, or nobody any more."""
        held = self._holders.get(address)
        return held.user if held and self._now().timestamp() < held.expires_at else None

    def look(self) -> bool:
        """Read the file again if it is not the one that was read; whether it was read.

        Raises ConfigError for one with problems, once; what was in force stays in force.
        """
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        self._holders = load_addresses(self._path, self._users)
        return True

    def renew(self, users: Mapping[str, object] | None) -> None:
        """Read the file against other users; raises ConfigError, and then the old one stays in force."""
        state = self._state()
        self._holders, self._users, self._seen = load_addresses(self._path, users), users, state

    def _state(self) -> tuple[int, ...]:
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - one call for all of it
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
