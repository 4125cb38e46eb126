"""The section `identity` of the settings: how senders are known, and the mistakes that only show between its keys."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.errors import ConfigError, Problem
from gateway.identity.addresses import load_addresses
from gateway.identity.htpasswd import load_htpasswd
from gateway.identity.ip import is_loopback
from gateway.identity.users import User, load_users
from gateway.setting_values import Address, ExistingPath, NetworkKey, Section, parse_address

if TYPE_CHECKING:
    from gateway.yamlfile import Where

LDAP_PORTS = {"ldap": 389, "ldaps": 636}
"""Registered ports (RFC 4511, 4516)."""
MAX_SECRET_BYTES = 1024
"""Longest password or token in a file."""
MIN_TOKEN_CHARS = 32
"""Shortest token; `openssl rand -hex 32` writes 64."""
_LDAP_URL = re.compile(r"(ldaps?)://([^/?#@\s]+?)(:[0-9]{1,5})?/?")
_FILTER = re.compile(r"\([^\x00-\x1f]{1,500}\)")


def _ldap_url(value: object) -> str:
    wrong = ValueError("not a directory; allowed: ldaps://HOST[:PORT] or ldap://HOST[:PORT]")
    match = _LDAP_URL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise wrong
    scheme, host, port = match.groups()
    try:
        return f"{scheme}://{parse_address(host + (port or f':{LDAP_PORTS[scheme]}'))}"
    except ValueError:
        raise wrong from None


def _filter_with(placeholder: str) -> AfterValidator:
    def check(value: str) -> str:
        if not _FILTER.fullmatch(value) or value.count("(") != value.count(")"):
            raise ValueError("not a filter; allowed: a filter of RFC 4515 in brackets, such as (uid={user})")
        if value.count(placeholder) != 1 or value.count("{") != 1 or value.count("}") != 1:
            raise ValueError(f"the filter must hold {placeholder} exactly once and no other braces")
        return value

    return AfterValidator(check)


type LdapUrl = Annotated[str, BeforeValidator(_ldap_url)]
type Attribute = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
type UserFilter = Annotated[str, _filter_with("{user}")]
type GroupFilter = Annotated[str, _filter_with("{dn}")]
type Name = Annotated[str, Field(min_length=1, max_length=1024)]
type Networks = Annotated[tuple[NetworkKey, ...], Field(strict=False)]


class Ldap(Section):
    """A directory that checks passwords and knows groups."""

    url: LdapUrl | None = None
    """`ldaps://HOST[:PORT]`, or `ldap://HOST[:PORT]` with StartTLS."""
    start_tls: bool = True
    """Whether a connection to `ldap://` is encrypted before anything is said; false only for loopback."""
    ca: ExistingPath | None = None
    """PEM file of the CA the directory's certificate comes from; unset: the CAs of the system."""
    bind_dn: Name | None = None
    """Account that looks users up; unset: the directory answers anybody."""
    bind_password_file: ExistingPath | None = None
    """File whose first line is that account's password."""
    base: Name | None = None
    """Entry under which users are."""
    user_filter: UserFilter = "(&(objectClass=person)(uid={user}))"
    """How a user is found by login name; for Active Directory `(&(objectClass=user)(sAMAccountName={user}))`."""
    name_attribute: Attribute = "uid"
    """Attribute with the name that is recorded; for Active Directory `sAMAccountName`."""
    group_base: Name | None = None
    """Entry under which groups are; unset: no groups are looked up."""
    group_filter: GroupFilter = "(&(objectClass=groupOfNames)(member={dn}))"
    """How the groups of a user are found by the entry's distinguished name."""
    group_attribute: Attribute = "cn"
    """Attribute with the name of a group."""
    timeout_s: Annotated[int, Field(ge=1, le=60)] = 5
    """Longest wait for one answer of the directory, in seconds."""
    connections: Annotated[int, Field(ge=1, le=64)] = 4
    """Most connections of one proxy process to the directory."""

    @property
    def address(self) -> Address:
        """Host and port of the directory; only with a `url`."""
        return parse_address((self.url or "").partition("://")[2])


class Identity(Section):
    """Who sends."""

    required: bool = False
    """Whether a sender nobody knows is refused."""
    proxy_auth: Literal["off", "users", "htpasswd", "ldap"] = "off"
    """Whether the proxy asks for a name and password, and who checks them."""
    users: ExistingPath | None = None
    """The users file."""
    htpasswd: ExistingPath | None = None
    """A file of `name:hash` lines with argon2 or bcrypt hashes."""
    ldap: Ldap = Ldap()
    login_ttl_s: Annotated[int, Field(ge=1, le=86400)] = 300
    """How long a login that was right is not checked again, in seconds."""
    clear_login_networks: Networks = ()
    """Networks whose clients may send passwords to the proxy unencrypted; loopback always may."""
    address_suffices: Networks = ()
    """Networks whose clients are known by address and not asked to log in, while others are."""
    networks: dict[NetworkKey, str] = Field(default_factory=dict)
    """Network → user who sends from it; the longest prefix wins."""
    addresses: ExistingPath | None = None
    """A file of addresses with their users, each with an end if it has one; read again when it changes."""
    api_token_file: ExistingPath | None = None
    """File whose first line is the token with which `/api/v1/addresses` is changed; unset: there is no such API."""

    @property
    def knows_addresses(self) -> bool:
        """Whether anybody can be known by address."""
        return bool(self.networks or self.addresses or self.api_token_file)


