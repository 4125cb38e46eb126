"""Handshakes: one proper form opens a WebSocket, whatever else has an Upgrade field is named."""

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.handshake import upgrade_problem

param = pytest.param
PROPER = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
IMPROPER = "no proper WebSocket handshake"


def problem(*more: tuple[str, str], without: str = "", method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> str:
    fields = [(k.encode(), v.encode()) for k, v in (*PROPER.items(), *more) if k != without or (k, v) in more]
    request = tutils.treq(method=method, headers=http.Headers(fields), http_version=version, content=b"")
    return upgrade_problem(tflow.tflow(req=request))


@pytest.mark.parametrize(
    ("more", "without"),
    [
        param((), "", id="plain"),
        param((("Upgrade", "WebSocket"),), "Upgrade", id="other case"),
        param((("Connection", "keep-alive, Upgrade"),), "Connection", id="beside keep-alive"),
        param((("Content-Length", "0"),), "", id="empty body"),
        param((("Sec-WebSocket-Protocol", "graphql-ws, v12.stomp"),), "", id="text subprotocols"),
        param((("Sec-WebSocket-Extensions", "permessage-deflate"),), "", id="an extension, which is taken out"),
    ],
)
def test_proper_handshakes(more, without):
    assert problem(*more, without=without) == ""


@pytest.mark.parametrize(
    ("more", "without", "why"),
    [
        param((("Upgrade", "mmtls"),), "Upgrade", "Upgrade field", id="another protocol"),
        param((("Upgrade", "websocket, h2c"),), "Upgrade", "Upgrade field", id="two protocols"),
        param((("Upgrade", "websocket"),), "", "Upgrade field", id="two fields"),
        param((), "Connection", IMPROPER, id="no Connection"),
        param((("Connection", "close"),), "Connection", IMPROPER, id="Connection says otherwise"),
        param((), "Sec-WebSocket-Version", IMPROPER, id="no version"),
        param((("Sec-WebSocket-Version", "8"),), "Sec-WebSocket-Version", IMPROPER, id="old version"),
        param((), "Sec-WebSocket-Key", IMPROPER, id="no key"),
        param((("Sec-WebSocket-Key", "QUFB"),), "Sec-WebSocket-Key", IMPROPER, id="short key"),
        param((("Sec-WebSocket-Key", "11010519491231002X"),), "Sec-WebSocket-Key", IMPROPER, id="no base64"),
        param((("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),), "", IMPROPER, id="two keys"),
        param((("Content-Length", "5"),), "", "WebSocket handshake with a body", id="body"),
        param((("Transfer-Encoding", "chunked"),), "", "WebSocket handshake with a body", id="chunked body"),
        param((("Sec-WebSocket-Protocol", "x, MQTT"),), "", "WebSocket subprotocol without a reader", id="MQTT"),
    ],
)
def test_others_are_told_apart(more, without, why):
    assert problem(*more, without=without) == why


@pytest.mark.parametrize(("method", "version"), [(b"POST", b"HTTP/1.1"), (b"GET", b"HTTP/1.0"), (b"GET", b"HTTP/2.0")])
def test_only_a_get_over_http_1_1(method, version):
    assert problem(method=method, version=version) == "Upgrade field"
