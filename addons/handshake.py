"""Whether a request opens a WebSocket, the only upgrade that is let through (RFC 6455, 4.1)."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mitmproxy import http

KEY_BYTES = 16
"""Length of the nonce in Sec-WebSocket-Key."""
UNREADABLE = frozenset(
    {"mqtt", "mqttv3.1", "mqttv3.1.1", "amqp", "amqpwsb10", "binary", "wamp.2.msgpack", "wamp.2.cbor"}
)
"""Subprotocols whose messages are packed in a way that no reader here undoes."""


def upgrade_problem(flow: http.HTTPFlow) -> str:
    """What is wrong with a request that has an Upgrade field; empty for a proper handshake of a WebSocket."""
    request = flow.request
    headers = request.headers
    if request.data.method != b"GET" or request.http_version != "HTTP/1.1":
        return "Upgrade field"
    if [value.lower() for value in headers.get_all("upgrade")] != ["websocket"]:
        return "Upgrade field"
    wanted = {word.strip().lower() for value in headers.get_all("connection") for word in value.split(",")}
    if "upgrade" not in wanted or headers.get_all("sec-websocket-version") != ["13"]:
        return "no proper WebSocket handshake"
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        return "WebSocket handshake with a body"
    if not _is_nonce(headers.get_all("sec-websocket-key")):
        return "no proper WebSocket handshake"
    offered = {word.strip().lower() for value in headers.get_all("sec-websocket-protocol") for word in value.split(",")}
    return "WebSocket subprotocol without a reader" if offered & UNREADABLE else ""


def _is_nonce(values: list[str]) -> bool:
    try:
        return len(values) == 1 and len(a2b_base64(values[0].encode(), strict_mode=True)) == KEY_BYTES
    except Base64Error:
        return False
