"""Protocols in the coat of a request."""

import pytest
from pytest import param

from gateway.channels.requests import protocol_in
from gateway.transfer import Request


def request(path="/", query="", method="POST", **headers) -> Request:
    return Request(method, path, query, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("asked", "host", "name"),
    [
        param(request("/mmtls/0a1b2c3d", upgrade="mmtls"), "szshort.weixin.qq.com", "mmtls", id="WeChat"),
        param(request("/mmtls/0a1b2c3d"), "203.0.113.9", "mmtls", id="WeChat without Upgrade"),
        param(request("/x", upgrade=" MMTLS"), "a.example", "mmtls", id="WeChat under another path"),
        param(request("/cgi-bin/httpconn", "htcmd=0x6FF0087&uin=0"), "203.0.113.9", "qq", id="QQ"),
        param(request("/cgi-bin/httpconn", "uin=0&htcmd=1"), "htdata.qq.com", "qq", id="QQ, other order"),
        param(request("/dns-query", content_type="application/dns-message"), "a.example", "doh", id="DNS, body"),
        param(request("/x", content_type="Application/DNS-message; a=b"), "a.example", "doh", id="DNS, other path"),
        param(request("/x", method="GET", accept="*/*, application/dns-message"), "a.example", "doh", id="DNS, answer"),
        param(request("/x", method="GET", accept="application/dns-json"), "a.example", "doh", id="DNS, JSON"),
        param(request("/u/dns-query", "dns=AAAB"), "a.example", "doh", id="DNS, query"),
        param(request("/resolve", "name=a.example&type=A"), "dns.google", "doh", id="DNS, known resolver"),
        param(request("/"), "mask-h2.icloud.com", "private-relay", id="Private Relay"),
        param(request("/resolve", "name=x"), "api.example", "", id="an interface that resolves something"),
        param(request("/dns-query"), "a.example", "", id="path alone"),
        param(request("/cgi-bin/httpconn", "xhtcmd=1"), "a.example", "", id="no channel of QQ"),
        param(request("/mmtls"), "a.example", "", id="no path of WeChat"),
        param(request("/upload", upgrade="websocket"), "a.example", "", id="WebSocket"),
        param(request("/", "name=x"), "docs.google", "", id="host beside a resolver"),
    ],
)
def test_protocol_in_a_request(asked, host, name):
    assert protocol_in(asked, host) == name
