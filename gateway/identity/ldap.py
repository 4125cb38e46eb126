"""Passwords and groups from a directory: the entry is looked up, its groups are read, then a bind as the entry decides."""

from __future__ import annotations

import queue
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from gateway.errors import ConfigError, Problem
from gateway.identity.logins import DirectoryDownError, Login, is_possible

MAX_GROUPS = 1000
"""Most groups read of one user; a directory that has more for one answers with as many."""
DOWN_S = 2.0
"""After a directory gave no answer, logins are refused at once for this long, so that no thread waits in vain."""
ABSENT = "cn=nobody"
"""First part of the name of the entry that is bound to when there is no user, so that every login makes the same steps."""
_RIGHT, _WRONG = 0, frozenset({19, 32, 48, 49, 50, 53})
"""Result codes (RFC 4511, A.1): success; constraint violation as for a locked account, no such object, inappropriate
authentication, invalid credentials, insufficient rights, unwilling as for an expired account."""


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """Where the directory is and how it is asked; the fields are those of `identity.ldap`."""

    host: str
    port: int
    is_ldaps: bool
    start_tls: bool
    ca: str | None
    bind_dn: str | None
    bind_password: str
    base: str
    user_filter: str
    name_attribute: str
    group_base: str | None
    group_filter: str
    group_attribute: str
    timeout_s: int
    connections: int


class VerifiedTls(ldap3.Tls):  # type: ignore[misc]  # the library has no types
    """TLS as Python's own module verifies it: the library's check of names knows no addresses, and drops sockets."""

    def __init__(self, ca: str | None) -> None:
        """Raises OSError, of which ssl.SSLError is one, when the file holds no CA."""
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.context = ssl.create_default_context(cafile=ca)

    def wrap_socket(self, connection: ldap3.Connection, do_handshake: bool = True) -> None:  # noqa: ARG002 - always done
        """Encrypt the connection; raises ssl.SSLError for a certificate that is not the server's."""
        connection.socket = self.context.wrap_socket(connection.socket, server_hostname=connection.server.host)


