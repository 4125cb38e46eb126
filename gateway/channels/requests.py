"""Requests that are only a coat for a protocol nobody can read: MMTLS, QQ's upload channel, DNS over HTTPS."""

from __future__ import annotations

from gateway.channels.protocols import HOSTS
from gateway.transfer import Request

DNS_MESSAGE = "application/dns-message"
"""Media type of DNS over HTTPS (RFC 8484, 6)."""
DNS_JSON = "application/dns-json"
"""What public resolvers call the same in JSON."""
DNS_HOSTS = frozenset(
    {
        "dns.google",
        "cloudflare-dns.com",
        "mozilla.cloudflare-dns.com",
        "chrome.cloudflare-dns.com",
        "one.one.one.one",
        "1.1.1.1",
        "8.8.8.8",
        "dns.quad9.net",
        "doh.opendns.com",
        "dns.nextdns.io",
        "dns.adguard-dns.com",
        "dns.alidns.com",
        "223.5.5.5",
        "doh.pub",
        "1.12.12.12",
        "doh.360.cn",
    }
)
"""Public resolvers; they answer plain questions in JSON under any path."""


def protocol_in(request: Request, host: str) -> str:
    """Name of the protocol inside the request, one of `PROTOCOLS`; empty for a request that is what it seems.

    `host` is in its normal form. Never raises.

    >>> protocol_in(Request(path="/mmtls/0a1b2c", headers={"upgrade": "mmtls"}), "203.0.113.9")
    'mmtls'
    >>> protocol_in(Request(path="/upload"), "drive.example")
    ''
    """
    headers, path = request.headers, request.path
    if HOSTS.get(host) == "private-relay":
        return "private-relay"
    if headers.get("upgrade", "").strip().lower() == "mmtls" or path.startswith("/mmtls/"):
        return "mmtls"
    if path == "/cgi-bin/httpconn" and _has_parameter(request.query, "htcmd"):
        return "qq"
    return "doh" if _is_dns(request, host) else ""


def _is_dns(request: Request, host: str) -> bool:
    declared = request.content_type.partition(";")[0].strip().lower()
    wanted = request.headers.get("accept", "").lower()
    if declared in {DNS_MESSAGE, DNS_JSON} or DNS_MESSAGE in wanted or DNS_JSON in wanted:
        return True
    if _has_parameter(request.query, "dns") and request.path.endswith("/dns-query"):
        return True
    return host in DNS_HOSTS and _has_parameter(request.query, "name")


def _has_parameter(query: str, name: str) -> bool:
    return any(pair.startswith(f"{name}=") for pair in query.split("&"))
