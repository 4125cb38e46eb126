"""Walking the tree of mitmproxy's layers of one connection: a tunnel's inner layers hang from streams, not from the top."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mitmproxy.connection import Connection
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Connection

from addons.websocket_layer import MessageLayer
from gateway.limits import MIB

MAX_CROSSING_BYTES = 16 * MIB
"""Most bytes of a server that are kept while a message goes the other way."""


def every_layer(top: Any) -> Iterator[Layer]:
    """Each layer once, outer ones first."""
    seen: set[int] = set()
    stacks = [top.context.layers]
    while stacks:
        for layer in stacks.pop():
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            yield layer
            if isinstance(layer, HttpLayer):
                stacks += [stream.context.layers for stream in layer.streams.values()]
                stacks += [connection.context.layers for connection in layer.connections.values()]


def queued_bytes(top: Any) -> int:
    """Bytes that wait behind a blocked layer, and HTTP/1 bytes behind an open request."""
    total = 0
    for layer in every_layer(top):
        # mitmproxy has no public name for what waits behind a blocked layer; test_layers.py would see it renamed.
        total += sum(len(event.data) for event in layer._paused_event_queue if hasattr(event, "data"))  # noqa: SLF001
        if isinstance(layer, Http1Server):
            total += len(layer.buf)
    return total


def waiting_bytes(top: Any) -> int:
    """Bytes that wait behind a message of a WebSocket; while it is being forwarded, only those over a generous bound.

    The server may have to be rid of its own bytes before it takes a message, so reading it goes on for a while then.
    """
    total = 0
    for layer in every_layer(top):
        if isinstance(layer, MessageLayer):
            queued = sum(len(event.data) for event in layer._paused_event_queue if hasattr(event, "data"))  # noqa: SLF001
            total += queued if layer.is_waiting else max(0, queued - MAX_CROSSING_BYTES)
    return total


def unsent_bytes(top: Any, connection: Connection) -> int:
    """Bytes that wait for the window of an HTTP/2 connection; 0 over HTTP/1 and once the connection is gone."""
    return sum(
        len(chunk.data)
        for layer in every_layer(top)
        if isinstance(layer, Http2Connection) and layer.conn is connection
        for buffer in layer.h2_conn.stream_buffers.values()
        for chunk in buffer
    )
