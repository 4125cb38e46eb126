"""The head of a request: what is taken from it, and what is refused before anything else."""

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.capture import are_proper_trailers, body_problem, channel_of, head_problem, request_of, with_trailers
from gateway.request_settings import Requests
from gateway.transfer import Channel, Request


def flow(*fields, host="upload.example.com", sni=None, authority=b"", path=b"/p", method=b"POST", version=b"HTTP/1.1"):
    request = tutils.treq(
        host=host, port=443, scheme=b"https", authority=authority, path=path, method=method, http_version=version,
        headers=http.Headers(fields), content=b"",
    )  # fmt: skip
    made = tflow.tflow(req=request)
    made.client_conn.sni = sni
    return made


HOST = (b"Host", b"upload.example.com")
LENGTH = (b"Content-Length", b"3")
CHUNKS = (b"Transfer-Encoding", b"chunked")
PORT = "the port of the Host field is another"
FRONTED = Requests(host_mismatch_allowed=("front.example", "*.cdn.example"))


def test_request_is_taken_from_raw_bytes():
    found = request_of(
        flow(HOST, (b"X-A", b"1"), (b"x-a", b"2"), (b"X-Name", "合同.docx".encode()), path="/目录/a?q=1?2".encode()), 7
    )
    assert (found.method, found.path, found.query, found.bytes) == ("POST", "/目录/a", "q=1?2", 7)
    assert dict(found.headers) == {"host": "upload.example.com", "x-a": "1, 2", "x-name": "合同.docx"}


def test_the_name_of_the_server_is_among_the_headers():
    """It is inspected like them."""
    assert request_of(flow(authority=b"a.example"), 0).headers["host"] == "a.example"
    assert request_of(flow(HOST, authority=b"a.example"), 0).headers["host"] == "upload.example.com"


@pytest.mark.parametrize(
    ("version", "channel"),
    [("HTTP/1.1", Channel.HTTP1), ("HTTP/2.0", Channel.HTTP2), ("HTTP/3", Channel.HTTP3)],
)
def test_channel(version, channel):
    made = flow(HOST)
    made.request.http_version = version
    assert channel_of(made) is channel


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        param(flow(HOST), ("", ""), id="plain"),
        param(
            flow((b"Host", b"Upload.Example.com.:443"), sni="upload.example.com"), ("", ""), id="same name, other look"
        ),
        param(flow((b"Host", b"[2001:db8::1]:443"), host="2001:db8::1"), ("", ""), id="IPv6"),
        param(flow(HOST, (b"Upgrade", b"h2c")), ("", ""), id="h2c is taken out elsewhere"),
        param(flow(authority=b"upload.example.com"), ("", ""), id="authority alone"),
        param(flow(HOST, version=b"HTTP/1.2"), ("malformed-head", "HTTP version"), id="version"),
        param(flow(HOST, version=b"HTTP/1.0"), ("malformed-head", "HTTP version"), id="HTTP/1.0"),
        param(flow(HOST, version=b"HTTP/3"), ("malformed-head", "HTTP version"), id="HTTP/3"),
        param(flow((b"Host", b"upload.example.com:8443")), ("host-mismatch", PORT), id="other port"),
        param(flow((b"Host", b"upload.example.com:0443")), ("host-mismatch", PORT), id="port written otherwise"),
        param(flow((b"Host", b"upload.example.com:443:1")), ("host-mismatch", PORT), id="two ports"),
        param(flow(authority=b"upload.example.com:80"), ("host-mismatch", PORT), id="authority with another port"),
        param(flow((b"Host", b"upload.example.com:")), ("", ""), id="empty port"),
        param(flow(HOST, LENGTH, method=b"GET"), ("unexpected-body", "GET with a body"), id="GET with a body"),
        param(flow(HOST, LENGTH, method=b"head"), ("unexpected-body", "HEAD with a body"), id="small head with a body"),
        param(flow(HOST, CHUNKS, method=b"TRACE"), ("unexpected-body", "TRACE with a body"), id="TRACE with chunks"),
        param(flow(HOST, (b"Content-Length", b"0"), method=b"GET"), ("", ""), id="GET with no bytes"),
        param(flow(HOST, LENGTH, method=b"DELETE"), ("", ""), id="DELETE with a body"),
        param(flow(HOST, LENGTH, method=b"OPTIONS"), ("", ""), id="OPTIONS with a body"),
        param(flow(HOST, method=b"PO ST"), ("malformed-head", "method"), id="space in the method"),
        param(flow(HOST, method=b""), ("malformed-head", "method"), id="no method"),
        param(flow(HOST, path=b"/a\x00b"), ("malformed-head", "control byte in the target"), id="NUL in the target"),
        param(
            flow(HOST, (b"X", b"a\rTransfer-Encoding: x")), ("malformed-head", "control byte in a field value"), id="CR"
        ),
        param(flow(HOST, (b"X", b"a\x00")), ("malformed-head", "control byte in a field value"), id="NUL"),
        param(flow(HOST, (b"X Y", b"a")), ("malformed-head", "field name"), id="space in a name"),
        param(flow(HOST, (b"Upgrade", b"websocket")), ("upgrade", "Upgrade field"), id="websocket"),
        param(flow(HOST, HOST), ("malformed-head", "more than one Host field"), id="two hosts"),
        param(flow(), ("malformed-head", "no Host field"), id="no host"),
        param(flow((b"Host", b"b.example")), ("host-mismatch", "target, Host and TLS name differ"), id="other host"),
        param(flow(HOST, sni="b.example"), ("host-mismatch", "target, Host and TLS name differ"), id="other TLS name"),
        param(
            flow(HOST, authority=b"b.example"), ("host-mismatch", "target, Host and TLS name differ"), id="authority"
        ),
    ],
)
def test_head_problem(made, problem):
    assert head_problem(made, Requests()) == problem


