"""Who sends: the users file, the networks people sit in, and passwords checked once and remembered."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError, Problem
from gateway.transfer import Actor
from gateway.yamlfile import Document, load_yaml, pydantic_problems

MAX_REMEMBERED = 10_000
"""Most credentials remembered as right; at the next one all are forgotten, which costs one check each."""
MAX_PASSWORD_CHARS = 1024
"""Longest password looked at; a longer one is wrong."""
MAX_HASH_MIB = 256
"""Most memory one check may ask for, in MiB: the hash names its own price."""

ABSENT_HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2x1aWNlLWFic2VudA$Zm8GZmbJ6Lw+7Ck6JQ5yEVW0PZyJfVnOjWVBUcZc0Rk"
"""Checked for users that do not exist, so that the time does not tell; no password is known to fit it."""

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _argon2_hash(text: str) -> str:
    try:
        parameters = extract_parameters(text)
    except InvalidHashError:
        raise ValueError("not an argon2 hash; allowed: what `argon2` writes, starting with $argon2id$") from None
    if parameters.memory_cost > MAX_HASH_MIB * 1024 or parameters.time_cost > 20:
        raise ValueError(f"the hash asks for more than {MAX_HASH_MIB} MiB or 20 rounds")
    return text


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
    password_hash: Annotated[str, AfterValidator(_argon2_hash)] | None = None
    """Argon2 hash; None for those who never log in and are known by address only."""


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
    """The users, found by what the proxy knows of a connection. Safe in threads."""

    def __init__(self, users: Mapping[str, User], networks: Mapping[Network, str], *, key: bytes) -> None:
        """`networks` maps to user names; `key` is fresh random bytes, it hides credentials in memory."""
        self._users = dict(users)
        self._networks = sorted(networks.items(), key=lambda item: -item[0].prefixlen)
        self._key = key
        self._remembered: set[bytes] = set()
        self._hasher = PasswordHasher()

    def identify(self, ip: str, proxy_user: str | None) -> Actor:
        """Who sends from the address, having logged in as `proxy_user` (None: not asked, or not yet). Never raises.

        A login that the users file does not know (any more) is nobody; the address does not speak for it.
        """
        if proxy_user is not None:
            return self._actor(proxy_user, ip, "proxy-auth") if proxy_user in self._users else Actor(ip=ip)
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return Actor(ip=ip)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        for network, name in self._networks:
            if address in network:
                return self._actor(name, ip, "address")
        return Actor(ip=ip)

    def find(self, name: str, ip: str = "") -> Actor:
        """The actor of that name without anything to show for it, as `sluice inspect --as` needs it."""
        return self._actor(name, ip, "")

    def display(self, name: str) -> str:
        """What the person is called, the login name where the file says nothing."""
        user = self._users.get(name)
        return (user.display if user else "") or name

    def verify_password(self, name: str, password: str) -> bool:
        """Whether the password is the user's. Takes a core for about 50 ms unless remembered: call it in a thread."""
        user = self._users.get(name)
        stored = user.password_hash if user else None
        if len(password) > MAX_PASSWORD_CHARS:
            return False
        secret = password.encode("utf-8", "surrogatepass")
        mark = self._mark(name, secret, stored or "")
        if mark not in self._remembered:
            try:
                self._hasher.verify(stored or ABSENT_HASH, secret)
            except (Argon2Error, InvalidHashError):
                return False
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered.add(mark)
        return stored is not None

    def _mark(self, name: str, secret: bytes, stored: str) -> bytes:
        message = b"\0".join((name.encode("utf-8", "surrogatepass"), stored.encode(), secret))
        return hmac.digest(self._key, message, hashlib.sha256)

    def _actor(self, name: str, ip: str, authenticated_by: str) -> Actor:
        user = self._users.get(name)
        if user is None:
            return Actor(user=name, ip=ip, authenticated_by=authenticated_by)
        return Actor(
            user=name,
            groups=tuple(user.groups),
            role=user.role,
            department=user.department,
            ip=ip,
            authenticated_by=authenticated_by,
        )
