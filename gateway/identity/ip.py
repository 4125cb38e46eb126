"""Addresses of clients: read in every spelling that sockets and people use."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_loopback(host: str) -> bool:
    """Whether the host is this machine itself, reached without a network.

    >>> is_loopback("127.0.0.9"), is_loopback("::ffff:127.0.0.1"), is_loopback("localhost"), is_loopback("10.0.0.1")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    address = parse_ip(host)
    return address is not None and address.is_loopback


def parse_ip(text: str) -> Address | None:
    """The address without zone, IPv4 also where it is written as IPv6; None for what is none.

    >>> parse_ip("::ffff:10.1.2.3"), parse_ip("fe80::1%eth0"), parse_ip("ten")
    (IPv4Address('10.1.2.3'), IPv6Address('fe80::1'), None)
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_in(text: str, networks: Iterable[Network]) -> bool:
    """Whether the textual address lies in one of the networks.

    >>> is_in("10.1.2.3", (ipaddress.ip_network("10.0.0.0/8"),)), is_in("", (ipaddress.ip_network("0.0.0.0/0"),))
    (True, False)
    """
    address = parse_ip(text)
    return address is not None and any(address in network for network in networks)
