"""The head of a request: what is taken from it, and what is refused before anything else."""

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.capture import channel_of, head_problem, request_of
from gateway.transfer import Channel


def flow(*fields, host="upload.example.com", sni=None, authority=b"", path=b"/p", method=b"POST", version=b"HTTP/1.1"):
    request = tutils.treq(
        host=host, port=443, scheme=b"https", authority=authority, path=path, method=method, http_version=version,
        headers=http.Headers(fields), content=b"",
    )  # fmt: skip
    made = tflow.tflow(req=request)
    made.client_conn.sni = sni
    return made


HOST = (b"Host", b"upload.example.com")


def test_request_is_taken_from_raw_bytes():
    found = request_of(
        flow(HOST, (b"X-A", b"1"), (b"x-a", b"2"), (b"X-Name", "合同.docx".encode()), path="/目录/a?q=1?2".encode()), 7
    )
    assert (found.method, found.path, found.query, found.bytes) == ("POST", "/目录/a", "q=1?2", 7)
    assert dict(found.headers) == {"host": "upload.example.com", "x-a": "1, 2", "x-name": "合同.docx"}


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
    assert head_problem(made) == problem
