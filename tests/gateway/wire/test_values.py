"""Facts out of bodies: what is there once is read, what servers would pick differently is refused."""

import base64
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.values import codings_of, content_of, cut_content, read_values

LIMITS = Limits()
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
RELATED = 'multipart/related; boundary="b"'


def part(name, value, more=""):
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
    return head + value + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--b--\r\n"


def values(body, *places, content_type="application/json", headers=(), limits=LIMITS):
    request = Request(headers={"content-type": content_type, **dict(headers)})
    return dict(read_values(request, body, places, limits=limits))


@pytest.mark.parametrize(
    ("body", "place", "found"),
    [
        pytest.param(b'{"id": "7"}', "json:id", ("7",), id="text"),
        pytest.param(b'{"id": 7}', "json:id", ("7",), id="number"),
        pytest.param(b'{"a": {"b": [{"c": "x"}, {"c": "y"}]}}', "json:a.b[1].c", ("y",), id="path"),
        pytest.param(b'[{"c": "x"}, {"d": 1}, {"c": "y"}]', "json:[].c", ("x", "y"), id="all"),
        pytest.param(b' \r\n{"id": "\\u5408"}', "json:id", ("合",), id="escape"),
        pytest.param('{"id": "合"}'.encode("gbk"), "json:id", ("合",), id="GBK"),
        pytest.param('{"id": "合"}'.encode("utf-16"), "json:id", ("合",), id="UTF-16 with mark"),
        pytest.param('{"id": "合"}'.encode("utf-16-be"), "json:id", ("合",), id="UTF-16 without"),
        pytest.param(b'\xef\xbb\xbf{"id": "7"}', "json:id", ("7",), id="mark"),
        pytest.param(b'{"id": "\\ud800"}', "json:id", ("?",), id="half a pair"),
        pytest.param(b'{"x": 1, "x": 2, "id": "7"}', "json:id", ("7",), id="another key twice"),
        pytest.param(b'{"id": true}', "json:id", (), id="neither text nor number"),
        pytest.param(b'{"ID": "7"}', "json:id", (), id="other case"),
        pytest.param(b'"id"', "json:id", (), id="no object"),
        pytest.param(b"id=7", "json:id", (), id="no JSON"),
        pytest.param(b"", "json:id", (), id="empty"),
        pytest.param(b'{"id": "7"}', "digest:json:id", ("7",), id="secret"),
        pytest.param(b'{"id": "7"}', "query:id", (), id="in the head"),
        pytest.param(b'{"id": "%s"}' % (b"7" * 4096), "json:id", ("7" * 4096,), id="as long as may be"),
        pytest.param(json.dumps([1] * 1000).encode(), "json:[]", ("1",) * 1000, id="as many as may be"),
    ],
)
def test_json(body, place, found):
    assert values(body, place) == ({place: found} if found else {})


@pytest.mark.parametrize(
    ("body", "content_type", "place", "found"),
    [
        pytest.param(b"a=1&id=%E5%90%88+x", FORM, "field:id", ("合 x",), id="form"),
        pytest.param(b"id=7&id=7", FORM, "field:id", ("7",), id="twice the same"),
        pytest.param(
            b"p=%7B%22l%22%3A%5B%22a%22%2C%22b%22%5D%7D", FORM, "field:p>json:l[]", ("a", "b"), id="JSON in it"
        ),
        pytest.param(b"id=7", "text/plain", "field:id", (), id="not labelled"),
        pytest.param(b"p=7", FORM, "field:p>json:a", (), id="no JSON in it"),
        pytest.param(form(part("id", b"7")), MULTIPART, "field:id", ("7",), id="part"),
        pytest.param(form(part("id", "合".encode("gbk"))), MULTIPART, "field:id", ("合",), id="GBK"),
        pytest.param(form(part("m", b'{"a": "7"}')), MULTIPART, "field:m>json:a", ("7",), id="JSON in a part"),
        pytest.param(form(part("m", b"7")), MULTIPART, "json:m", (), id="a part is no key"),
        pytest.param(form(part("x", b"7")), MULTIPART, "field:id", (), id="no such part"),
        pytest.param(b'{"id": 7}\r\n' + form(part("x", b"7")), MULTIPART, "json:id", (), id="before the parts"),
        pytest.param(b"id=" + b"7" * 4096, FORM, "field:id", ("7" * 4096,), id="as long as may be"),
        pytest.param(form(part("", b'{"name": "a"}'), part("", b"x")), RELATED, "json:name", ("a",), id="root part"),
    ],
)
def test_fields(body, content_type, place, found):
    assert values(body, place, content_type=content_type) == ({place: found} if found else {})


