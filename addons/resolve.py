"""Host and request → Destination, with the address that will really be connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.destinations.addresses import is_forbidden
from gateway.destinations.geo import region as region_of
from gateway.destinations.resolve import build_destination
from gateway.settings import normal_host, route_for

if TYPE_CHECKING:
    from gateway.destinations.catalogue import Catalogue
    from gateway.destinations.geo import Geo
    from gateway.settings import Settings
    from gateway.transfer import Destination, Request

RESOLVE_S = 10.0
"""Longest wait for the resolver."""
KEEP_S = 30.0
"""How long a resolved name is kept; short, because clouds move."""
MAX_NAMES = 10_000
"""Most names kept."""


class Unreachable(Exception):  # noqa: N818 - not an error of ours: a reason to refuse
    """The destination cannot or must not be connected to; `reason` is a key of the built-in refusals."""

    def __init__(self, reason: str, because: str) -> None:
        self.reason, self.because = reason, because
        super().__init__(because)


@dataclass(slots=True)
class Resolver:
    """Finds out where a request goes; keeps resolved names for KEEP_S."""

    settings: Settings
    catalogue: Catalogue
    geo: Geo

    def __post_init__(self) -> None:
        self._names: dict[tuple[str, int], tuple[float, str]] = {}

    _names: dict[tuple[str, int], tuple[float, str]] = None  # type: ignore[assignment]

    def known(self, host: str, port: int, request: Request) -> Destination:
        """What the catalogue alone says; no name is resolved, so the country is the catalogue's."""
        match = self.catalogue.match(host, port, request.method, request.path, request.query, request.headers)
        region = region_of("", "", match.jurisdiction, fixed_route=True)
        return build_destination(match, normal_host(host), port, "", match.jurisdiction, region)

    async def locate(self, destination: Destination, jurisdiction: str = "") -> tuple[Destination, tuple[str, int]]:
        """The destination with address, country and region, and where to connect; raises Unreachable."""
        host, port = destination.host, destination.port
        fixed = route_for(self.settings, host, port)
        if fixed is not None:
            address, target_port = await self._resolve(*fixed), fixed[1]
        else:
            address, target_port = await self._resolve(host, port), port
            why = is_forbidden(address, self.settings.upstream_private)
            if why:
                raise Unreachable("private-address", f"the server's address is {why}")
        country = self.geo.country(address)
        region = region_of(address, country, jurisdiction or destination.country, fixed_route=fixed is not None)
        located = replace(destination, ip=address, country=country or destination.country, region=region)
        return located, (address, target_port)

    async def _resolve(self, host: str, port: int) -> str:
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
        kept = self._names.get((host, port))
        now = time.monotonic()
        if kept is not None and kept[0] > now:
            return kept[1]
        try:
            async with asyncio.timeout(RESOLVE_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            raise Unreachable("unresolved", "the server's name could not be resolved") from None
        # One address is judged and connected to; a name with private and public addresses is judged by the private.
        addresses = sorted({str(entry[4][0]) for entry in found}, key=lambda ip: (not is_forbidden(ip, ()), ":" in ip))
        if len(self._names) >= MAX_NAMES:
            self._names.clear()
        self._names[host, port] = (now + KEEP_S, addresses[0])
        return addresses[0]
