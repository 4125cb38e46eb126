"""The hold: an HTTP stream that keeps a request's body here until a recorded verdict lets it through.

The stock stream either buffers the whole body in memory or opens the upstream connection before anybody has decided.
This one writes the body to a spool as it arrives, asks for the verdict when it is complete, and only then connects and
pumps the spool. Whatever is missing at that point (no verdict, no record, an exception, a cancelled hook) is a refusal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpRequestHeadersHook, HttpRequestHook

from addons.capture import are_proper_trailers
from addons.held import ASK_AT_ONCE, HELD, Held
from gateway.limits import KIB
from gateway.spool import Quota, Spool

PUMP_STEP_BYTES = 256 * KIB
"""Bytes forwarded between two waits for the upstream to take them; bounds what an upload holds in memory."""

_ENDS = (RequestProtocolError, ResponseProtocolError)

type Commands = Generator[commands.Command, Any, None]


@dataclass
class SluiceDrainHook(commands.StartHook):
    """Blocks the stream until the upstream connection has taken what was written; handled in `enforce`."""

    flow: http.HTTPFlow


class HoldStream(HttpStream):
    """One request and its response; replaces the stock stream for every HTTP version."""

    new_spool: ClassVar[Callable[[], Spool]]
    """Makes the spool of a new request; set once by `addons.patches.install`."""
    quota_of: ClassVar[Callable[[Client], Quota | None]]
    """What the spools of a client count into; set with it."""
    max_body_bytes: ClassVar[int] = 0
    """Largest body of any request, `Limits.max_body_bytes`."""
    refuse: ClassVar[Callable[[http.HTTPFlow], http.Response]]
    """Makes the answer for a request without a usable verdict; never raises."""

    def __init__(self, context: Context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        self.held = Held(spool=type(self).new_spool(), max_body_bytes=self.max_body_bytes)
        self.held.spool.quota = type(self).quota_of(context.client)

    def handle_connect_finish(self) -> Commands:
        """Runs the stock state; where the server speaks first, what is in the tunnel is decided without its client."""
        if self.flow.metadata.get(ASK_AT_ONCE):
            self.child_layer = layer.NextLayer(self.context, ask_on_start=True)
        yield from super().handle_connect_finish()

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        """Runs the stock state, and refuses before `100 Continue` when the head alone is reason enough."""
        self.held.started_at = time.monotonic()
        stock = super().state_wait_for_request_headers(event)
        reply: object = None
        while True:
            try:
                command = stock.send(reply)
            except StopIteration:
                return
            if isinstance(command, HttpRequestHeadersHook):
                self.flow.metadata[HELD] = self.held
            reply = yield command
            is_asked = isinstance(command, HttpRequestHeadersHook)
            # Without a body the end of the request is next, and `decide` answers there.
            if is_asked and self.held.refusal and not self.flow.error and not event.end_stream:
                stock.close()
                self.server_state = self.state_done
                yield from self.answer(complete=False)
                return

    def state_consume_request_body(self, event: events.Event) -> Commands:
        """Spools the body; at its end asks for the verdict and forwards or refuses."""
        if isinstance(event, RequestData):
            yield from self.consume(event.data)
        elif isinstance(event, RequestTrailers):
            # Over HTTP/1 nobody agrees on them, and the engine reads none.
            is_proper = self.flow.request.is_http2 and are_proper_trailers(event.trailers)
            self.held.take_trailers(event.trailers, are_proper=is_proper)
        elif isinstance(event, RequestEndOfMessage):
            yield from self.decide()

    def consume(self, data: bytes) -> Commands:
        """Append to the spool, or refuse at once when it grows over the limit or the disk fails."""
        held = self.held
        held.too_large = held.spool.size_bytes + len(data) > held.max_body_bytes
        if not held.too_large:
            try:
                held.spool.write(data)
            except OSError:
                held.spool_failed = True
        if held.too_large or held.spool_failed:
            self.flow.request.timestamp_end = time.time()
            yield HttpRequestHook(self.flow)
            yield from self.answer(complete=False)

    def decide(self) -> Commands:
        """Everything has arrived: wait for the verdict, then forward or answer."""
        self.flow.request.timestamp_end = time.time()
        self.held.arrived_at = time.monotonic()
        self.client_state = self.state_done
        yield HttpRequestHook(self.flow)
        if (yield from self.check_killed(emit_error_hook=True)):
            self.close()
        elif self.held.may_leave and not self.held.trailers and self.held.refusal is None:
            yield from self.forward()
        else:
            yield from self.answer(complete=True)

    def forward(self) -> Commands:
        """Connect upstream and pump the spool, waiting for the upstream after every PUMP_STEP_BYTES."""
        if not (yield from self.make_server_connection()):
            self.close()
            return
        request, spool = self.flow.request, self.held.spool
        if spool.size_bytes and "transfer-encoding" not in request.headers:
            request.headers["content-length"] = str(spool.size_bytes)
        # A server that speaks HTTP/1.1 gets none: an intermediary may drop them (RFC 9110, 6.5.1).
        trailers = self.held.trailer_fields if self.context.server.alpn == b"h2" else None
        done = not spool.size_bytes and not trailers
        yield SendHttp(RequestHeaders(self.stream_id, request, done), self.context.server)
        since_drain = 0
        for chunk in spool.chunks():
            yield SendHttp(RequestData(self.stream_id, chunk), self.context.server)
            since_drain += len(chunk)
            if since_drain >= PUMP_STEP_BYTES:
                since_drain = 0
                yield SluiceDrainHook(self.flow)
                if (yield from self.pump_is_pointless()):
                    return
        spool.close()
        if trailers:
            yield SendHttp(RequestTrailers(self.stream_id, trailers), self.context.server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)

    def answer(self, *, complete: bool) -> Commands:
        """Send the refusal; when the body is not complete the rest of it is read and thrown away.

        Reading on is what lets a client that sends first and reads later see the sentence, and what leaves the
        connection usable; a client that reads early stops by itself.
        """
        self.close()
        self.flow.response = self.held.refusal or type(self).refuse(self.flow)
        unread = not complete and "expect" in self.flow.request.headers and not self.flow.request.is_http2
        if unread:
            self.flow.response.headers["connection"] = "close"
        self.client_state = self.state_done
        yield from self.send_response()
        if not complete:
            self.client_state = self.server_state = self.state_errored
        if unread:
            # The client waits for permission to send a body that it will now never send, so framing ends here.
            yield commands.CloseConnection(self.context.client)

    def pump_is_pointless(self) -> Generator[commands.Command, Any, bool]:
        """Whether either end went away during the wait; tells the upstream when it was the client."""
        left = [event for event in self._paused_event_queue if isinstance(event, _ENDS)]
        if not left and not self.held.aborted:
            return False
        self.held.aborted = True
        self.close()
        if not any(isinstance(event, ResponseProtocolError) for event in left):
            gone = RequestProtocolError(self.stream_id, "upload aborted", ErrorCode.CLIENT_DISCONNECTED)
            yield SendHttp(gone, self.context.server)
        return True

    def handle_protocol_error(self, event: Any) -> layer.CommandGenerator[None]:
        """The stock handling, and the spool given back."""
        self.held.aborted = True
        self.close()
        yield from super().handle_protocol_error(event)

    def close(self) -> None:
        """Give the spool back."""
        self.held.spool.close()
