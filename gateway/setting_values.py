"""The values that settings are made of: addresses, networks, paths, words; each says what is allowed when it is not."""

from __future__ import annotations

import ipaddress
import re
from os.path import exists
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core.core_schema import ValidationInfo

from gateway.destinations.hosts import normal_host

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Section(BaseModel):
    """Base of every section: frozen, strict types, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_UPSTREAM = re.compile(r"upstream:(https?)://(.+)")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")


class Address(NamedTuple):
    """A host and a port."""

    host: str
    """Lower case, A-label or textual IP address without brackets; `*` only as the key of a fixed route."""
    port: int

    def __str__(self) -> str:
        """`host:port`, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: object, *, any_host: bool = False) -> Address:
    """`host:port` → Address; raises ValueError saying what is allowed.

    >>> parse_address("[::1]:8080")
    Address(host='::1', port=8080)
    >>> parse_address("8080")
    Traceback (most recent call last):
    ValueError: not an address; allowed: HOST:PORT with a port of 1 to 65535, IPv6 in brackets
    """
    wrong = ValueError("not an address; allowed: HOST:PORT with a port of 1 to 65535, IPv6 in brackets")
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise wrong
    text, _, digits = value.rpartition(":")
    host = normal_host(text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5 and 1 <= int(digits) <= 65535):
        raise wrong
    if text.startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host))
        except ValueError:
            raise wrong from None
    elif not (_HOST.fullmatch(host) or (any_host and host == "*")):
        raise wrong
    return Address(host, int(digits))


def _route_key(value: object) -> Address:
    return parse_address(value, any_host=True)


def _network(value: object) -> Network:
    try:
        if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return value
        if isinstance(value, str):
            return ipaddress.ip_network(value)
    except ValueError as error:
        reason = "has host bits set" if "host bits" in str(error) else "is not a network"
        raise ValueError(f"{reason}; allowed: ADDRESS/PREFIX such as 10.0.0.0/8 or 2001:db8::/32") from None
    raise ValueError("is not a network; allowed: ADDRESS/PREFIX such as 10.0.0.0/8 or 2001:db8::/32")


def _country(value: object) -> str:
    if isinstance(value, str) and re.fullmatch("[A-Z]{2}", value):
        return value
    raise ValueError("not a country; allowed: two capital letters of ISO 3166-1, such as CN")


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path) or (isinstance(value, str) and value and "\0" not in value):
        base = (info.context or {}).get("base", Path())
        return Path(base, value)
    raise ValueError("not a path; allowed: a path, relative to the folder of the settings file")


def _existing(path: Path) -> Path:
    if not exists(path):  # noqa: PTH110 - Path.exists raises where a folder on the way may not be read
        raise ValueError("the path does not exist")
    return path


def _auto_or_count(value: object) -> str | int:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024):
        return value
    raise ValueError("not a count; allowed: auto, or a whole number of 1 to 1024")


class Parent(NamedTuple):
    """The proxy behind this one, in mode `upstream`."""

    scheme: str
    """`http` or `https`: how this proxy itself is spoken to."""
    address: Address


def parent_of(mode: str) -> Parent | None:
    """The proxy that a mode of the settings leads to; None for a mode that connects to servers itself.

    >>> parent_of("upstream:https://proxy.example:3129")
    Parent(scheme='https', address=Address(host='proxy.example', port=3129))
    >>> parent_of("regular") is None
    True
    """
    found = _UPSTREAM.fullmatch(mode)
    return Parent(found[1], parse_address(found[2])) if found else None


def _mode(value: object) -> str:
    if isinstance(value, str):
        if value in {"regular", "transparent", "socks5"}:
            return value
        if value.startswith("upstream:") and "@" in value:
            # Settings are shown and copied; a URL with a password in it would be, too.
            raise ValueError("no login in the URL; it belongs in upstream.login_file")
        found = _UPSTREAM.fullmatch(value.rstrip("/"))
        if found:
            try:
                return f"upstream:{found[1]}://{parse_address(found[2])}"
            except ValueError:
                pass
    raise ValueError(
        "not a mode; allowed: regular, transparent, socks5, upstream:http://HOST:PORT or upstream:https://HOST:PORT"
    )


def _store(value: object) -> str:
    if value == "sqlite":
        return "sqlite"
    if isinstance(value, str) and value.startswith("postgresql://"):
        raise ValueError("postgresql is not available in this version; allowed: sqlite")
    raise ValueError("not a store; allowed: sqlite")


def _server_name(value: object) -> str:
    if isinstance(value, str) and _HOST.fullmatch(normal_host(value)):
        return normal_host(value)
    raise ValueError("not a name; allowed: the host name or address that clients reach the proxy at")


def _not_available(value: object) -> None:
    if value is not None:
        raise ValueError("not available in this version; allowed: null")


type AddressField = Annotated[Address, BeforeValidator(parse_address)]
type RouteKey = Annotated[Address, BeforeValidator(_route_key)]
type Country = Annotated[str, BeforeValidator(_country)]
type Mode = Annotated[str, BeforeValidator(_mode)]
type Store = Annotated[str, BeforeValidator(_store)]
type NotAvailable = Annotated[None, BeforeValidator(_not_available)]
type ServerName = Annotated[str, BeforeValidator(_server_name)]
type NetworkKey = Annotated[Network, BeforeValidator(_network)]
type PathField = Annotated[Path, BeforeValidator(_path)]
type ExistingPath = Annotated[Path, BeforeValidator(_path), AfterValidator(_existing)]
type Count = Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_count)]
type Paths = Annotated[tuple[ExistingPath, ...], Field(strict=False)]
