"""flow → Request, from raw bytes only, and the checks of the head that come before anything else."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from addons.handshake import upgrade_problem
from addons.names import dials_addresses, is_address, without_port
from gateway.settings import normal_host
from gateway.transfer import Channel, Request

if TYPE_CHECKING:
    from mitmproxy import http

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Bytes of a method or field name (RFC 9110, 5.6.2)."""
METHOD = frozenset(b"-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""Bytes of every registered method; others would be room for something else, which nobody inspects."""
MAX_METHOD_BYTES = 32
"""Longest method; the longest registered one has 17."""
VERSIONS = frozenset({"HTTP/1.0", "HTTP/1.1", "HTTP/2.0"})
"""Versions whose framing the gateway and every server agree on."""


def request_of(flow: http.HTTPFlow, body_bytes: int) -> Request:
    """The head as inspection and policy need it; undecodable bytes are kept as surrogates."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in flow.request.headers.fields:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    path, _, query = flow.request.data.path.decode("utf-8", "surrogateescape").partition("?")
    return Request(
        method=flow.request.data.method.decode("latin-1"),
        path=path,
        query=query,
        headers=MappingProxyType(headers),
        bytes=body_bytes,
    )


def channel_of(flow: http.HTTPFlow) -> Channel:
    """What carried the request from the client; a proper handshake opens a WebSocket."""
    if "upgrade" in flow.request.headers and not upgrade_problem(flow):
        return Channel.WEBSOCKET
    if flow.request.is_http2:
        return Channel.HTTP2
    return Channel.HTTP3 if flow.request.is_http3 else Channel.HTTP1


def head_problem(flow: http.HTTPFlow) -> tuple[str, str]:
    """Reason of `gateway.policy.builtin` and a fact, or two empty strings for a head that has one reading.

    The stock validation has already refused Content-Length and Transfer-Encoding disputes.
    """
    request = flow.request
    if request.http_version not in VERSIONS:
        return "malformed-head", "HTTP version"
    if not 0 < len(request.data.method) <= MAX_METHOD_BYTES or not METHOD.issuperset(request.data.method):
        return "malformed-head", "method"
    if not request.data.path.startswith(b"/") and request.data.path != b"*":
        # A server behind an HTTP/2 front may take a full URL for the address and not look at the host.
        return "malformed-head", "target"
    if any(byte < 0x21 or byte == 0x7F for byte in request.data.path):
        return "malformed-head", "control byte in the target"
    for name, value in request.headers.fields:
        if b"\0" in value or b"\r" in value or b"\n" in value:
            return "malformed-head", "control byte in a field value"
        if not name.startswith(b":") and not TOKEN.issuperset(name):
            return "malformed-head", "field name"
    if "upgrade" in request.headers and request.headers["upgrade"].lower() != "h2c" and (why := upgrade_problem(flow)):
        return "upgrade", why
    return host_problem(flow)


def host_problem(flow: http.HTTPFlow) -> tuple[str, str]:
    """The server's name in the target, the Host field, the :authority and the TLS handshake must be one name."""
    request = flow.request
    # An address that the client dialled is no name it gave; what it claims must still be one name.
    named = set() if dials_addresses(flow) else {normal_host(request.host)}
    fields = request.headers.get_all("host")
    if len(fields) > 1:
        return "malformed-head", "more than one Host field"
    if not fields and not request.authority:
        return "malformed-head", "no Host field"
    for value in (*fields, *([request.authority] if request.authority else [])):
        named.add(normal_host(without_port(value)))
    if flow.client_conn.sni:
        named.add(normal_host(flow.client_conn.sni))
    if any(is_address(name) for name in named):
        named.add(normal_host(request.host))
    return ("", "") if len(named) == 1 else ("host-mismatch", "target, Host and TLS name differ")
