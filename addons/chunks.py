"""Bodies over HTTP/1 as they come in: mitmproxy's reader with what it leaves out, put in force by `addons.patches`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestData, RequestTrailers
from mitmproxy.proxy.layers.http._http1 import Http1Connection, Http1Server

from gateway.limits import KIB
from metrics import catalogue as metrics

MAX_FRAMING_BYTES = 128 * KIB
"""Longest line between two chunks, and longest trailers: as long as a head may be."""

type Commands = Generator[commands.Command, Any, None]

stock_read_body = Http1Connection.read_body


def read_body(self: Http1Connection, event: events.Event) -> Commands:
    """The stock state, with three corrections.

    Stock, trailers are an error inside the layer: the client is cut off without an answer, and nothing is recorded. Here
    a request with them is refused by the hold, those of a response are dropped. Stock, a chunk's extensions and the
    trailers may go on without end. Stock, a chunk of one byte costs as much as a whole read; here what one read brings
    goes on as one.
    """
    assert self.stream_id is not None
    pieces: list[RequestData] = []
    try:
        for command in stock_read_body(self, event):
            data = command.event if isinstance(command, ReceiveHttp) else None
            is_next = isinstance(data, RequestData) and not (pieces and pieces[0].stream_id != data.stream_id)
            if not is_next:
                yield from joined(pieces)
            if isinstance(data, RequestData):
                pieces.append(data)
            else:
                yield command
        yield from joined(pieces)
    except NotImplementedError:
        yield from joined(pieces)
        is_request = isinstance(self, Http1Server)
        if is_request:
            yield ReceiveHttp(RequestTrailers(self.stream_id, http.Headers()))
        yield ReceiveHttp(self.ReceiveEndOfMessage(self.stream_id))
        yield from self.mark_done(request=is_request, response=not is_request)
    if self.state == self.read_body and len(self.buf) > MAX_FRAMING_BYTES:
        yield from cut_off(self)


def joined(pieces: list[RequestData]) -> Commands:
    """Hand the pieces on as one, if there are any, and forget them."""
    if pieces:
        whole = RequestData(pieces[0].stream_id, b"".join(piece.data for piece in pieces))
        pieces.clear()
        yield ReceiveHttp(whole)


def cut_off(self: Http1Connection) -> Commands:
    """End a message whose framing has no end, as stock ends one whose framing is wrong."""
    assert self.stream_id is not None
    if isinstance(self, Http1Server):
        metrics.REFUSED_CONNECTIONS.labels(reason="framing-too-large").inc()
    self.buf.maybe_extract_at_most(len(self.buf))
    self.state = self.done
    yield commands.CloseConnection(self.conn)
    kind = self.ReceiveProtocolError
    yield ReceiveHttp(kind(self.stream_id, "HTTP/1 protocol error: endless framing", code=kind.code))
