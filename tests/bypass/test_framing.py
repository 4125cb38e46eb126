"""Requests made to be read in two ways, or to upset the engine: each is refused with an answer, and nothing goes on."""

import re
import socket
import ssl

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.answer import last_resort
from addons.capture import head_problem
from addons.held import Held
from gateway.request_settings import Requests
from metrics import catalogue as metrics
from tests.support.engine import Engine, allow
from tests.support.origin import Origin
from tests.support.waiting import eventually

ID = b"11010519491231002X"
"""The sample of GB 11643."""
HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CLEAN = b"POST /ok HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nhi"


async def refused_at_head(_flow: http.HTTPFlow, held: Held) -> None:
    held.refusal = last_resort(_flow)


def connect(engine: Engine) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
    raw.sendall(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
    assert b" 200 " in raw.recv(4096)
    context = ssl.create_default_context(cafile=str(engine.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context.wrap_socket(raw, server_hostname="localhost")


def statuses(sock: ssl.SSLSocket, count: int) -> list[bytes]:
    """Status codes of the answers, `count` at most."""
    data = b""
    while len(re.findall(rb"HTTP/1.1 (\d{3}) ", data)) < count and (more := sock.recv(65536)):
        data += more
    return re.findall(rb"HTTP/1.1 (\d{3}) ", data)


def faults() -> float:
    return metrics.FAILURES.labels(part="engine")._value.get()


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path, keep_bodies=True) as origin:
        yield origin


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n", id="no body"),
        pytest.param(b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", id="empty body"),
        pytest.param(b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", id="body"),
    ],
)
def test_refusal_at_the_head_is_no_fault_and_keeps_the_connection(tmp_path, origin, head):
    before = faults()
    with Engine(tmp_path, origin, at_head=refused_at_head) as engine, connect(engine) as sock:
        sock.sendall(head)
        assert statuses(sock, 1) == [b"403"]
        sock.sendall(head)
        assert statuses(sock, 1) == [b"403"]
    assert (faults() - before, origin.connections) == (0, 0)


def test_trailers_are_refused_with_an_answer(tmp_path, origin):
    request = b"POST /a HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n2\r\nhi\r\n0\r\nX-Note: " + ID + b"\r\n\r\n"
    before = faults()
    with Engine(tmp_path, origin, allow) as engine, connect(engine) as sock:
        sock.sendall(request)
        assert statuses(sock, 1) == [b"403"]
        assert engine.decide.held[-1].trailers
        sock.sendall(CLEAN)
        assert statuses(sock, 1) == [b"200"]
    assert (faults() - before, [seen.path for seen in origin.requests]) == (0, ["/ok"])


def test_chunk_extensions_do_not_travel(tmp_path, origin):
    with Engine(tmp_path, origin, allow) as engine, connect(engine) as sock:
        sock.sendall(b"POST /a HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n2;x=" + ID + b"\r\nhi\r\n0\r\n\r\n")
        assert statuses(sock, 1) == [b"200"]
    assert [(seen.bytes, ID.decode() in repr(seen)) for seen in origin.requests] == [(2, False)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", id="length and chunks"),
        pytest.param(b"Content-Length: 2\r\nContent-Length: 3\r\n", id="two lengths"),
        pytest.param(b"Content-Length: +2\r\n", id="signed length"),
        pytest.param(b"Transfer-Encoding: xchunked\r\n", id="unknown coding"),
        pytest.param(b"Transfer-Encoding : chunked\r\n", id="blank before the colon"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", id="chunked twice"),
    ],
)
def test_smuggling_is_refused(tmp_path, origin, fields):
    with Engine(tmp_path, origin, allow) as engine, connect(engine) as sock:
        sock.sendall(b"POST /a HTTP/1.1\r\n" + HOST + fields + b"\r\n2\r\nhi\r\n0\r\n\r\n" + CLEAN)
        assert statuses(sock, 1) == [b"400"]
        eventually(lambda: engine.decide.held == [])
    assert origin.connections == 0


@pytest.mark.parametrize(
    ("method", "path", "because"),
    [
        pytest.param(ID, b"/", "method", id="method that says something"),
        pytest.param(b"A" * 33, b"/", "method", id="method too long"),
        pytest.param(b"POST", b"https://other.example.com/", "target", id="address of another server"),
        pytest.param(b"POST", b"up", "target", id="no slash"),
        pytest.param(b"M-SEARCH", b"/", "", id="registered method"),
        pytest.param(b"OPTIONS", b"*", "", id="asterisk"),
    ],
)
def test_odd_method_or_target_is_refused(method, path, because):
    request = tutils.treq(
        host="a.example.com", port=443, scheme=b"https", authority=b"a.example.com", method=method, path=path,
        http_version=b"HTTP/2.0", headers=http.Headers(),
    )  # fmt: skip
    flow = tflow.tflow(req=request)
    flow.client_conn.sni = "a.example.com"
    assert head_problem(flow, Requests()) == (("malformed-head", because) if because else ("", ""))