@pytest.mark.parametrize(
    ("body", "content_type", "place"),
    [
        pytest.param(b'{"id": "7", "id": "8"}', "", "json:id", id="key twice"),
        pytest.param(b'{"id": "7", "id": "7"}', "", "json:id", id="key twice the same"),
        pytest.param(b'{"id": "7", "ID": "8"}', "", "json:id", id="key in two spellings"),
        pytest.param('{"kid": "7", "\u212aid": "8"}'.encode(), "", "json:kid", id="key that folds"),
        pytest.param(b'{"a": {"id": 1}, "a": {}}', "", "json:a.id", id="key above"),
        pytest.param(b'[{"id": 1}, {"id": 1, "id": 2}]', "", "json:[].id", id="key in one element"),
        pytest.param(b'{"id": "7"} x', "", "json:id", id="something behind"),
        pytest.param(b"{'id': '7'}", "", "json:id", id="other dialect"),
        pytest.param(b'{"id": "7"', "", "json:id", id="cut"),
        pytest.param(b"[" * 100_000, "", "json:id", id="deep"),
        pytest.param(b'{"id": 1%s}' % (b"0" * 5000), "", "json:id", id="number of 5,000 digits"),
        pytest.param(b'{"id": "%s"}' % (b"7" * 4097), "", "json:id", id="too long"),
        pytest.param(json.dumps([1] * 1001).encode(), "", "json:[]", id="too many"),
        pytest.param(b"id=7&id=8", FORM, "field:id", id="field twice"),
        pytest.param(b"id=7&ID=7", FORM, "field:id", id="field in two spellings"),
        pytest.param(b"up_id=7&up.id=8", FORM, "field:up_id", id="dot for PHP"),
        pytest.param(b"up_id=7&up%20id=8", FORM, "field:up_id", id="blank for PHP"),
        pytest.param(b"id=7&id[]=8", FORM, "field:id", id="list for PHP"),
        pytest.param(b"id=7&id%00x=8", FORM, "field:id", id="NUL for PHP"),
        pytest.param(form(part("id", b"7"), part(" id", b"7")), MULTIPART, "field:id", id="blank before"),
        pytest.param(b"id=" + b"7" * 4097, FORM, "field:id", id="field too long"),
        pytest.param(
            b"id=%7B%22a%22:1,%22b%22:" + b"[" * 8 + b"7" * 99 + b",7" * (1 << 19) + b"]" * 8 + b"%7D",
            FORM,
            "field:id>json:a",
            id="JSON field too long",
        ),
        pytest.param(b"id=%7B%7D%7D", FORM, "field:id>json:a", id="JSON field broken"),
        pytest.param(form(part("id", b"7"), part("id", b"8")), MULTIPART, "field:id", id="part twice"),
        pytest.param(
            form(part("id", b"Nw==", "\r\nContent-Transfer-Encoding: base64")), MULTIPART, "field:id", id="part coded"
        ),
        pytest.param(form(part("id", b"7", "\r\nContent-Encoding: gzip")), MULTIPART, "field:id", id="part compressed"),
        pytest.param(b"--b\r\n", MULTIPART, "field:id", id="broken multipart"),
    ],
)
def test_doubtful(body, content_type, place):
    with pytest.raises(MalformedError):
        values(body, place, content_type=content_type)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["", FORM, MULTIPART, RELATED, "application/json"]),
    st.sampled_from(
        [b"", b"{", b'{"id":', b"id=", b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n', b"\xff\xfe{\0"]
    ),
    st.binary(max_size=60),
    st.sampled_from([b"", b"}", b'"}', b"\r\n--b--\r\n"]),
)
def test_only_content_errors_are_raised(content_type, start, middle, end):
    body = start + middle + end
    try:
        found = values(body, "json:id", "field:id", "field:id>json:a", content_type=content_type)
        assert all(isinstance(text, str) and len(text.encode()) <= 4096 for value in found.values() for text in value)
    except ContentError:
        pass
    for content in ("body", "field:id", "base64:json:id", "base64:field:id", "base64:field:id>json:a"):
        try:
            assert len(content_of(body, content, content_type, "", limits=LIMITS)) <= len(body)
        except ContentError:
            continue


def test_codings_are_undone_first():
    body = gzip.compress(b'{"id": "7"}')
    assert values(body, "json:id", headers={"content-encoding": "gzip"}) == {"json:id": ("7",)}
    with pytest.raises(UnsupportedError):
        values(body, "json:id", headers={"content-encoding": "lzma"})


def test_all_of_several_and_none_without_places():
    assert values(b'{"a": 1, "b": 2}', "json:a", "json:b", "json:c") == {"json:a": ("1",), "json:b": ("2",)}
    assert values(b"{broken") == {}


def test_json_over_the_bound(monkeypatch):
    monkeypatch.setattr("gateway.wire.values.MAX_JSON_BYTES", 10)
    assert values(b'{"id": 77}', "json:id") == {"json:id": ("77",)}
    with pytest.raises(LimitError):
        values(b'{"id": 777}', "json:id")


