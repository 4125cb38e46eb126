"""flow → Request, from raw bytes only, and the checks of the head that come before anything else."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from addons.handshake import upgrade_problem
from addons.names import dials_addresses, is_address, without_port
from gateway.settings import normal_host
from gateway.transfer import Channel, Request

if TYPE_CHECKING:
    from mitmproxy import http

    from gateway.request_settings import Requests

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Bytes of a method or field name (RFC 9110, 5.6.2)."""
METHOD = frozenset(b"-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""Bytes of every registered method; others would be room for something else, which nobody inspects."""
MAX_METHOD_BYTES = 32
"""Longest method; the longest registered one has 17."""
VERSIONS = frozenset({"HTTP/1.1", "HTTP/2.0"})
"""Versions whose framing the gateway and every server agree on; HTTP/1.0 is by setting, it knows no chunks and no Host."""
NOT_IN_TRAILERS = frozenset(
    [
        "authorization",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Fields that frame, route or explain a message: a server that took them from behind it would read another one."""


def request_of(flow: http.HTTPFlow, body_bytes: int) -> Request:
    """The head as inspection and policy need it; undecodable bytes are kept as surrogates."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in flow.request.headers.fields:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if flow.request.data.authority:
        # Over HTTP/2 there need be no Host field, and a name can hold a value.
        headers.setdefault("host", flow.request.data.authority.decode("utf-8", "surrogateescape"))
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


def head_problem(flow: http.HTTPFlow, rules: Requests) -> tuple[str, str]:
    """Reason of `gateway.policy.builtin` and a fact, or two empty strings for a head that has one reading.

    The stock validation has already refused Content-Length and Transfer-Encoding disputes.
    """
    request = flow.request
    if request.http_version not in VERSIONS and not (rules.http_1_0 and request.http_version == "HTTP/1.0"):
        return "malformed-head", "HTTP version"
    if not 0 < len(request.data.method) <= MAX_METHOD_BYTES or not METHOD.issuperset(request.data.method):
        return "malformed-head", "method"
    if not request.data.path.startswith(b"/") and request.data.path != b"*":
        # A server behind an HTTP/2 front may take a full URL for the address and not look at the host.
        return "malformed-head", "target"
    if any(byte < 0x21 or byte == 0x7F for byte in request.data.path):
        return "malformed-head", "control byte in the target"
    if because := fields_problem(request.headers):
        return "malformed-head", because
    if "upgrade" in request.headers and request.headers["upgrade"].lower() != "h2c" and (why := upgrade_problem(flow)):
        return "upgrade", why
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        because = body_problem(request.method, rules)
        if because:
            return "unexpected-body", because
    return host_problem(flow, rules)


def body_problem(method: str, rules: Requests) -> str:
    """Why a request with this method may carry no body; empty when it may."""
    return f"{method.upper()} with a body" if method.upper() in rules.methods_without_body else ""


def fields_problem(fields: http.Headers) -> str:
    """What is wrong with the names or values of header or trailer fields; empty when nothing is."""
    for name, value in fields.fields:
        if b"\0" in value or b"\r" in value or b"\n" in value:
            return "control byte in a field value"
        if not name.startswith(b":") and not TOKEN.issuperset(name):
            return "field name"
    return ""


def are_proper_trailers(fields: http.Headers) -> bool:
    """Whether these fields may stand behind a body: none of them says how to read or where to bring the message."""
    names = {name.decode("latin-1").lower() for name, _ in fields.fields}
    return not fields_problem(fields) and names.isdisjoint(NOT_IN_TRAILERS) and not any(":" in name for name in names)


def with_trailers(request: Request, fields: http.Headers | None) -> Request:
    """The request with its trailer fields among the others, as `trailer:NAME`, so that they are inspected like them."""
    if not fields:
        return request
    named = {f"trailer:{name.lower()}": value for name, value in fields.items(multi=False)}
    return replace(request, headers=MappingProxyType({**request.headers, **named}))


def host_problem(flow: http.HTTPFlow, rules: Requests) -> tuple[str, str]:
    """The server's name in the target, the Host field, the :authority and the TLS handshake must be one name.

    Ports too, where they are given. Names may differ where each of them is listed in `host_mismatch_allowed`.
    """
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
        port = value.removeprefix(without_port(value))
        if port not in {"", ":", f":{request.port}"}:
            return "host-mismatch", "the port of the Host field is another"
    if flow.client_conn.sni:
        named.add(normal_host(flow.client_conn.sni))
    if any(is_address(name) for name in named):
        named.add(normal_host(request.host))
    return (
        ("", "")
        if len(named) == 1 or rules.may_differ(named)
        else ("host-mismatch", "target, Host and TLS name differ")
    )
