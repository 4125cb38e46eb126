"""In which country an address stands, and what that makes of the region in the sense of the cross-border rules."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import maxminddb

from gateway.destinations.addresses import is_forbidden
from gateway.errors import ConfigError, Problem
from gateway.transfer import Region

HK_MO_TW = frozenset({"HK", "MO", "TW"})
"""Outside the mainland (境外) without being abroad."""

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def region(ip: str, country_by_geo: str, jurisdiction_by_catalogue: str, *, fixed_route: bool) -> Region:
    """Region of the server at the address; geo and catalogue that disagree count as the stricter of the two.

    An address inside the company has a country only by an override, which then decides alone. Without one, a fixed
    route (a relay, a test bed) stands where the catalogue says; so does a server said to be abroad.

    >>> region("203.0.113.9", "CN", "US", fixed_route=False)
    <Region.OVERSEAS: 'overseas'>
    >>> region("127.0.0.1", "", "", fixed_route=True)
    <Region.PRIVATE: 'private'>
    """
    by_geo, by_catalogue = _region_of(country_by_geo), _region_of(jurisdiction_by_catalogue)
    if _is_inside(ip):
        if country_by_geo:
            return by_geo
        if jurisdiction_by_catalogue and (fixed_route or by_catalogue.is_abroad):
            return by_catalogue
        return Region.PRIVATE
    known = [found for found in (by_geo, by_catalogue) if found is not Region.UNKNOWN]
    return max(known, key=_STRICTNESS.index, default=Region.UNKNOWN)


_STRICTNESS = (Region.DOMESTIC, Region.HK_MO_TW, Region.OVERSEAS)


def _region_of(country: str) -> Region:
    if not country:
        return Region.UNKNOWN
    if country in HK_MO_TW:
        return Region.HK_MO_TW
    return Region.DOMESTIC if country == "CN" else Region.OVERSEAS


def _is_inside(ip: str) -> bool:
    """Whether the address is private or this machine; documentation networks are neither."""
    return is_forbidden(ip) in {"private", "loopback", "link-local", "unspecified"}


class Geo:
    """Country by address: overrides first, then the database. Read-only once opened, safe in threads."""

    def __init__(self, readers: Mapping[int, maxminddb.Reader], overrides: Mapping[Network, str]) -> None:
        self._readers = dict(readers)
        """IP version of the file → reader."""
        self._overrides = sorted(overrides.items(), key=lambda item: -item[0].prefixlen)

    @classmethod
    def open(cls, database: str | Path | None, overrides: Mapping[Network, str] | None = None) -> Geo:
        """Geo over a MaxMind file, or over the `*.mmdb` of a folder (an empty folder is no database).

        Raises ConfigError naming each file that is no such database.
        """
        files = [] if database is None else [Path(database)]
        if database is not None and Path(database).is_dir():
            files = sorted(Path(database).glob("*.mmdb"))
        readers: dict[int, maxminddb.Reader] = {}
        problems = []
        for file in files:
            try:
                reader = maxminddb.open_database(file)
            except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
                problems.append(Problem(str(file), 0, f"is not a MaxMind database ({type(error).__name__})"))
                continue
            readers[reader.metadata().ip_version] = reader
        if problems:
            raise ConfigError(problems)
        return cls(readers, overrides or {})

    region = staticmethod(region)

    @property
    def is_loaded(self) -> bool:
        """Whether there is a database; without one only overrides and the catalogue know countries."""
        return bool(self._readers)

    @property
    def built_at(self) -> datetime | None:
        """When the oldest of the database's files was built; None without a database."""
        epochs = [reader.metadata().build_epoch for reader in self._readers.values()]
        return datetime.fromtimestamp(min(epochs), UTC) if epochs else None

    def country(self, ip: str) -> str:
        """ISO 3166-1 alpha-2, empty when unknown; never raises."""
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return ""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        for network, country in self._overrides:
            if address in network:
                return country
        reader = self._readers.get(address.version) or self._readers.get(6)
        return _country(reader.get(address)) if reader else ""


def _country(record: Any) -> str:  # noqa: ANN401 - whatever a database holds
    """The country in a record of ip-location-db (`country_code`) or of MaxMind (`country.iso_code`)."""
    if not isinstance(record, dict):
        return ""
    nested = record.get("country")
    found = record.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else "")
    return found.upper() if isinstance(found, str) and len(found) == 2 and found.isascii() and found.isalpha() else ""