B64 = base64.b64encode(b"\xff\xfe?hello").decode()


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        pytest.param(b"\xff\xfe?hello", "body", "", id="body"),
        pytest.param(
            form(part("id", b"7"), part("file", b"\xff\xfe?hello", '; filename="x"')),
            "field:file",
            MULTIPART,
            id="part",
        ),
        pytest.param(b"id=7&d=%FF%FE%3Fhello", "field:d", FORM, id="form"),
        pytest.param(f"id=7&d={B64.replace('+', '%2B')}".encode(), "base64:field:d", FORM, id="base64 in a form"),
        pytest.param(form(part("d", B64.encode())), "base64:field:d", MULTIPART, id="base64 in a part"),
        pytest.param(json.dumps({"a": {"b": B64}}).encode(), "base64:json:a.b", "", id="base64 in JSON"),
        pytest.param(f'{{"a": "{B64}"}}'.replace("/", "\\/").encode(), "base64:json:a", "", id="escaped"),
        pytest.param(
            b'{"a": "%s"}' % base64.urlsafe_b64encode(b"\xff\xfe?hello").rstrip(b"="),
            "base64:json:a",
            "",
            id="base64url",
        ),
        pytest.param(
            form(part("m", json.dumps({"a": B64}).encode())),
            "base64:field:m>json:a",
            MULTIPART,
            id="base64 in JSON in a part",
        ),
    ],
)
def test_content(body, content, content_type):
    assert bytes(content_of(body, content, content_type, "", limits=LIMITS)) == b"\xff\xfe?hello"
    assert bytes(content_of(gzip.compress(body), content, content_type, "gzip", limits=LIMITS)) == b"\xff\xfe?hello"


def test_content_that_stands_there_is_not_copied():
    body = form(part("file", b"hello"))
    assert content_of(body, "field:file", MULTIPART, "", limits=LIMITS).obj is body
    assert content_of(body, "body", "", "", limits=LIMITS).obj is body


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        pytest.param(form(part("x", b"hello")), "field:file", MULTIPART, id="none"),
        pytest.param(form(part("file", b"a"), part("file", b"a")), "field:file", MULTIPART, id="twice"),
        pytest.param(form(part("file", b"a"), part("File", b"a")), "field:file", MULTIPART, id="two spellings"),
        pytest.param(b"hello", "field:file", FORM, id="no form"),
        pytest.param(b"{}", "base64:json:a", "", id="no key"),
        pytest.param(b'{"a": "!"}', "base64:json:a", "", id="no base64"),
        pytest.param(b'{"a": ["YQ==", "Yg=="]}', "base64:json:a[]", "", id="several"),
        pytest.param(b'{"a": "YQ==", "a": "Yg=="}', "base64:json:a", "", id="key twice"),
        pytest.param(b"d=Y Q=", "base64:field:d", FORM, id="base64 with a blank"),
    ],
)
def test_no_content(body, content, content_type):
    with pytest.raises(MalformedError):
        content_of(body, content, content_type, "", limits=LIMITS)


@pytest.mark.parametrize(
    ("headers", "codings"),
    [
        pytest.param({}, "", id="none"),
        pytest.param({"content-encoding": "gzip"}, "gzip", id="header"),
        pytest.param({"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, "aws-chunked", id="framed"),
        pytest.param({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "", id="not framed"),
        pytest.param(
            {"content-encoding": "AWS-Chunked", "x-amz-content-sha256": "STREAMING-X"},
            "AWS-Chunked",
            id="named already",
        ),
    ],
)
def test_codings(headers, codings):
    assert codings_of(headers) == codings


def test_framed_content():
    body = b"5\r\nhello\r\n0\r\n\r\n"
    codings = codings_of({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
    assert bytes(content_of(body, "body", "", codings, limits=LIMITS)) == b"hello"


def test_cut_content():
    body = json.dumps({"to": "a", "d": B64}).encode()
    content, rest = cut_content(memoryview(body), "base64:json:d")
    assert (content, bytes(rest)) == (b"\xff\xfe?hello", b'{"to": "a", "d": ""}')
    for written in ((b"/", b"\\/"), (b"=", b"\\u003d")):
        content, rest = cut_content(memoryview(body.replace(*written)), "base64:json:d")
        assert (content, bytes(rest)) == (b"\xff\xfe?hello", b'{"to": "a", "d": ""}')
    content, rest = cut_content(memoryview(json.dumps({"d": "aGVs\r\nbG8="}).encode()), "base64:json:d")
    assert (content, bytes(rest)) == (b"hello", b'{"d": ""}')
    with pytest.raises(ContentError):
        cut_content(memoryview(body), "base64:json:x")
