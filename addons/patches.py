"""The corrections to mitmproxy that the gateway needs, all in one place, each with its reason and its test.

They were read against the versions in `PATCHED_VERSIONS`; another version refuses to start until somebody has looked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import Any

import mitmproxy.proxy.layers.http as http_layers
from h2.errors import ErrorCodes
from mitmproxy import http, version
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers import websocket
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import ResponseHeaders
from mitmproxy.proxy.layers.http._http1 import Http1Connection, Http1Server, make_error_response
from mitmproxy.proxy.layers.http._http2 import Http2Connection, Http2Server
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionHandler

from addons import calm, chunks, dispatch, leaves
from addons.hold import HoldStream
from addons.layers import queued_bytes, unsent_bytes, waiting_bytes
from addons.websocket_layer import MessageLayer
from gateway.errors import StartError
from gateway.limits import KIB, MIB
from gateway.spool import Quota, Spool
from metrics import catalogue as metrics

SERVER = "Sluice"
"""What answers of the engine's own name as their server, in place of the engine and its version."""
PATCHED_VERSIONS = ("12.2.3",)
"""Releases whose source the patches were read against."""
MAX_HEAD_BYTES = 128 * KIB
"""Longest request head over HTTP/1; browsers and servers stop at 8 to 64 KiB."""
MAX_QUEUED_BYTES = 1 * MIB
"""Most bytes that may pile up behind a waiting hook before the client's socket is no longer read."""
MAX_UNSENT_BYTES = 256 * KIB
"""Most bytes of answers that may wait for an HTTP/2 client's window before its servers are no longer read."""
CONTINUE = 100
"""Status of an answer that is none yet."""

_stock_handle_connection = ConnectionHandler.handle_connection
_stock_drain_writers = ConnectionHandler.drain_writers
_stock_hook_task = ConnectionHandler.hook_task
_stock_server_event = ConnectionHandler.server_event
_stock_handle_hook = ProxyConnectionHandler.handle_hook
_stock_log = ConnectionHandler.log
_stock_read_headers = Http1Server.read_headers
_stock_send = Http1Server.send
_stock_read_body = chunks.stock_read_body
_stock_websocket_layer = websocket.WebsocketLayer
_stock_banner = version.MITMPROXY
_stock_protocol_error = Http2Connection.protocol_error


def install(
    *,
    new_spool: Callable[[], Spool],
    max_body_bytes: int,
    refuse: Callable[[http.HTTPFlow], http.Response],
    max_message_bytes: int = 16 * MIB,
    quota_of: Callable[[Client], Quota | None] = lambda _client: None,
) -> None:
    """Put the hold and the corrections in force; raises StartError for a mitmproxy that nobody has read yet."""
    if version.VERSION not in PATCHED_VERSIONS:
        raise StartError(
            f"mitmproxy {version.VERSION} is installed, but the gateway was checked against "
            f"{', '.join(PATCHED_VERSIONS)} only; run 'make setup' to install the locked version"
        )
    # The ignores below: mypy allows no assignment to a method, and a replaced method is what a correction is.
    HoldStream.new_spool = staticmethod(new_spool)
    HoldStream.quota_of = staticmethod(quota_of)
    HoldStream.max_body_bytes = max_body_bytes
    HoldStream.refuse = staticmethod(refuse)
    MessageLayer.new_spool = staticmethod(new_spool)
    MessageLayer.max_message_bytes = max_message_bytes
    websocket.WebsocketLayer = MessageLayer  # type: ignore[misc,assignment]  # looked up after a 101
    http_layers.HttpStream = HoldStream  # type: ignore[misc]  # looked up by name when a stream is made
    ConnectionHandler.handle_connection = handle_connection  # type: ignore[method-assign]
    ConnectionHandler.drain_writers = drain_writers  # type: ignore[method-assign]
    ConnectionHandler.hook_task = hook_task  # type: ignore[method-assign]
    ConnectionHandler.server_event = dispatch.server_event  # type: ignore[method-assign]
    ProxyConnectionHandler.handle_hook = dispatch.handle_hook  # type: ignore[method-assign]
    ConnectionHandler.log = log  # type: ignore[method-assign]
    Http1Server.read_headers = read_headers  # type: ignore[method-assign]
    Http1Server.send = send  # type: ignore[method-assign]
    Http1Connection.read_body = chunks.read_body  # type: ignore[method-assign]
    Http2Connection.protocol_error = protocol_error  # type: ignore[method-assign]
    version.MITMPROXY = SERVER  # read when an answer is made
    leaves.install()
    calm.install()


def uninstall() -> None:
    """Put the stock code back; for tests that show what it does."""
    leaves.uninstall()
    calm.uninstall()
    version.MITMPROXY = _stock_banner
    http_layers.HttpStream = HoldStream.__base__  # type: ignore[misc,assignment]
    websocket.WebsocketLayer = _stock_websocket_layer  # type: ignore[misc]
    ConnectionHandler.handle_connection = _stock_handle_connection  # type: ignore[method-assign]
    ConnectionHandler.drain_writers = _stock_drain_writers  # type: ignore[method-assign]
    ConnectionHandler.hook_task = _stock_hook_task  # type: ignore[method-assign]
    ConnectionHandler.server_event = _stock_server_event  # type: ignore[method-assign]
    ProxyConnectionHandler.handle_hook = _stock_handle_hook  # type: ignore[method-assign]
    ConnectionHandler.log = _stock_log  # type: ignore[method-assign]
    Http1Server.read_headers = _stock_read_headers  # type: ignore[method-assign]
    Http1Server.send = _stock_send  # type: ignore[method-assign]
    Http1Connection.read_body = _stock_read_body  # type: ignore[method-assign]
    Http2Connection.protocol_error = _stock_protocol_error  # type: ignore[method-assign]


