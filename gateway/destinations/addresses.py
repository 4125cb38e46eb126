"""Which addresses a gateway must not connect to on behalf of a client, unless somebody allowed the network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, Tencent and most others
        "169.254.170.2",  # AWS container credentials
        "100.100.100.200",  # Aliyun
        "168.63.129.16",  # Azure's host agent; a public number that never leaves the machine
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
    )
)
"""Addresses of cloud metadata services, which hand out credentials to whoever asks."""

FORBIDDEN: tuple[tuple[str, tuple[Network, ...]], ...] = tuple(
    (reason, tuple(ipaddress.ip_network(network) for network in networks))
    for reason, networks in (
        ("loopback", ("127.0.0.0/8", "::1/128")),
        ("unspecified", ("0.0.0.0/8", "::/128")),
        ("link-local", ("169.254.0.0/16", "fe80::/10")),
        # RFC 1918, shared address space of carriers (RFC 6598), ULA (RFC 4193), site-local (RFC 3879)
        ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")),
        ("multicast", ("224.0.0.0/4", "ff00::/8")),
        # IETF assignments, benchmarking, future use with broadcast (RFC 6890)
        ("reserved", ("192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4")),
    )
)
"""Reason → networks (IANA special-purpose registries, RFC 6890). The documentation networks count as public."""

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out of IPv6; everything else is reserved."""

NAT64 = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))
"""Prefixes whose last four bytes are an IPv4 address (RFC 6052, RFC 8215)."""


def is_forbidden(ip: str, allowed: Iterable[Network] = ()) -> str:
    """Why the address must not be connected to, one word; empty when it may. Never raises.

    Words: `loopback`, `unspecified`, `link-local`, `metadata`, `private`, `multicast`, `reserved`, `invalid`. An IPv6
    address that carries an IPv4 one is judged as both.

    >>> is_forbidden("203.0.113.9"), is_forbidden("10.1.2.3"), is_forbidden("::ffff:169.254.169.254")
    ('', 'private', 'metadata')
    >>> is_forbidden("10.1.2.3", [ipaddress.ip_network("10.0.0.0/8")])
    ''
    """
    found = forms(ip)
    if not found:
        return "invalid"
    reason = next((why for form in found if (why := _reason(form))), "")
    if reason and any(form in network for network in allowed for form in found):
        return ""
    return reason


def forms(ip: str) -> tuple[Address, ...]:
    """The address, and the IPv4 address that it carries if it does; empty for what is no address.

    >>> forms("::ffff:10.0.0.1")
    (IPv6Address('::ffff:10.0.0.1'), IPv4Address('10.0.0.1'))
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ()
    inner = _inner(address)
    return (address, inner) if inner else (address,)


def _reason(address: Address) -> str:
    if address in METADATA:
        return "metadata"
    for reason, networks in FORBIDDEN:
        if any(address in network for network in networks):
            return reason
    if isinstance(address, ipaddress.IPv6Address) and not _inner(address) and address not in GLOBAL_UNICAST:
        return "reserved"
    return ""


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that routers or stacks take out of an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in NAT64):
        return last
    if int(address) >> 32 == 0 and int(address) > 1:  # IPv4-compatible, RFC 4291 §2.5.5.1
        return last
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
