"""Which server a request means, where clients give addresses and where they give names."""

import pytest
from mitmproxy import http
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.capture import host_problem
from addons.names import Named, dials_addresses, is_address, named, without_port
from gateway.request_settings import Requests

NAME, ADDRESS = "upload.example.com", "203.0.113.9"
MISMATCH = ("host-mismatch", "target, Host and TLS name differ")


def flow(mode, host, field=NAME, *, sni=None, scheme=b"https", authority=b""):
    fields = [(b"Host", field.encode())] if field is not None else []
    request = tutils.treq(host=host, port=443, scheme=scheme, authority=authority, headers=http.Headers(fields))
    made = tflow.tflow(req=request)
    made.client_conn.proxy_mode = ProxyMode.parse(mode)
    made.client_conn.sni = sni
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        param(flow("regular", NAME, sni=NAME), Named(NAME, NAME), id="regular"),
        param(flow("regular", ADDRESS, ADDRESS), Named(ADDRESS, ADDRESS), id="regular to an address"),
        param(flow("upstream:http://p:1", "Upload.Example.com."), Named(NAME, NAME), id="upstream"),
        param(flow("socks5", NAME, sni=NAME), Named(NAME, NAME), id="SOCKS5 by name"),
        param(flow("socks5", ADDRESS, sni=NAME), Named(NAME, ADDRESS, certified=True), id="SOCKS5 by address"),
        param(flow("transparent", ADDRESS, sni=NAME), Named(NAME, ADDRESS, certified=True), id="TLS name"),
        param(flow("transparent", "2001:db8::9", f"{NAME}:443", sni="Upload.Example.com"), Named(NAME, "2001:db8::9"), id="IPv6"),
        param(flow("transparent", ADDRESS, None, authority=NAME.encode(), sni=NAME), Named(NAME, ADDRESS), id="HTTP/2"),
        param(flow("transparent", ADDRESS), Named(NAME, ADDRESS, certified=False), id="TLS without a name"),
        param(flow("transparent", ADDRESS, scheme=b"http"), Named(NAME, ADDRESS, certified=False), id="in the clear"),
        param(flow("transparent", ADDRESS, scheme=b"http", sni=NAME), Named(NAME, ADDRESS, certified=False), id="TLS name of no TLS to the server"),
        param(flow("transparent", ADDRESS, ADDRESS), Named(ADDRESS, ADDRESS), id="no name"),
        param(flow("transparent", "2001:db8::9", "[2001:db8::9]"), Named("2001:db8::9", "2001:db8::9"), id="no name, IPv6"),
        param(flow("transparent", ADDRESS, None), Named(ADDRESS, ADDRESS), id="no Host field"),
    ],
)  # fmt: skip
def test_named(made, expected):
    assert named(made) == expected


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        (Named(NAME, NAME, certified=False), False),
        (Named(NAME, ADDRESS), False),
        (Named(NAME, ADDRESS, certified=False), True),
    ],
    ids=["asked for by name", "certificate proves it", "claim"],
)
def test_is_claim(claimed, expected):
    assert claimed.is_claim is expected


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        param(flow("transparent", ADDRESS, sni=NAME), ("", ""), id="names agree"),
        param(flow("transparent", ADDRESS, scheme=b"http"), ("", ""), id="one name"),
        param(flow("transparent", ADDRESS, ADDRESS), ("", ""), id="address as dialled"),
        param(flow("transparent", ADDRESS, sni="other.example"), MISMATCH, id="TLS name and Host differ"),
        param(flow("transparent", ADDRESS, authority=b"other.example"), MISMATCH, id="target and Host differ"),
        param(flow("transparent", ADDRESS, "203.0.113.8"), MISMATCH, id="another address as Host"),
        param(flow("transparent", ADDRESS, ADDRESS, sni=NAME), MISMATCH, id="address as Host, TLS name"),
        param(flow("transparent", ADDRESS, None), ("malformed-head", "no Host field"), id="no Host"),
        param(flow("socks5", ADDRESS, sni=NAME), ("", ""), id="SOCKS5 by address"),
        param(flow("socks5", NAME, sni="other.example"), MISMATCH, id="SOCKS5 by name, TLS name differs"),
        param(flow("socks5", NAME, "other.example"), MISMATCH, id="SOCKS5 by name, Host differs"),
        param(flow("regular", ADDRESS, sni=NAME), MISMATCH, id="regular target is meant as it stands"),
    ],
)
def test_host_problem_by_mode(made, problem):
    assert host_problem(made, Requests()) == problem


def test_dials_addresses():
    given = [flow("transparent", ADDRESS), flow("socks5", ADDRESS), flow("socks5", NAME), flow("regular", ADDRESS)]
    assert [dials_addresses(each) for each in given] == [True, True, False, False]


@pytest.mark.parametrize(("host", "expected"), [(ADDRESS, True), ("[::1]", True), ("::1", True), (NAME, False), ("", False)])  # fmt: skip
def test_is_address(host, expected):
    assert is_address(host) is expected


@pytest.mark.parametrize(("text", "host"), [("a:1", "a"), ("a", "a"), ("[::1]:1", "[::1]"), ("[::1]", "[::1]")])
def test_without_port(text, host):
    assert without_port(text) == host
