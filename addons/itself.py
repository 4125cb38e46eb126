"""What of this machine the gateway must not be made to connect to: its own ports, and addresses that nobody listed."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.destinations.addresses import Network, forms, is_forbidden

if TYPE_CHECKING:
    from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Itself:
    """The gateway as a destination."""

    ports: frozenset[int]
    """Of the proxy, the console and the exporter."""

    @classmethod
    def of(cls, settings: Settings) -> Itself:
        """The ports of these settings."""
        return cls(frozenset(each.listen.port for each in (settings, settings.console, settings.metrics)))

    def refuses(self, address: str, port: int, allowed: Iterable[Network] = ()) -> str:
        """Why the address must not be connected to, a few words; empty when it is another machine's or was listed.

        The gateway's own ports are refused at every address of the machine whatever is listed, for a request to them
        would come back for ever, or reach the console with the rights of this machine.
        """
        if not is_here(address):
            return ""
        if port in self.ports:
            return "the gateway's own"
        listed = any(form in network for network in allowed for form in forms(address))
        return "" if listed else "this machine's"


def is_here(ip: str) -> bool:
    """Whether packets to the address stay on this machine; False for what is no address. Never raises.

    For an address of its own the kernel chooses that address as the sender, too (RFC 6724, rule 1; Linux routing table
    `local`). Connecting a datagram socket asks for that choice and sends nothing. It is asked each time, because
    addresses come and go.
    """
    if is_forbidden(ip) in {"loopback", "unspecified"}:
        return True
    for form in forms(ip):
        family = socket.AF_INET if form.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((str(form), 9))
            except OSError:
                continue
            if probe.getsockname()[0].partition("%")[0] == str(form).partition("%")[0]:
                return True
    return False
