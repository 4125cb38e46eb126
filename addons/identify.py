"""Who sends: the proxy's own basic authentication, and the address map behind it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mitmproxy import http

from gateway.identity.users import Directory, load_users

if TYPE_CHECKING:
    from mitmproxy.connection import Client

    from gateway.settings import Settings
    from gateway.transfer import Actor

ASK = 'Basic realm="Sluice", charset="UTF-8"'
"""RFC 7617; the only scheme every client of a proxy has."""


class Identify:
    """Remembers per connection who logged in; the password is never kept."""

    def __init__(self, directory: Directory, *, asks: bool) -> None:
        self.directory = directory
        self.asks = asks
        """Whether a connection without a login is refused with 407."""
        self._known: WeakKeyDictionary[Client, str] = WeakKeyDictionary()

    @classmethod
    def from_settings(cls, settings: Settings) -> Identify:
        """The users and networks of the settings; raises ConfigError with every problem of the users file."""
        own = settings.identity
        users = load_users(own.users) if own.users else {}
        return cls(Directory(users, own.networks, key=os.urandom(32)), asks=own.proxy_auth == "users")

    def actor(self, flow: http.HTTPFlow) -> Actor:
        """Who sends the request, as far as is known."""
        address = flow.client_conn.peername[0] if flow.client_conn.peername else ""
        return self.directory.identify(address.removeprefix("::ffff:"), self._known.get(flow.client_conn))

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """Check the login before a tunnel is given."""
        refusal = await self.authenticate(flow)
        if refusal is not None:
            flow.response = refusal

    async def authenticate(self, flow: http.HTTPFlow) -> http.Response | None:
        """None when the sender may go on, else the 407; takes the login out of the request in any case."""
        given = flow.request.headers.pop("proxy-authorization", "")
        if not self.asks or flow.client_conn in self._known:
            return None
        name, password = credentials(given)
        # Argon2 takes tens of milliseconds on purpose, so it runs beside the event loop.
        is_right = await asyncio.to_thread(self.directory.verify_password, name, password) if name else False
        if is_right:
            self._known[flow.client_conn] = name
            return None
        return http.Response.make(
            407, b"Log in to the proxy.\n", {"Proxy-Authenticate": ASK, "Content-Type": "text/plain"}
        )


def credentials(header: str) -> tuple[str, str]:
    """Name and password of a Basic login, two empty strings for anything else.

    >>> credentials("Basic emhhbmc6cDpx")
    ('zhang', 'p:q')
    """
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, found, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, password) if found else ("", "")
