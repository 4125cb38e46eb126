"""Who sends too slowly is cut off; who is idle between requests, or only slow, is not."""

import asyncio

import pytest
from hyperframe.frame import DataFrame, HeadersFrame

from addons.answer import last_resort
from addons.layers import every_layer
from addons.patience import STEP_BYTES, Pace, Patience, head_of, open_bodies
from metrics import catalogue as metrics
from tests.support.engine import Engine
from tests.support.http2 import Wire
from tests.support.origin import Origin
from tests.support.raw_http import Raw
from tests.support.waiting import eventually

POST = b"POST http://localhost/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def refused(reason: str) -> float:
    return metrics.REFUSED_CONNECTIONS.labels(reason=reason)._value.get()


@pytest.fixture
def engine(tmp_path):
    with Origin(tmp_path) as origin, Engine(tmp_path, origin) as engine:
        yield engine


class Clock:
    """Looks at the one connection of an engine as if seconds had passed."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.now = engine, 1000.0
        self.patience = Patience(60, 300, clock=lambda: self.now)

    def handler(self):
        proxy = self.engine.master.addons.get("proxyserver")
        (handler,) = eventually(lambda: list(proxy.connections.values()))
        return handler

    def look_after(self, seconds: float) -> None:
        self.now += seconds
        handler = self.handler()

        async def look() -> None:
            self.patience.look(handler)

        asyncio.run_coroutine_threadsafe(look(), self.engine.loop).result(10)


@pytest.fixture
def clock(engine):
    return Clock(engine)


def test_pace_of_a_head():
    pace = Pace()
    assert not pace.is_slow_head(None, 0, 60)
    assert not pace.is_slow_head(("head", 1), 100, 60)
    assert not pace.is_slow_head(("head", 1), 159, 60)
    assert pace.is_slow_head(("head", 1), 160, 60)
    # Another head that happens to be looked at half-way.
    assert not pace.is_slow_head(("head", 3), 161, 60)
    assert not pace.is_slow_head(None, 300, 60)


@pytest.mark.parametrize(
    ("looks", "is_slow"),
    [
        ([{1: 0}, {1: 0}], True),
        ([{1: 0}, {1: STEP_BYTES - 1}], True),
        ([{1: 0}, {1: STEP_BYTES}], False),
        ([{1: 0, 2: 0}, {1: STEP_BYTES // 2, 2: STEP_BYTES // 2}], False),
        ([{1: 0, 2: 0}, {2: 0}], False),
        ([{1: 0}, {1: 0, 2: 10}], True),
        ([{1: 0}, {}], False),
        ([{}, {1: 0}], False),
    ],
    ids=["none", "a drip", "a step", "a step together", "one has ended", "one began", "all ended", "the first began"],
)
def test_pace_of_bodies(looks, is_slow):
    pace = Pace()
    assert not pace.is_slow_body(looks[0], 1000, 300)
    assert pace.is_slow_body(looks[1], 1300, 300) is is_slow


def head(handler):
    layers = list(every_layer(handler.layer))
    return head_of(handler.layer, layers, has_bodies=bool(list(open_bodies(layers))))


@pytest.mark.parametrize(
    "sent", [b"G", b"GET http://localhost/ HTTP/1.1\r\nX: "], ids=["first byte", "a line without end"]
)
def test_slow_head(engine, clock, sent):
    before = refused("slow-head")
    with Raw(engine.port) as raw:
        raw.send(sent)
        eventually(lambda: head(clock.handler()))
        clock.look_after(0)
        clock.look_after(59)
        assert not raw.is_closed(0.2)
        clock.look_after(1)
        assert raw.is_closed(5)
    assert refused("slow-head") == before + 1


def test_slow_greeting_of_tls(engine, clock):
    with Raw(engine.port) as raw:
        raw.send(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
        assert raw.status() == 200
        # An idle tunnel is nobody's business.
        clock.look_after(0)
        clock.look_after(1000)
        assert not raw.is_closed(0.2)
        raw.socket.settimeout(20)
        raw.send(b"\x16\x03\x01\x02\x00\x01")
        eventually(lambda: head(clock.handler()))
        clock.look_after(0)
        clock.look_after(60)
        assert raw.is_closed(5)


@pytest.mark.parametrize("sent", [0, 100], ids=["nothing", "a little"])
def test_slow_body_is_given_up_with_its_spool(engine, clock, sent):
    before = refused("slow-body")
    with Raw(engine.port) as raw:
        raw.send(POST % 1000 + b"x" * sent)
        streams = eventually(lambda: bodies(clock.handler()))
        eventually(lambda: streams[0].held.spool.size_bytes == sent)
        clock.look_after(0)
        clock.look_after(299)
        assert not raw.is_closed(0.2)
        clock.look_after(1)
        assert raw.is_closed(5)
    eventually(lambda: streams[0].held.aborted)
    assert streams[0].held.slow
    assert streams[0].held.spool.payload == b""
    assert refused("slow-body") == before + 1


def bodies(handler):
    return list(open_bodies(list(every_layer(handler.layer))))


def test_rest_of_a_refused_body_is_not_read_for_ever(engine, clock):
    before = refused("slow-head")
    engine.decide.at_head = refuse
    with Raw(engine.port) as raw:
        raw.send(POST % 1_000_000 + b"x")
        assert raw.status() == 403
        eventually(lambda: head(clock.handler()))
        clock.look_after(0)
        raw.send(b"x" * 100_000)
        clock.look_after(299)
        assert not raw.is_closed(0.2)
        clock.look_after(1)
        assert raw.is_closed(5)
    assert refused("slow-head") == before + 1


async def refuse(flow, held) -> None:
    held.refusal = last_resort(flow)


def test_idle_between_requests_is_allowed(engine, clock):
    engine.loop.routes.target = lambda _asked: ("127.0.0.1", engine.origin.plain_port)
    with Raw(engine.port) as raw:
        raw.send(POST % 1 + b"x")
        assert raw.status() == 200
        for _ in range(3):
            clock.look_after(1000)
        raw.send(POST % 1 + b"x")
        assert raw.status() == 200


def test_slow_fields_over_http2(engine, clock):
    with Wire(engine.port, engine.ca) as wire:
        clock.look_after(0)
        clock.look_after(1000)
        assert not wire.is_closed(0.2)
        wire.socket.settimeout(20)
        wire.send(HeadersFrame(1, b"\x00"))
        eventually(lambda: head(clock.handler()))
        clock.look_after(0)
        clock.look_after(60)
        assert wire.is_closed(5)


def test_slow_body_over_http2(engine, clock):
    with Wire(engine.port, engine.ca) as wire:
        stream = wire.request("POST", "/a", end=False)
        wire.send(DataFrame(stream, b"x"))
        eventually(lambda: bodies(clock.handler()))
        clock.look_after(0)
        clock.look_after(300)
        assert wire.is_closed(5)


def test_a_connection_that_is_closing_is_left_alone(engine, clock):
    with Raw(engine.port) as raw:
        raw.send(b"G")
        handler = clock.handler()
    before = refused("slow-head")
    handler.transports.clear()
    clock.patience.close(handler, metrics.REFUSED_CONNECTIONS.labels(reason="slow-head"))
    assert refused("slow-head") == before


async def test_it_ends_without_having_begun():
    Patience(60, 300).done()


def test_it_looks_by_itself(tmp_path):
    """As an addon of a worker: one that is cut off within its time, and no other."""
    with Origin(tmp_path) as origin, Engine(tmp_path, origin) as engine:
        patience = Patience(0.4, 300)

        def begin() -> None:
            engine.master.addons.add(patience)
            patience.running()

        engine.loop.call_soon_threadsafe(begin)
        with Raw(engine.port) as slow, Raw(engine.port) as idle:
            slow.send(b"GET http://localhost/ HTTP/1.1\r\n")
            assert slow.is_closed(10)
            assert not idle.is_closed(0.5)
        engine.loop.call_soon_threadsafe(patience.done)