async def handle_connection(self: ConnectionHandler, connection: Connection) -> None:
    """The stock loop, and the socket closed however it ends.

    Stock, a cancel that arrives while an event is handed to the layers leaves the socket open for good: the client
    waits for an answer that nobody will send, and the descriptor leaks.
    """
    try:
        await _stock_handle_connection(self, connection)
    finally:
        left = self.transports.pop(connection, None)
        if left is not None and left.writer is not None:
            left.writer.close()


async def drain_writers(self: ConnectionHandler) -> None:
    """The stock wait for slow writers, and waits where mitmproxy would queue without bound.

    Stock, a client that keeps sending while a hook awaits fills the memory. Only the client's own reading waits for
    hooks: the upstream's must go on, because a hook may be waiting for it.
    """
    await _stock_drain_writers(self)
    own = self.transports.get(self.client)
    if own is None:
        return
    if own.handler is not asyncio.current_task():
        # An HTTP/2 client that does not read would have the whole download kept for it in memory. It opens its window
        # by sending something, so that is waited for, by one reader at a time: looking costs, and there may be many.
        async with _window_lock(self):
            while unsent_bytes(self.layer, self.client) > MAX_UNSENT_BYTES:
                await _next(_heard(self))
        # A server that talks on while a message of the client waits for its verdict is not read either.
        while waiting_bytes(self.layer) > MAX_QUEUED_BYTES:
            await _next(_hook_done(self))
        return
    _heard(self).set()
    while queued_bytes(self.layer) > MAX_QUEUED_BYTES:
        await _next(_hook_done(self))


async def hook_task(self: ConnectionHandler, hook: commands.StartHook) -> None:
    """The stock task, and a sign to a reader that waits for hooks."""
    try:
        await _stock_hook_task(self, hook)
    finally:
        _hook_done(self).set()


async def _next(sign: asyncio.Event) -> None:
    sign.clear()
    await sign.wait()


def _hook_done(handler: ConnectionHandler) -> asyncio.Event:
    sign: asyncio.Event = _own(handler, "sluice_hook_done", asyncio.Event)
    return sign


def _heard(handler: ConnectionHandler) -> asyncio.Event:
    """Set whenever something of the client has been taken in."""
    sign: asyncio.Event = _own(handler, "sluice_heard", asyncio.Event)
    return sign


def _window_lock(handler: ConnectionHandler) -> asyncio.Lock:
    lock: asyncio.Lock = _own(handler, "sluice_window", asyncio.Lock)
    return lock


def _own(handler: ConnectionHandler, name: str, make: Callable[[], Any]) -> Any:
    """What the corrections keep beside a connection, made when it is asked for first."""
    try:
        return handler.__dict__[name]
    except KeyError:
        made = handler.__dict__[name] = make()
        return made


def log(self: ConnectionHandler, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
    """The stock log, and the client closed after an error inside a layer.

    Stock, an exception in a layer ("mitmproxy has crashed!") leaves the connection open and the client waiting.
    """
    _stock_log(self, message, level, exc_info)
    if level >= logging.ERROR:
        metrics.FAILURES.labels(part="engine").inc()
        own = self.transports.get(self.client)
        if own is not None and own.handler is not None:
            own.handler.cancel("layer failed")


def send(self: Http1Server, event: HttpEvent) -> Generator[commands.Command, Any, None]:
    """The stock sending, which takes `100 Continue` for the answer.

    Stock, a client that was told to go on with its upload gets no 502 when the server is away: only a closed connection.
    """
    yield from _stock_send(self, event)
    if isinstance(event, ResponseHeaders) and event.response.status_code == CONTINUE:
        self.response = None


def read_headers(self: Http1Server, event: events.ConnectionEvent) -> Generator[commands.Command, Any, None]:
    """The stock state, and a bound on the head; what is not HTTP is counted and closed."""
    yield from _stock_read_headers(self, event)
    if self.state == self.read_headers and len(self.buf) > MAX_HEAD_BYTES:
        metrics.REFUSED_CONNECTIONS.labels(reason="head-too-large").inc()
        yield commands.SendData(self.conn, make_error_response(431, "The request head is too large."))
        yield commands.CloseConnection(self.conn)
        self.buf.maybe_extract_at_most(len(self.buf))
        self.state = self.done
    elif self.state == self.done and self.request is None:
        metrics.REFUSED_CONNECTIONS.labels(reason="not-http").inc()


def protocol_error(
    self: Http2Connection, message: str, error_code: int = ErrorCodes.PROTOCOL_ERROR
) -> Generator[commands.Command, Any, None]:
    """The stock answer, and a count: a client that breaks HTTP/2, or asks for a WebSocket over it (RFC 8441)."""
    if isinstance(self, Http2Server):
        if "b':protocol'" in message:
            metrics.REFUSED_CONNECTIONS.labels(reason="extended-connect").inc()
        else:
            metrics.REFUSED_CONNECTIONS.labels(reason="malformed-head").inc()
    yield from _stock_protocol_error(self, message, error_code)