_NO_LOGIN = (
    "no client could log in: passwords are taken over TLS or from this machine only; set tls.proxy_name or "
    "tls.proxy_certificate, or name the networks in identity.clear_login_networks"
)
_NO_LOGIN_SOCKS = (
    "no client could log in: SOCKS5 is never encrypted, and passwords in the clear are taken from this machine only; "
    "listen on loopback, or name the networks in identity.clear_login_networks"
)


def contradictions(identity: Identity, *, listen: Address, mode: str, speaks_tls: bool) -> list[tuple[Where, str]]:
    """Place and message of keys that are right alone and wrong together."""
    found: list[tuple[str, str]] = []
    needs = {"users": identity.users, "htpasswd": identity.htpasswd, "ldap": identity.ldap.url}
    asked = identity.proxy_auth
    encrypts = speaks_tls and mode != "socks5"
    if asked != "off" and not needs[asked]:
        key = "ldap.url" if asked == "ldap" else asked
        found.append(("proxy_auth", f"{asked} needs the key identity.{key}"))
    if asked != "off" and mode == "transparent":
        found.append(("proxy_auth", "a transparent gateway cannot ask for a login; allowed: off"))
    elif asked != "off" and not (encrypts or is_loopback(listen.host) or identity.clear_login_networks):
        message = _NO_LOGIN_SOCKS if mode == "socks5" else _NO_LOGIN
        found.append(("proxy_auth", message))
    if identity.required and asked == "off" and not identity.knows_addresses:
        message = "nobody could be known; true needs proxy_auth, networks, addresses or api_token_file"
        found.append(("required", message))
    if identity.address_suffices and not identity.knows_addresses:
        found.append(("address_suffices", "nobody is known by address; needs networks, addresses or api_token_file"))
    return [(("identity", key), message) for key, message in found] + _ldap_contradictions(identity.ldap)


def _ldap_contradictions(ldap: Ldap) -> list[tuple[Where, str]]:
    found: list[tuple[str, str]] = []
    if ldap.url is None:
        return []
    if ldap.url.startswith("ldap:") and not ldap.start_tls and not is_loopback(ldap.address.host):
        found.append(("start_tls", "passwords would cross the network unencrypted; false is for loopback only"))
    if not ldap.base:
        found.append(("base", "missing; the entry under which users are, such as ou=people,dc=example,dc=com"))
    if bool(ldap.bind_dn) != bool(ldap.bind_password_file):
        found.append(("bind_dn", "bind_dn and bind_password_file go together"))
    return [(("identity", "ldap", key), message) for key, message in found]


def read_first_line(path: Path) -> str:
    """The secret in the first line of a file; raises ConfigError when there is none. The message holds no part of it."""
    try:
        with path.open("rb") as file:
            text = file.readline(MAX_SECRET_BYTES + 1).decode().rstrip("\r\n")
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), 1, "is not UTF-8")]) from None
    if not 0 < len(text) <= MAX_SECRET_BYTES:
        raise ConfigError([Problem(str(path), 1, f"must hold a secret of 1 to {MAX_SECRET_BYTES} characters")])
    return text


def read_token(path: Path) -> str:
    """The token of the addresses' API; raises ConfigError for one that could be guessed."""
    token = read_first_line(path)
    if len(token) < MIN_TOKEN_CHARS or not token.isascii() or " " in token:
        message = f"must hold a token of at least {MIN_TOKEN_CHARS} ASCII characters without blanks"
        raise ConfigError([Problem(str(path), 1, message)])
    return token


def check_files(identity: Identity, certificate: Path | None) -> None:
    """Read every file that the section names; raises ConfigError with every problem of all of them."""
    problems: list[Problem] = []
    ldap = identity.ldap
    reads: list[tuple[Path | None, Callable[[Path], object]]] = [
        (identity.htpasswd, load_htpasswd),
        (identity.addresses, partial(load_addresses, users=_users(identity))),
        (identity.api_token_file, read_token),
        (ldap.bind_password_file, read_first_line),
        (ldap.ca, _check_ca),
        (certificate, _check_certificate),
    ]
    for path, read in reads:
        try:
            if path is not None:
                read(path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def _users(identity: Identity) -> dict[str, User] | None:
    """The users file, None without a right one: its own problems are told by who loads the settings."""
    try:
        return load_users(identity.users) if identity.users else None
    except ConfigError:
        return None


def _check_ca(path: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:
        message = "identity.ldap.ca cannot be used; it must be a PEM file with certificates"
        raise ConfigError([Problem(str(path), 0, message)]) from None


def _check_certificate(path: Path) -> None:
    try:
        # A key with a password would be asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
    except OSError:
        message = (
            "tls.proxy_certificate cannot be used; it must be a PEM file with a certificate, its chain and its key"
        )
        raise ConfigError([Problem(str(path), 0, message)]) from None
