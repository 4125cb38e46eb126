"""How long a client may take: who sends a head or a body more slowly than any network does is cut off.

Stock, a connection lives as long as a byte comes every ten minutes. Looking at all connections now and then costs less
than a timer for each request. Between requests a connection may be idle; that has mitmproxy's own bound.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mitmproxy import ctx
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Server
from mitmproxy.proxy.layers.tls import ClientTLSLayer
from mitmproxy.proxy.tunnel import TunnelState

from addons.hold import HoldStream
from addons.layers import every_layer
from gateway.limits import KIB
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy.proxy.server import ConnectionHandler
    from prometheus_client import Counter

STEP_BYTES = 16 * KIB
"""Bytes of bodies that count as progress; 55 bytes a second over five minutes, a hundredth of the slowest telephone."""
LOOKS = 10
"""Looks within the shorter of the two times, so that it is kept to a tenth."""
AT_ONCE = 200
"""Connections looked at before others have their turn; a look takes some microseconds."""
REFUSED = "refused"
"""Stands first in what tells the rest of a refused body."""


@dataclass(slots=True)
class Pace:
    """What was seen of one connection at earlier looks."""

    head: Hashable = None
    """Which head or greeting it was sending; None for none."""
    head_since: float = 0.0
    bodies: dict[int, int] = field(default_factory=dict)
    """Open body → its bytes at the time of `bodies_since`."""
    bodies_since: float = 0.0

    def is_slow_head(self, head: Hashable, now: float, most_s: float) -> bool:
        """Whether the same head has been coming for too long."""
        if head is None or head != self.head:
            self.head, self.head_since = head, now
        return head is not None and now - self.head_since >= most_s

    def is_slow_body(self, bodies: dict[int, int], now: float, most_s: float) -> bool:
        """Whether all open bodies together have grown by less than STEP_BYTES for too long."""
        grown_bytes = sum(size - self.bodies.get(key, 0) for key, size in bodies.items())
        has_ended = not self.bodies.keys() <= bodies.keys()
        if not self.bodies or has_ended or grown_bytes >= STEP_BYTES:
            self.bodies, self.bodies_since = bodies, now
        return bool(bodies) and now - self.bodies_since >= most_s


@dataclass(eq=False)
class Patience:
    """One per worker; an addon for its clock."""

    slow_head_s: float
    slow_body_s: float
    clock: Callable[[], float] = time.monotonic
    _paces: WeakKeyDictionary[ConnectionHandler, Pace] = field(default_factory=WeakKeyDictionary)
    _looking: asyncio.Task[None] | None = None

    def running(self) -> None:
        """Begin to look."""
        self._looking = asyncio.create_task(self._look_on())

    def done(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(min(self.slow_head_s, self.slow_body_s) / LOOKS)
            for number, handler in enumerate(list(ctx.master.addons.get("proxyserver").connections.values()), 1):
                self.look(handler)
                if not number % AT_ONCE:
                    await asyncio.sleep(0)

    def look(self, handler: ConnectionHandler) -> None:
        """Close the connection when it has been slow for too long."""
        pace = self._paces.get(handler)
        if pace is None:
            pace = self._paces[handler] = Pace()
        now, layers = self.clock(), list(every_layer(handler.layer))
        streams = list(open_bodies(layers))
        head = head_of(handler.layer, layers, has_bodies=bool(streams))
        if pace.is_slow_head(head, now, self.slow_body_s if head and head[0] == REFUSED else self.slow_head_s):
            self.close(handler, metrics.REFUSED_CONNECTIONS.labels(reason="slow-head"))
        elif pace.is_slow_body({id(stream): stream.held.spool.size_bytes for stream in streams}, now, self.slow_body_s):
            for stream in streams:
                stream.held.slow = True
            self.close(handler, metrics.REFUSED_CONNECTIONS.labels(reason="slow-body"))

    def close(self, handler: ConnectionHandler, counter: Counter) -> None:
        """Cut the client off, and count it; what it has sent is thrown away with its connection."""
        own = handler.transports.get(handler.client)
        if own is not None and own.handler is not None:
            counter.inc()
            own.handler.cancel("too slow")


def open_bodies(layers: list[Any]) -> Iterator[HoldStream]:
    """The requests whose bodies are still coming."""
    for layer in layers:
        if isinstance(layer, HoldStream) and layer.client_state == layer.state_consume_request_body:
            yield layer


def head_of(top: Any, layers: list[Any], *, has_bodies: bool) -> tuple[Hashable, ...] | None:
    """What tells the head or greeting that is coming in from any other; None when none has begun, or it is whole.

    The rest of a body that was refused is a nuisance of the same kind: it is read for the sake of the answer only.
    """
    for waiting in undecided(top, layers):
        if waiting.data_client():
            return "greeting", id(waiting)
    for layer in layers:
        match layer:
            case ClientTLSLayer() if layer.tunnel_state is TunnelState.ESTABLISHING:
                return "tls", id(layer)
            case Http1Server() if layer.state == layer.read_headers and layer.buf:
                return "head", id(layer), layer.stream_id
            case Http1Server() if layer.state == layer.read_body and not has_bodies:
                return REFUSED, id(layer), layer.stream_id
            case Http2Server() if is_within_frame(layer) and not has_bodies:
                return "head", id(layer), layer.h2_conn.highest_inbound_stream_id
    return None


def undecided(top: Any, layers: list[Any]) -> Iterator[NextLayer]:
    """The places where it is not known yet what the client speaks.

    They stand in no list, only below the layer that waits, as its child or in place of its own handler of events.
    """
    for layer in layers:
        handler = layer.__dict__.get("_handle_event")
        for place in (getattr(layer, "child_layer", None), getattr(handler, "__self__", None)):
            if isinstance(place, NextLayer) and place.layer is None:
                yield place
    if isinstance(top, NextLayer) and top.layer is None:
        yield top


def is_within_frame(layer: Http2Server) -> bool:
    """Whether an HTTP/2 client has begun a block of fields or a frame, and not ended it."""
    # hyper-h2 has no public name for what it has not parsed yet; test_patience.py would see it renamed.
    buffer = layer.h2_conn.incoming_buffer
    return bool(buffer._headers_buffer or buffer._data or (buffer._preamble_len and buffer._preamble_len < 24))  # noqa: SLF001
