"""Which server a request means, by name and by address: who is asked for, and where the engine would connect."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mitmproxy.proxy.mode_specs import Socks5Mode, TransparentMode

from gateway.settings import normal_host

if TYPE_CHECKING:
    from mitmproxy import http


@dataclass(frozen=True, slots=True)
class Named:
    """The server of one request; hosts in the form of `normal_host`."""

    host: str
    """The name it is judged by; the dialled host when the request claims no other."""
    dialled: str
    """What the engine will ask the loop to connect to: a name in a target, or the address a client dialled."""
    certified: bool = True
    """Whether the server must prove `host` by its certificate before it gets a byte, or nothing is left to prove."""

    @property
    def is_claim(self) -> bool:
        """Whether `host` is only what the client says about the address it dialled."""
        return self.host != self.dialled and not self.certified


def dials_addresses(flow: http.HTTPFlow) -> bool:
    """Whether the client gave an address where the name of the server would stand in a request to a proxy.

    A redirected client always does, a SOCKS5 client that looks names up itself. In a CONNECT or an absolute target an
    address is meant as such, and any other name beside it is a mismatch.
    """
    mode = flow.client_conn.proxy_mode
    return isinstance(mode, TransparentMode) or (isinstance(mode, Socks5Mode) and is_address(flow.request.host))


def named(flow: http.HTTPFlow) -> Named:
    """The server of the request; its names were found to agree before (`capture.host_problem`)."""
    dialled = normal_host(flow.request.host)
    if not dials_addresses(flow):
        return Named(dialled, dialled)
    fields = flow.request.headers.get_all("host")
    claimed = normal_host(without_port(flow.request.authority or (fields[0] if fields else "")))
    if not claimed or is_address(claimed):
        return Named(dialled, dialled)
    sni = flow.client_conn.sni or ""
    # The engine verifies the server's certificate for the name of the client's handshake, and for the address
    # when there is none; only the first proves the name.
    return Named(claimed, dialled, certified=flow.request.scheme == "https" and normal_host(sni) == claimed)


def is_address(host: str) -> bool:
    """Whether the host, brackets or not, is an IP address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def without_port(authority: str) -> str:
    """The host of a `Host` field or authority, IPv6 in its brackets.

    >>> without_port("a.example:80"), without_port("[::1]:80")
    ('a.example', '[::1]')
    """
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]