class LdapDirectory:
    """A `Checker` over a directory. Connections are kept and used again; at most `connections` at once."""

    def __init__(self, facts: DirectoryFacts, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigError when the CA file is none; connects to nobody yet."""
        self._facts, self._clock = facts, clock
        try:
            self._tls = VerifiedTls(facts.ca)
        except OSError:
            message = "identity.ldap.ca cannot be used; it must be a PEM file with certificates"
            raise ConfigError([Problem(str(facts.ca), 0, message)]) from None
        self._idle: queue.SimpleQueue[ldap3.Connection] = queue.SimpleQueue()
        self._slots = threading.BoundedSemaphore(facts.connections)
        self._down_until = 0.0

    def check(self, name: str, password: str) -> Login | None:
        """The login under the directory's own spelling, with its groups; None for a wrong one.

        Raises DirectoryDownError when the directory gives no answer, or one that decides nothing.
        """
        if not is_possible(name, password):
            return None
        if self._clock() < self._down_until:
            raise DirectoryDownError("down a moment ago")
        with self._slots:
            try:
                return self._with_connection(name, password)
            except LDAPException as error:
                self._down_until = self._clock() + DOWN_S
                # Its message may hold names and addresses; the kind is enough to look for.
                raise DirectoryDownError(type(error).__name__) from None

    def knows(self, name: str) -> bool:  # noqa: ARG002 - the directory is asked at logins only
        """Whoever logged in stays known on that connection."""
        return True

    def close(self) -> None:
        """Let go of the idle connections."""
        with suppress(queue.Empty):
            while True:
                _release(self._idle.get_nowait())

    def _with_connection(self, name: str, password: str) -> Login | None:
        with suppress(queue.Empty):
            kept = self._idle.get_nowait()
            try:
                return self._login(kept, name, password)
            except LDAPException:
                # A directory closes idle connections; a fresh one tells whether it is there.
                _release(kept)
        return self._login(self._connect(), name, password)

    def _connect(self) -> ldap3.Connection:
        facts = self._facts
        # Made anew each time: the library remembers for minutes which address did not answer.
        server = ldap3.Server(
            facts.host,
            facts.port,
            use_ssl=facts.is_ldaps,
            tls=self._tls,
            get_info=ldap3.NONE,
            connect_timeout=facts.timeout_s,
        )
        connection = ldap3.Connection(
            server,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            receive_timeout=facts.timeout_s,
            raise_exceptions=False,
            check_names=False,
            read_only=True,
        )
        try:
            connection.open(read_server_info=False)
            if facts.start_tls and not facts.is_ldaps and not connection.start_tls(read_server_info=False):
                raise LDAPException("StartTLS failed")
        except BaseException:
            _release(connection)
            raise
        return connection

    def _login(self, connection: ldap3.Connection, name: str, password: str) -> Login | None:
        try:
            self._bind(connection, self._facts.bind_dn, self._facts.bind_password, of_account=True)
            dn, spelled = self._find(connection, name)
            absent = f"{ABSENT},{self._facts.base}"
            groups = self._groups(connection, dn or absent)
            is_right = self._bind(connection, dn or absent, password)
        except BaseException:
            _release(connection)
            raise
        self._idle.put(connection)
        return Login(spelled, groups) if dn and is_right else None

    def _bind(self, connection: ldap3.Connection, dn: str | None, password: str, *, of_account: bool = False) -> bool:
        if dn is None:
            done = connection.rebind(authentication=ldap3.ANONYMOUS, read_server_info=False)
        else:
            done = connection.rebind(dn, password, ldap3.SIMPLE, read_server_info=False)
        code = connection.result["result"]
        if done and code == _RIGHT:
            return True
        if of_account or code not in _WRONG:
            raise LDAPException("the bind decided nothing")
        return False

    def _find(self, connection: ldap3.Connection, name: str) -> tuple[str, str]:
        """Distinguished name and recorded name of the one user of that login name; two empty texts for none or several."""
        facts = self._facts
        wanted = facts.user_filter.replace("{user}", escape_filter_chars(name))
        found = self._search(connection, facts.base, wanted, facts.name_attribute, 2)
        if len(found) != 1:
            return "", ""
        values = _values(found[0], facts.name_attribute)
        dn = str(found[0]["dn"])
        # An empty DN would make the bind an anonymous one, which every directory answers with success.
        return (dn, values[0]) if dn and values and is_possible(values[0], "-") else ("", "")

    def _groups(self, connection: ldap3.Connection, dn: str) -> tuple[str, ...]:
        facts = self._facts
        if facts.group_base is None:
            return ()
        wanted = facts.group_filter.replace("{dn}", escape_filter_chars(dn))
        found = self._search(connection, facts.group_base, wanted, facts.group_attribute, MAX_GROUPS)
        names = {value for entry in found for value in _values(entry, facts.group_attribute)[:1]}
        return tuple(sorted(name for name in names if 0 < len(name) <= 128))

    def _search(
        self, connection: ldap3.Connection, base: str, wanted: str, attribute: str, most: int
    ) -> list[dict[str, Any]]:
        connection.search(
            base,
            wanted,
            ldap3.SUBTREE,
            ldap3.DEREF_NEVER,
            attributes=[attribute],
            size_limit=most,
            time_limit=self._facts.timeout_s,
        )
        # 4 is "size limit exceeded": the entries up to the limit are there.
        if connection.result["result"] not in {_RIGHT, 4}:
            raise LDAPException("the search failed")
        return [entry for entry in connection.response if entry["type"] == "searchResEntry"]


def _values(entry: dict[str, Any], attribute: str) -> list[str]:
    """Texts of the attribute, whose name has no case (RFC 4512, 2.5)."""
    for name, values in entry["raw_attributes"].items():
        if name.lower() == attribute.lower():
            return [value.decode("utf-8", "replace") for value in values]
    return []


def _release(connection: ldap3.Connection) -> None:
    with suppress(LDAPException, OSError):
        connection.unbind()
    if connection.socket is not None:
        with suppress(OSError):
            connection.socket.close()
