"""Who sends, from all there is to know: a login, or else the address, in one order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.identity.ip import Address, parse_ip
from gateway.identity.logins import Login
from gateway.identity.users import Directory
from gateway.transfer import Actor

type AddressSource = Callable[[Address], str | None]
"""Name of the user who has the address now; None for nobody."""


class Senders:
    """People and addresses together."""

    def __init__(self, directory: Directory, sources: Sequence[AddressSource], *, only_listed: bool = False) -> None:
        """`sources` go before the networks of the directory, the first that knows the address wins.

        With `only_listed`, a login that the users file does not know (any more) is nobody.
        """
        self._directory = directory
        self._sources = (*sources, directory.user_of)
        self._only_listed = only_listed

    def by_login(self, login: Login, ip: str) -> Actor:
        """Who logged in; the address does not speak for a login that counts no more."""
        if self._only_listed and login.name not in self._directory:
            return Actor(ip=ip)
        return self._directory.actor(login.name, ip, "proxy-auth", login.groups)

    def by_address(self, ip: str) -> Actor:
        """Who sends from the address; nobody where that is not known."""
        address = parse_ip(ip)
        if address is None:
            return Actor(ip=ip)
        for source in self._sources:
            name = source(address)
            if name is not None:
                return self._directory.actor(name, ip, "address")
        return Actor(ip=ip)
