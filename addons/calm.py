"""HTTP/2 clients that cost more than they ask for: bounds that hyper-h2 and mitmproxy leave open, per connection.

Stock, a client may open and reset streams as fast as it can (CVE-2023-44487), send 8 MB of one request's fields
(CVE-2024-27316 with frames of 128 KiB), any number of PING and SETTINGS frames, and have the table in which fields of
answers are compressed grow without end. Over a bound the connection ends with ENHANCE_YOUR_CALM (RFC 9113, 10.5).
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from h2 import events as h2_events
from h2.errors import ErrorCodes
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._http2 import Http2Connection, Http2Server

from gateway.limits import KIB
from metrics import catalogue as metrics

MAX_FIELDS_BYTES = 128 * KIB
"""Largest block of fields as sent; browsers and servers stop at 8 to 64 KiB, and unpacked hyper-h2 stops at 64 KiB."""
MAX_TABLE_BYTES = 64 * KIB
"""Largest table that a client may have us keep for the fields of its answers; 4 KiB is usual."""
TINY_BYTES = 64
"""A DATA frame under it that ends nothing costs more to read than it carries."""

_CONTROL = (
    h2_events.PingReceived,
    h2_events.RemoteSettingsChanged,
    h2_events.PriorityUpdated,
    h2_events.UnknownFrameReceived,
)

type Commands = Generator[commands.Command, Any, Any]

_stock_handle_h2_event = Http2Server.handle_h2_event
_stock_protocol_error = Http2Connection.protocol_error
_stock_handle_event = Http2Server._handle_event  # noqa: SLF001 - what is corrected


@dataclass(slots=True)
class Bucket:
    """So many at once, and so many a second after that."""

    most: float
    per_s: float
    left: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        """Full at the start."""
        self.left = self.most

    def spend(self, now: float) -> bool:
        """Take one out; whether there was one."""
        self.left = min(self.most, self.left + (now - self.at) * self.per_s)
        self.at = now
        self.left -= 1
        return self.left >= 0


@dataclass(slots=True)
class Calm:
    """What is left to the client of one connection."""

    resets: Bucket = field(default_factory=lambda: Bucket(500, 20))
    """Streams given up by the client; a browser that leaves a page gives up a hundred."""
    control: Bucket = field(default_factory=lambda: Bucket(10_000, 200))
    """Frames that carry nothing; a clumsy client may send a short body byte by byte."""

    def has_enough(self, event: object, now: float) -> bool:
        """Whether the client has sent too much of that kind of frame."""
        if isinstance(event, h2_events.StreamReset):
            return not self.resets.spend(now)
        is_tiny = isinstance(event, h2_events.DataReceived) and len(event.data) < TINY_BYTES and not event.stream_ended
        return (is_tiny or isinstance(event, _CONTROL)) and not self.control.spend(now)


def install() -> None:
    """Put the bounds in force; called by `addons.patches.install`, which checks the version."""
    Http2Server.handle_h2_event = handle_h2_event  # type: ignore[method-assign]
    Http2Server._handle_event = handle_event  # type: ignore[method-assign]  # noqa: SLF001


def uninstall() -> None:
    """Put the stock code back."""
    Http2Server.handle_h2_event = _stock_handle_h2_event  # type: ignore[method-assign]
    Http2Server._handle_event = _stock_handle_event  # type: ignore[method-assign]  # noqa: SLF001


def handle_h2_event(self: Http2Server, event: Any) -> Commands:
    """The stock step, unless the client has sent too much of its kind; True when the connection is over."""
    try:
        calm: Calm = self.__dict__["sluice_calm"]
    except KeyError:
        calm = self.__dict__["sluice_calm"] = Calm()
    if calm.has_enough(event, time.monotonic()):
        metrics.REFUSED_CONNECTIONS.labels(reason="http2-flood").inc()
        yield from end(self, "too many frames that carry nothing")
        return True
    if isinstance(event, h2_events.RemoteSettingsChanged):
        encoder = self.h2_conn.encoder
        encoder.header_table_size = min(encoder.header_table_size, MAX_TABLE_BYTES)
    return (yield from _stock_handle_h2_event(self, event))


def handle_event(self: Http2Server, event: events.Event) -> Commands:
    """The stock step, and a bound on fields that are not complete yet."""
    yield from _stock_handle_event(self, event)
    if isinstance(event, events.DataReceived):
        # hyper-h2 bounds the number of frames only; it has no public name for what waits.
        waiting = self.h2_conn.incoming_buffer._headers_buffer  # noqa: SLF001
        if waiting and sum(len(frame.data) for frame in waiting) > MAX_FIELDS_BYTES:
            metrics.REFUSED_CONNECTIONS.labels(reason="head-too-large").inc()
            yield from end(self, "the fields of a request are too large")


def end(self: Http2Server, message: str) -> Commands:
    """Tell the client and close."""
    yield from _stock_protocol_error(self, message, ErrorCodes.ENHANCE_YOUR_CALM)
    self.h2_conn.incoming_buffer._headers_buffer.clear()  # noqa: SLF001 - as above
