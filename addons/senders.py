"""Settings → the addon that knows who sends; all files are read here, at the start and at each reload."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from addons.identify import Identify
from gateway.identity.addresses import AddressFile
from gateway.identity.backoff import Backoff
from gateway.identity.htpasswd import load_htpasswd
from gateway.identity.leases import FILE, Leases
from gateway.identity.memory import LoginMemory
from gateway.identity.passwords import Passwords
from gateway.identity.senders import AddressSource, Senders
from gateway.identity.users import Directory, User, load_users
from gateway.identity.verifier import Verifier
from gateway.identity_settings import read_first_line

if TYPE_CHECKING:
    from gateway.identity.logins import Checker
    from gateway.identity_settings import Identity
    from gateway.settings import Settings

HASH_THREADS = 2
"""Threads that check hashes; one takes a core for tens of milliseconds and 64 MiB."""


def build_identify(settings: Settings) -> Identify:
    """The addon; raises ConfigError with every problem of a file, and StartError when addresses cannot be kept."""
    own = settings.identity
    users = _users(own)
    file = AddressFile(own.addresses, users if own.users else None) if own.addresses else None
    leases = Leases(Path(settings.state_dir, FILE), time.time) if own.api_token_file else None
    sources = [source.user_of for source in (leases, file) if source is not None]
    checker = build_checker(own, users)
    verifier = None
    if checker is not None:
        memory = LoginMemory(key=os.urandom(32), ttl_s=own.login_ttl_s, clock=time.monotonic)
        threads = own.ldap.connections if own.proxy_auth == "ldap" else HASH_THREADS
        verifier = Verifier(checker, memory=memory, backoff=Backoff(time.monotonic), threads=threads)
    identify = Identify(
        _senders(own, users, sources),
        verifier,
        clear_networks=own.clear_login_networks,
        address_suffices=own.address_suffices,
        file=file,
    )

    def renew() -> None:
        fresh = _users(own)
        checker = build_checker(own, fresh)
        if file is not None:
            file.renew(fresh if own.users else None)
        identify.senders = _senders(own, fresh, sources)
        if verifier is not None and checker is not None:
            verifier.use(checker)

    identify.renew = renew
    if leases is not None:
        identify.close = leases.close
    return identify


def build_checker(own: Identity, users: dict[str, User]) -> Checker | None:
    """Who checks passwords, None when nobody is asked; raises ConfigError with every problem of a file."""
    match own.proxy_auth:
        case "users":
            hashes = {name: user.password_hash for name, user in users.items() if user.password_hash}
            return Passwords(hashes, key=os.urandom(32))
        case "htpasswd" if own.htpasswd is not None:
            return Passwords(load_htpasswd(own.htpasswd), key=os.urandom(32))
        case "ldap":
            return _ldap(own)
    return None


def _ldap(own: Identity) -> Checker:
    from gateway.identity.ldap import DirectoryFacts, LdapDirectory  # noqa: PLC0415 - only who has one loads it

    ldap = own.ldap
    password = read_first_line(ldap.bind_password_file) if ldap.bind_password_file else ""
    facts = DirectoryFacts(
        host=ldap.address.host,
        port=ldap.address.port,
        is_ldaps=(ldap.url or "").startswith("ldaps:"),
        start_tls=ldap.start_tls,
        ca=str(ldap.ca) if ldap.ca else None,
        bind_dn=ldap.bind_dn,
        bind_password=password,
        base=ldap.base or "",
        user_filter=ldap.user_filter,
        name_attribute=ldap.name_attribute,
        group_base=ldap.group_base,
        group_filter=ldap.group_filter,
        group_attribute=ldap.group_attribute,
        timeout_s=ldap.timeout_s,
        connections=ldap.connections,
    )
    return LdapDirectory(facts)


def _users(own: Identity) -> dict[str, User]:
    return load_users(own.users) if own.users else {}


def _senders(own: Identity, users: dict[str, User], sources: Sequence[AddressSource]) -> Senders:
    return Senders(Directory(users, own.networks), sources, only_listed=own.proxy_auth == "users")
