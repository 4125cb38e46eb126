"""Mode `socks5`: a login in the SOCKS handshake is checked exactly as one in a request to an HTTP proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.proxy.layers.modes import Socks5AuthData

    from addons.identify import Identify

ASK = "users"
"""Value of the option below that makes mitmproxy's layer ask; it looks no further than whether there is one."""


class Socks:
    """Hands logins of SOCKS5 clients (RFC 1929) to `identify`."""

    def __init__(self, identify: Identify) -> None:
        self.identify = identify

    def load(self, loader: Loader) -> None:
        """Make the option that mitmproxy's layer reads; its own addon for it is not loaded."""
        kind: Any = str | None
        loader.add_option("proxyauth", kind, ASK if self.identify.asks else None, "Whether SOCKS5 asks for a login.")

    async def socks5_auth(self, data: Socks5AuthData) -> None:
        """Let the client on when the login is right; an error leaves it out, for `valid` is false before."""
        data.valid = await self.identify.log_in(data.client_conn, data.username, data.password)
        if not data.valid:
            metrics.REFUSED_CONNECTIONS.labels(reason="socks-login").inc()