@pytest.mark.parametrize(
    ("rules", "made", "problem"),
    [
        param(Requests(http_1_0=True), flow(HOST, version=b"HTTP/1.0"), "", id="HTTP/1.0 allowed"),
        param(Requests(http_1_0=True), flow(HOST, version=b"HTTP/0.9"), "malformed-head", id="HTTP/0.9 is not"),
        param(Requests(methods_without_body=()), flow(HOST, LENGTH, method=b"GET"), "", id="GET with a body allowed"),
        param(FRONTED, flow((b"Host", b"a.cdn.example"), host="front.example"), "", id="both listed"),
        param(
            FRONTED, flow((b"Host", b"a.cdn.example"), host="front.example", sni="front.example"), "", id="TLS name too"
        ),
        param(FRONTED, flow((b"Host", b"a.example"), host="front.example"), "host-mismatch", id="Host not listed"),
        param(FRONTED, flow((b"Host", b"a.cdn.example")), "host-mismatch", id="target not listed"),
        param(
            FRONTED,
            flow((b"Host", b"a.cdn.example"), host="front.example", sni="x"),
            "host-mismatch",
            id="TLS name not",
        ),
        param(
            FRONTED,
            flow((b"Host", b"a.cdn.example:80"), host="front.example"),
            "host-mismatch",
            id="another port never",
        ),
    ],
)
def test_head_problem_by_settings(rules, made, problem):
    assert head_problem(made, rules)[0] == problem


@pytest.mark.parametrize(
    ("fields", "are_proper"),
    [
        param([], True, id="none"),
        param([(b"x-checksum", b"1"), (b"grpc-status", b"0")], True, id="ordinary"),
        param([(b"X-Note", "说明".encode())], True, id="text"),
        param([(b"Content-Length", b"1")], False, id="framing"),
        param([(b"host", b"a")], False, id="routing"),
        param([(b"content-encoding", b"gzip")], False, id="reading"),
        param([(b":path", b"/")], False, id="pseudo field"),
        param([(b"x y", b"1")], False, id="name"),
        param([(b"x", b"a\rb")], False, id="value"),
    ],
)
def test_are_proper_trailers(fields, are_proper):
    assert are_proper_trailers(http.Headers(fields)) is are_proper


def test_trailers_are_inspected_as_fields():
    request = Request(headers={"host": "a"})
    assert with_trailers(request, None) is request
    found = with_trailers(request, http.Headers([(b"X-A", b"1"), (b"x-a", b"2"), (b"host", b"b")]))
    assert dict(found.headers) == {"host": "a", "trailer:x-a": "1, 2", "trailer:host": "b"}


def test_body_problem():
    assert (body_problem("get", Requests()), body_problem("POST", Requests())) == ("GET with a body", "")
