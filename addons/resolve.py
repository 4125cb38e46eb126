"""Host and request → Destination, with the address that will really be connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from addons.itself import Itself
from addons.names import Named
from gateway.destinations.addresses import is_forbidden
from gateway.destinations.geo import region as region_of
from gateway.destinations.resolve import build_destination
from gateway.setting_values import parent_of
from gateway.settings import normal_host, route_for

if TYPE_CHECKING:
    from gateway.destinations.catalogue import Catalogue
    from gateway.destinations.geo import Geo
    from gateway.destinations.match import CatalogueMatch
    from gateway.setting_values import Parent
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


@dataclass(frozen=True, slots=True)
class Located:
    """Where a request goes, and what of the network it may use if the verdict lets it through."""

    destination: Destination
    """As it is judged, with address, country and region."""
    asked: tuple[str, int]
    """What the engine will ask the event loop to connect to."""
    target: tuple[str, int]
    """What that must lead to: an address and a port."""
    claimed: Destination | None = None
    """The same request taken for one to the name that the client claims and nothing proves; judged as well."""


@dataclass(slots=True)
class Resolver:
    """Finds out where a request goes; keeps resolved names for KEEP_S."""

    settings: Settings
    catalogue: Catalogue
    geo: Geo

    def __post_init__(self) -> None:
        self._names: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}
        self._itself = Itself.of(self.settings)
        self._parent = parent_of(self.settings.mode)

    _names: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = None  # type: ignore[assignment]
    _itself: Itself = None  # type: ignore[assignment]
    _parent: Parent | None = None

    def known(self, host: str, port: int, request: Request) -> Destination:
        """What the catalogue alone says; no name is resolved, so the country is the catalogue's."""
        return self.matched(host, port, request)[0]

    def matched(self, host: str, port: int, request: Request) -> tuple[Destination, CatalogueMatch]:
        """The same, and everything else that the catalogue knows of the request."""
        match = self.catalogue.match(host, port, request.method, request.path, request.query, request.headers)
        region = region_of("", "", match.jurisdiction, fixed_route=True)
        return build_destination(match, normal_host(host), port, "", match.jurisdiction, region), match

    async def locate(self, destination: Destination, request: Request, named: Named) -> Located:
        """The destination with its address, and where to connect; raises Unreachable."""
        if self._parent is not None:
            next_proxy = self._parent.address
            return await self._behind_parent(destination, (next_proxy.host, next_proxy.port))
        asked = (named.dialled, destination.port)
        fixed = route_for(self.settings, *asked)
        host, port = fixed or asked
        address = (await self._resolve(host, port))[0]
        self._check(address, port, is_fixed=fixed is not None)
        located = self._placed(destination, address, is_fixed=fixed is not None)
        if not named.is_claim or await self._stands_at(named.host, asked):
            return Located(located, asked, (address, port))
        bare = self._placed(self.known(*asked, request), address, is_fixed=fixed is not None)
        return Located(bare, asked, (address, port), claimed=located)

    async def _behind_parent(self, destination: Destination, parent: tuple[str, int]) -> Located:
        """The next proxy is connected to; the server's own address serves the verdict, where it can be found out."""
        try:
            address = (await self._resolve(destination.host, destination.port, keep_failure=True))[0]
        except Unreachable:
            located = destination
        else:
            self._check(address, destination.port, is_fixed=False)
            located = self._placed(destination, address, is_fixed=False)
        target = ((await self._resolve(*parent))[0], parent[1])
        self._check(*target, is_fixed=True)
        return Located(located, parent, target)

    def _check(self, address: str, port: int, *, is_fixed: bool) -> None:
        """Raises Unreachable for what the gateway must not connect to; a fixed route may lead to any other machine."""
        listed = self.settings.upstream_private
        why = "" if is_fixed else is_forbidden(address, listed)
        own = self._itself.refuses(address, port, listed)
        if why or (own and not (is_fixed and port not in self._itself.ports)):
            raise Unreachable("private-address", f"the server's address is {why or own}")

    def _placed(self, destination: Destination, address: str, *, is_fixed: bool) -> Destination:
        country = self.geo.country(address)
        region = region_of(address, country, destination.country, fixed_route=is_fixed)
        return replace(destination, ip=address, country=country or destination.country, region=region)

    async def _stands_at(self, name: str, asked: tuple[str, int]) -> bool:
        """Whether the name resolves to the address that was dialled, among others."""
        try:
            return asked[0] in await self._resolve(name, asked[1], keep_failure=True)
        except Unreachable:
            return False

    async def _resolve(self, host: str, port: int, *, keep_failure: bool = False) -> tuple[str, ...]:
        """All addresses, the one to judge and connect to first; raises Unreachable when there is none."""
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        kept = self._names.get((host, port))
        now = time.monotonic()
        if kept is not None and kept[0] > now and (kept[1] or keep_failure):
            addresses = kept[1]
        else:
            addresses = await _look_up(host, port)
            if addresses or keep_failure:
                if len(self._names) >= MAX_NAMES:
                    self._names.clear()
                self._names[host, port] = (now + KEEP_S, addresses)
        if not addresses:
            raise Unreachable("unresolved", "the server's name could not be resolved")
        return addresses


async def _look_up(host: str, port: int) -> tuple[str, ...]:
    """Addresses of the name, empty when it has none or nobody says."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, TimeoutError):  # UnicodeError for a name too long, ValueError for one with a NUL
        return ()
    # One address is judged and connected to; a name with private and public addresses is judged by the private.
    return tuple(
        sorted({str(entry[4][0]) for entry in found}, key=lambda ip: (not is_forbidden(ip, ()), ":" in ip, ip))
    )
