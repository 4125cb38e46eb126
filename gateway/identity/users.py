"""Who people are: the users file, and the networks they sit in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError, Problem
from gateway.identity.hashes import check_hash
from gateway.identity.ip import Address, Network
from gateway.transfer import Actor
from gateway.yamlfile import Document, load_yaml, pydantic_problems


class User(BaseModel):
    """One person or machine account."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s:\x00-\x1f]+$")]
    """Login name; no colon, for HTTP basic authentication ends it there (RFC 7617)."""
    display: Annotated[str, Field(max_length=128)] = ""
    """What people are called in pages."""
    role: Literal["", "staff", "head", "executive"] = ""
    """`staff`, `head` or `executive` (基层员工 / 部门主管 / 高级管理人员)."""
    groups: list[Annotated[str, Field(min_length=1, max_length=128)]] = []
    department: Annotated[str, Field(max_length=128)] = ""
    password_hash: Annotated[str, AfterValidator(check_hash)] | None = None
    """Argon2 or bcrypt hash; None for those who log in elsewhere or are known by address only."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    users: list[User]


def load_users(path: str | Path) -> dict[str, User]:
    """Users by name; raises ConfigError with every problem of the file."""
    document = load_yaml(str(path))
    try:
        users = _File.model_validate(document.value).users
    except ValidationError as error:
        # The input is not asked for: there are password hashes in it.
        errors = error.errors(include_input=False)
        raise ConfigError(pydantic_problems(document, errors, model=_File)) from None
    problems = _repeated(document, users)
    if problems:
        raise ConfigError(problems)
    return {user.name: user for user in users}


def _repeated(document: Document, users: list[User]) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for index, user in enumerate(users):
        if first.setdefault(user.name, index) != index:
            line = document.line(("users", first[user.name]))
            message = f"users.{index}.name: the user {user.name} is in line {line} already; names must differ"
            problems.append(document.problem(("users", index, "name"), message))
    return problems


class Directory:
    """The users and networks of the settings; all lookups are in memory."""

    def __init__(self, users: Mapping[str, User], networks: Mapping[Network, str]) -> None:
        """`networks` maps to user names."""
        self._users = dict(users)
        self._networks = sorted(networks.items(), key=lambda item: -item[0].prefixlen)

    def __contains__(self, name: str) -> bool:
        """Whether the users file has somebody of that name."""
        return name in self._users

    def user_of(self, address: Address) -> str | None:
        """Name of the user whose network holds the address; the longest prefix wins."""
        return next((name for network, name in self._networks if address in network), None)

    def find(self, name: str, ip: str = "") -> Actor:
        """The actor of that name without anything to show for it, as `sluice inspect --as` needs it."""
        return self.actor(name, ip, "")

    def display(self, name: str) -> str:
        """What the person is called, the login name where the file says nothing."""
        user = self._users.get(name)
        return (user.display if user else "") or name

    def actor(self, name: str, ip: str, authenticated_by: str, groups: tuple[str, ...] = ()) -> Actor:
        """Somebody who is known to be `name`, with what the file says and the groups a directory adds to it."""
        user = self._users.get(name)
        if user is None:
            return Actor(user=name, groups=groups, ip=ip, authenticated_by=authenticated_by)
        return Actor(
            user=name,
            groups=tuple(dict.fromkeys((*user.groups, *groups))),
            role=user.role,
            department=user.department,
            ip=ip,
            authenticated_by=authenticated_by,
        )
