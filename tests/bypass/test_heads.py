"""An identifier anywhere in a request's head or in the labels of a part reaches detection."""

import base64
import gzip

import pytest

from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.body import read_request
from gateway.wire.head import is_telling

ID = "11010519491231002X"
"""The sample of GB 11643."""
LIST = f"姓名,身份证号\n张三,{ID}\n李四,{ID}\n王五,{ID}\n".encode()
B64 = base64.b64encode(LIST).decode()


def texts(request: Request, body: bytes = b"") -> str:
    return "\n".join(
        bytes(piece.data).decode("utf-8", "replace") for piece in read_request(request, body, limits=Limits())
    )


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        pytest.param(Request(headers={name: f"a {ID}"}), ID, id=name)
        for name in (
            "x-note", "referer", "user-agent", "x-amz-meta-note", "x-oss-meta-note", "x-cos-meta-note",
            "x-obs-meta-note", "x-ms-meta-note", "x-goog-meta-note", "x-object-meta-note", "x-amz-tagging", "x-ms-tags",
        )
    ]
    + [
        pytest.param(Request(headers={"x-note": "1101 0519 4912 3100 2X"}), "1101 0519 4912 3100 2X", id="in groups"),
        pytest.param(Request(headers={"x-note": "".join(f"%{ord(c):02x}" for c in ID)}), ID, id="percent escapes"),
        pytest.param(Request(headers={"x-note": "%E7%BB%9D%E5%AF%86"}), "绝密", id="words"),
        pytest.param(Request(headers={f"x-{ID.lower()}": "a"}), ID.lower(), id="name of a header"),
        pytest.param(Request(query=f"a={B64}"), B64, id="base64 with pluses in the query"),
        pytest.param(Request(query=f"a={base64.b64encode(gzip.compress(LIST)).decode()}"), "", id="gzip in the query"),
        pytest.param(Request(path=f"/a/{B64.replace('/', '_')}"), f"\n{B64.replace('/', '_')}", id="base64 in the path"),
    ],
)  # fmt: skip
def test_head_is_read(request_, found):
    assert is_telling(request_)
    assert found in texts(request_)


def test_file_in_the_query_is_a_piece():
    packed = base64.b64encode(gzip.compress(LIST)).decode()
    pieces = read_request(Request(query=f"a=1&f={packed}"), b"", limits=Limits())
    assert gzip.compress(b"")[:3] in [bytes(piece.data)[:3] for piece in pieces if piece.field == "query"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"authorization": f"Bearer {ID}"}, id="credentials"),
        pytest.param({"cookie": f"session={ID}"}, id="cookie"),
        pytest.param({"x-request-id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}, id="UUID"),
        pytest.param(
            {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0"}, id="browser"
        ),
        pytest.param({"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}, id="types"),
    ],
)
def test_ordinary_head_is_not_read(headers):
    request = Request(path="/index.html", headers=headers)
    assert not is_telling(request)
    assert [piece.field for piece in read_request(request, b"", limits=Limits())] == ["path"]


@pytest.mark.parametrize(
    ("disposition", "extra"),
    [
        pytest.param(f"; {name}={ID}", "", id=name) for name in ("size", "filelength", "creation-date", "other")
    ]
    + [
        pytest.param("", f"\r\n{line}", id=line.partition(":")[0])
        for line in (
            f"Content-Type: text/plain; note={ID}", f"Content-ID: <{ID}>", f"MIME-Version: {ID}", f"Digest: {ID}",
            f"Content-Length: {ID}", f"X-Note: {ID}",
        )
    ],
)  # fmt: skip
def test_labels_of_a_part_are_read(disposition, extra):
    part = f'--XX\r\nContent-Disposition: form-data; name="f"; filename="a"{disposition}{extra}\r\n\r\nhi\r\n--XX--\r\n'
    assert ID in texts(Request(headers={"content-type": "multipart/form-data; boundary=XX"}), part.encode())
