"""Bounds on what an HTTP/2 client may cost, each beside what the stock code does."""

import h2.connection
import h2.errors
import h2.events
import h2.settings
import pytest
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame
from mitmproxy.proxy.layers.http._http2 import Http2Server

from addons import calm
from addons.calm import MAX_FIELDS_BYTES, MAX_TABLE_BYTES, Bucket, Calm
from addons.layers import every_layer
from metrics import catalogue as metrics
from tests.support.engine import Engine
from tests.support.http2 import Wire
from tests.support.origin import Origin
from tests.support.waiting import eventually


@pytest.fixture
def engine(tmp_path):
    with Origin(tmp_path) as origin, Engine(tmp_path, origin) as engine:
        yield engine


@pytest.fixture(params=[True, False], ids=["ours", "stock"])
def is_ours(request, engine):
    if not request.param:
        calm.uninstall()
    return request.param


def refused(reason: str) -> float:
    return metrics.REFUSED_CONNECTIONS.labels(reason=reason)._value.get()


def test_a_bucket_fills_again():
    bucket = Bucket(3, 2)
    assert [bucket.spend(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.spend(101.0) for _ in range(3)] == [True, False, False]
    assert [bucket.spend(1000.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("event", "most"),
    [
        (h2.events.StreamReset(stream_id=1), 500),
        (h2.events.PingReceived(ping_data=b"12345678"), 10_000),
        (h2.events.RemoteSettingsChanged(), 10_000),
        (h2.events.PriorityUpdated(), 10_000),
        (h2.events.DataReceived(stream_id=1, data=b"", flow_controlled_length=0), 10_000),
        (h2.events.DataReceived(stream_id=1, data=b"x" * 63, flow_controlled_length=63), 10_000),
        (h2.events.DataReceived(stream_id=1, data=b"x" * 64, flow_controlled_length=64), None),
        (h2.events.DataReceived(stream_id=1, data=b"", flow_controlled_length=0, stream_ended=h2.events.StreamEnded(stream_id=1)), None),
        (h2.events.RequestReceived(stream_id=1, headers=[]), None),
    ],
    ids=["reset", "ping", "settings", "priority", "no data", "little data", "data", "end of data", "request"],
)  # fmt: skip
def test_what_is_counted(event, most):
    own = Calm()
    allowed = sum(not own.has_enough(event, 5.0) for _ in range(10_100))
    assert allowed == (most or 10_100)


def test_rapid_reset_ends_the_connection(engine, is_ours):
    """CVE-2023-44487: every stream costs us a request, and the client nothing."""
    before = refused("http2-flood")
    with Wire(engine.port, engine.ca) as wire:
        for _ in range(800):
            stream = wire.request("POST", "/a", end=False)
            wire.conn.reset_stream(stream)
        wire.flush()
        code = wire.end() if is_ours else None
    assert code == (h2.errors.ErrorCodes.ENHANCE_YOUR_CALM if is_ours else None)
    assert refused("http2-flood") - before == is_ours


def test_fields_that_never_end_are_cut(engine, is_ours):
    """CVE-2024-27316: hyper-h2 takes 64 frames, which are 128 KiB each here."""
    before = refused("head-too-large")
    with Wire(engine.port, engine.ca) as wire:
        wire.send(HeadersFrame(1, b"\x00"))
        for _ in range(3):
            wire.send(ContinuationFrame(1, bytes(MAX_FIELDS_BYTES // 2)))
        assert wire.is_closed(3.0) is is_ours
    assert refused("head-too-large") - before == is_ours


def test_table_of_fields_is_bounded(engine, is_ours):
    with Wire(engine.port, engine.ca) as wire:
        wire.conn.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: 2**31 - 1})
        wire.flush()
        wire.acknowledged(2)
        (handler,) = engine.master.addons.get("proxyserver").connections.values()
        (layer,) = (
            one for one in calm_layers(handler) if one.h2_conn.remote_settings.header_table_size > MAX_TABLE_BYTES
        )
        eventually(lambda: layer.h2_conn.encoder.header_table_size != 4096)
        assert (layer.h2_conn.encoder.header_table_size == MAX_TABLE_BYTES) is is_ours


def calm_layers(handler):
    return [layer for layer in every_layer(handler.layer) if isinstance(layer, Http2Server)]


def test_a_client_within_the_bounds_is_served(engine):
    """A page that is left gives up a hundred streams, and a clumsy client sends its body byte by byte."""
    with Wire(engine.port, engine.ca) as wire:
        for _ in range(100):
            wire.conn.reset_stream(wire.request("GET", "/a", end=False))
        stream = wire.request("POST", "/a", end=False)
        for _ in range(2000):
            wire.send(DataFrame(stream, b"x"))
        wire.send(DataFrame(stream, b"x", flags=["END_STREAM"]))
        assert wire.status(stream) == 200
