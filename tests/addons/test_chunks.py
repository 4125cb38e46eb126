"""HTTP/1 bodies: framing without end is cut, and small chunks go on together; each beside what the stock code does."""

import contextlib
import hashlib
import socket

import pytest

from addons import chunks
from addons.chunks import MAX_FRAMING_BYTES
from addons.hold import HoldStream
from addons.patches import Http1Connection
from metrics import catalogue as metrics
from tests.support.engine import Engine
from tests.support.origin import Origin
from tests.support.raw_http import Raw

HEAD = b"POST http://localhost/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path) as origin:
        yield origin


@pytest.fixture
def engine(tmp_path, origin):
    with Engine(tmp_path, origin) as engine:
        engine.loop.routes.target = lambda _asked: ("127.0.0.1", origin.plain_port)
        yield engine


@pytest.fixture(params=[True, False], ids=["ours", "stock"])
def is_ours(request, engine):
    if not request.param:
        Http1Connection.read_body = chunks.stock_read_body
    return request.param


def refused() -> float:
    return metrics.REFUSED_CONNECTIONS.labels(reason="framing-too-large")._value.get()


@pytest.mark.parametrize("start", [b"5;x=", b"5\r\nhello\r\n0\r\nT: "], ids=["extension", "trailers"])
def test_framing_without_end_is_cut(engine, origin, is_ours, start):
    before, most = refused(), 8 << 20
    with Raw(engine.port) as raw:
        raw.send(HEAD + start)
        sent = raw.push(b"y" * 65536, most)
        assert sent < most if is_ours else not raw.is_closed(1.0)
    assert refused() - before == is_ours
    assert origin.requests == []


def test_longest_framing_that_is_taken(engine, origin):
    with Raw(engine.port) as raw:
        raw.send(HEAD + b"5;x=" + b"y" * (MAX_FRAMING_BYTES - 100))
        raw.send(b"\r\nhello\r\n0\r\n\r\n")
        assert raw.status() == 200
    assert [seen.sha256 for seen in origin.requests] == [hashlib.sha256(b"hello").hexdigest()]


def test_small_chunks_go_on_together(engine, origin, is_ours, monkeypatch):
    """What one read brings costs one step, however many chunks it is; bytes and order stay."""
    steps = []
    stock = HoldStream.consume
    monkeypatch.setattr(HoldStream, "consume", lambda self, data: steps.append(len(data)) or stock(self, data))
    body = bytes(range(256)) * 20
    with Raw(engine.port) as raw:
        raw.send(HEAD + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert raw.status() == 200
    assert [seen.sha256 for seen in origin.requests] == [hashlib.sha256(body).hexdigest()]
    assert sum(steps) == len(body)
    assert (len(steps) < 20) is is_ours
    assert is_ours or len(steps) == len(body)


def test_two_requests_in_one_read_stay_apart(engine, origin):
    with Raw(engine.port) as raw:
        raw.send(HEAD + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n" + HEAD + b"1\r\nc\r\n0\r\n\r\n")
        assert [raw.status(), raw.status()] == [200, 200]
    assert [seen.sha256 for seen in origin.requests] == [hashlib.sha256(body).hexdigest() for body in (b"ab", b"c")]


def test_endless_trailers_of_a_server_end_its_answer(engine):
    """No client is to blame, so none is counted; the client sees that the answer broke off."""
    before = refused()
    with socket.create_server(("127.0.0.1", 0)) as server:
        engine.loop.routes.target = lambda _asked: server.getsockname()
        with Raw(engine.port) as raw:
            raw.send(b"GET http://localhost/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: ")
                connection.settimeout(2)
                with contextlib.suppress(OSError):
                    for _ in range(200):
                        connection.sendall(b"y" * 65536)
            assert raw.rest(10.0).endswith(b"\r\n\r\n1\r\nx\r\n")
    assert refused() == before
