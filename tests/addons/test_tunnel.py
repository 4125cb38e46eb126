"""CONNECT: what its target alone refuses, and what it leaves to what comes through."""

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.held import ASK_AT_ONCE
from addons.tunnel import Tunnel
from addons.unread import Unread
from metrics import catalogue as metrics
from tests.support.connections import client, connection_judge, outcomes, records

POLICY = """
version: 1
exceptions:
  - {id: mail, rules: wire.unknown-protocol, destination: {host: mail.example}, port: 25, protocol: smtp,
     ticket: T, approver: a, owner: o, expires: 2099-12-31}
  - {id: address, rules: wire.bare-address, destination: {host: [203.0.113.7, "2001:db8::7"]},
     ticket: T, approver: a, owner: o, expires: 2099-12-31}
"""


@pytest.fixture
def tunnel(tmp_path):
    with connection_judge(tmp_path, POLICY, upstream={"connect_to": {"203.0.113.5:443": "127.0.0.1:9"}}) as judge:
        yield Tunnel(Unread(judge))


def connect(host: str, port: int = 443) -> http.HTTPFlow:
    made = tflow.tflow(req=tutils.treq(method=b"CONNECT", host=host, port=port, headers=http.Headers()))
    made.client_conn = client()
    return made


@pytest.mark.parametrize(
    ("host", "port", "rule"),
    [
        param("203.0.113.9", 443, "wire.bare-address", id="address"),
        param("2001:db8::9", 443, "wire.bare-address", id="IPv6 address"),
        param("203.0.113.5", 80, "wire.bare-address", id="fixed route of another port"),
        param("mask.icloud.com", 443, "wire.relay", id="relay"),
        param("MASK-h2.iCloud.com.", 443, "wire.relay", id="relay, spelt otherwise"),
        param("mx.example", 25, "wire.unknown-protocol", id="mail"),
        param("mail.example", 587, "wire.unknown-protocol", id="another port than the exception's"),
        param("ftp.example", 21, "wire.unknown-protocol", id="FTP"),
        param("a.example", 443, "", id="a name"),
        param("a.example", 22, "", id="SSH, whose client speaks"),
        param("a.example", 853, "", id="DNS over TLS, whose client speaks"),
        param("long.weixin.qq.com", 443, "", id="a host that may speak TLS all the same"),
        param("203.0.113.5", 443, "", id="fixed route"),
        param("203.0.113.7", 443, "", id="exception for an address"),
        param("2001:db8::7", 443, "", id="exception for an IPv6 address"),
        param("mail.example", 25, "", id="exception for mail"),
    ],
)
def test_targets(tunnel, tmp_path, host, port, rule):
    flow = connect(host, port)
    before = metrics.REFUSED_CONNECTIONS.labels(reason="tunnel")._value.get()
    tunnel.http_connect(flow)
    tunnel.unread.judge.journal.close()
    found = records(tmp_path)
    assert [ground["id"] for record in found for ground in record["verdict"]["rules"]] == ([rule] if rule else [])
    assert (flow.response is None) is (rule == "")
    assert metrics.REFUSED_CONNECTIONS.labels(reason="tunnel")._value.get() == before + bool(rule)
    assert bool(flow.metadata.get(ASK_AT_ONCE)) is (host == "mail.example" and port == 25)
    if rule:
        assert (flow.response.status_code, flow.response.headers["x-sluice-incident"]) == (403, found[0]["id"])
        assert flow.response.headers["x-sluice-verdict"] == "block"
        assert outcomes(tmp_path) == ["refused (403)"]


def test_who_may_not_use_the_proxy_learns_nothing_else(tunnel, tmp_path):
    flow = connect("203.0.113.9")
    flow.response = http.Response.make(407)
    tunnel.http_connect(flow)
    tunnel.unread.judge.journal.close()
    assert (flow.response.status_code, records(tmp_path)) == (407, [])


def test_the_page_of_a_repeat_names_the_record_that_tells_of_it(tunnel):
    first, second = connect("203.0.113.9"), connect("203.0.113.9")
    tunnel.http_connect(first)
    tunnel.http_connect(second)
    assert first.response.headers["x-sluice-incident"] == second.response.headers["x-sluice-incident"] != ""
