"""Whatever a common server reads of a body, the reader of the wire has among its pieces, or it refuses the body."""

from __future__ import annotations

import base64
import re
from email.header import decode_header, make_header
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ContentError
from gateway.limits import Limits
from gateway.parts import Piece
from gateway.transfer import Request
from gateway.wire.body import read_request
from tests.samples.nasty_bodies import NASTY, Body
from tests.support.upload_parsers import RUNTIMES, Read, UploadParser

LIMITS = Limits()


@pytest.fixture(scope="module", params=list(RUNTIMES))
def server(request, tmp_path_factory):
    parser = UploadParser(request.param, tmp_path_factory.mktemp(request.param))
    assert not parser.missing, f"{parser.missing} is missing (make setup-test)"
    with parser:
        yield request.param, parser


def parsers_of(server: tuple[str, UploadParser]) -> list[str]:
    return list(server[1].runtime.paths)


def ours(body: Body) -> list[Piece] | None:
    """What we read; None when we refuse."""
    headers = (
        {"content-type": body.content_type.strip().decode("utf-8", "surrogateescape")} if body.content_type else {}
    )
    try:
        return list(read_request(Request(headers=headers), body.data, limits=LIMITS))
    except ContentError:
        return None


def unseen(found: list[Read], pieces: list[Piece]) -> list[str]:
    """What a server read and we did not."""
    contents = {bytes(piece.data) for piece in pieces}
    told = "\n".join([f"{piece.name}\n{piece.field}" for piece in pieces])
    texts = told + "\n" + "\n".join(bytes(piece.data).decode("utf-8", "replace") for piece in pieces)
    if any(is_disguised(piece) for piece in pieces):
        # It is not cut at its `&`: a value of some length stands in what is inspected, others nobody can tell from chance.
        runs = [ascii_of(content) for content in contents]
        values = [ascii_of(unquote_to_bytes(read.content)) for read in found]
        return [repr(value) for value in values if len(value) >= 16 and not any(value in run for run in runs)]
    missing = []
    for read in found:
        if read.content and read.content not in contents and not is_lossy(read, contents):
            missing.append(f"content {read.content[:80]!r} of {read.name!r}")
        missing += [f"name {name!r}" for name in (read.name, read.file_name) if name and not is_told(name, texts)]
    return missing


def is_disguised(piece: Piece) -> bool:
    """Whether a body labelled a form does not start as one."""
    is_form = piece.field == "body" and piece.declared_type == "application/x-www-form-urlencoded"
    return is_form and re.match(rb"[!-<>-~]*=", piece.data) is None


def is_lossy(read: Read, contents: set[bytes]) -> bool:
    """Whether a field's text is ours but for what the server could not decode or left escaped, and a file's content
    ours but encoded again (formidable gives a base64 file so)."""
    if read.file_name is not None:
        return False
    return any(
        ascii_of(unquote_to_bytes(read.content)) in {ascii_of(content), base64.b64encode(content)}
        for content in contents
    )


def ascii_of(content: bytes) -> bytes:
    """What any decoding leaves alone."""
    return re.sub(rb"[\x00-\x20\x7f-\xff]+", b"", content)


def is_told(name: str, texts: str) -> bool:
    """Whether the name, or what the server left of it, stands in what we inspect."""
    bare = re.sub(r"[\s\\\"']", "", texts)
    readings = {name, unquote(name), unquote(name, encoding="gb18030"), *encoded_words(name)}
    # What Starlette and busboy call Latin-1 are the bytes as they came.
    readings |= {name.encode("latin-1", "replace").decode(charset, "replace") for charset in ("utf-8", "gb18030")}
    if any(reading in texts or re.sub(r"[\s\\\"']", "", reading) in bare for reading in readings):
        return True
    # PHP writes `_` for what it does not want in a name and counts in `[]`; what is not decoded is replaced.
    # Of two bytes that are one letter in GBK the second may be ASCII.
    words = re.split(r"[^a-zA-Z0-9.-]+", re.sub(r"\ufffd+.?|\[\d+\]|^\d$", " ", name))
    return all(word in texts or word in bare for word in words)


def encoded_words(name: str) -> set[str]:
    """RFC 2047 undone."""
    return {str(make_header(decode_header(name)))} if "=?" in name else set()


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in NASTY.items()])
def test_nasty(server, body):
    pieces = ours(body)
    if pieces is None:
        return
    for parser in parsers_of(server):
        assert unseen(server[1].read(parser, body.content_type, body.data), pieces) == [], parser


MARKS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"--", b"-", b"--b", b"\r\n--b", b"\r\n--b\r\n", b"\r\n--b--", b"\r\n--b--\r\n",
    b"\n--b\r\n", b"b", b" ", b"\t", b"\0", b'"', b"\\", b":", b";", b"=", b",", b"%", b"'", b"*", b"\xe5", b"\xff",
    b"Content-Disposition: form-data; ", b'; name="z"', b'; filename="z.txt"', b"; filename=z", b"; filename*=UTF-8''z.txt",
    b'; filename*0="z"', b"Content-Type: text/plain", b"; charset=utf-7", b"Content-Type: multipart/mixed; boundary=c\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"X-Y: ", b"data",
)  # fmt: skip
NAMES = st.sampled_from(
    [b'name="a"', b'name="f"; filename="x.txt"', b"name=f; filename=x.txt", b"name=\"f\"; filename*=UTF-8''%E5%90%88.txt",
     b'name="f"; filename="C:\\dir\\x.txt"', b'name="a[b]"', b'filename="x.txt"; name="f"', b'name="f"; filename=""',
     'name="件"; filename="合同.txt"'.encode(), 'name="f"; filename="合同.txt"'.encode("gbk"), b'name="f";filename="a b.txt"']
)  # fmt: skip
EXTRA = st.sampled_from(
    [b"", b"", b"Content-Type: text/plain\r\n", b"Content-Type: application/octet-stream\r\n", b"Content-Length: 5\r\n",
     b"Content-Type: text/plain; charset=gbk\r\n", b"Content-Transfer-Encoding: binary\r\n", b"X-Y: z\r\n"]
)  # fmt: skip
CONTENT = st.lists(st.sampled_from([*MARKS, b"id 11010519491231002X", b"PK\x03\x04", b"aWQ="]), max_size=4).map(
    b"".join
)


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """A form of one to three parts; most of them with a few bytes put in, taken out or put in the place of others."""
    rows = [
        b"--b\r\nContent-Disposition: form-data; "
        + draw(NAMES)
        + b"\r\n"
        + draw(EXTRA)
        + b"\r\n"
        + draw(CONTENT)
        + b"\r\n"
        for _ in range(draw(st.integers(1, 3)))
    ]
    body = b"".join(rows) + b"--b--\r\n"
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.sampled_from([b"", *MARKS])) + body[at + draw(st.sampled_from([0, 0, 1, 2, 4])) :]
    kind = draw(
        st.sampled_from(
            [b"multipart/form-data; boundary=b", b'multipart/form-data; boundary="b"', b"multipart/mixed; boundary=b"]
        )
    )
    return Body("", kind, body)


@st.composite
def pairs(draw: st.DrawFn) -> Body:
    """An urlencoded body, or nearly one."""
    atom = st.sampled_from([b"a", b"id", b"11010519491231002X", b"%31", b"%", b"%E5%90%88", b"+", b" ", b"=", b";", b"[", b"]", b"\0", b"\n", b"\xe5\x90\x88", b"\xb1\xb1"])  # fmt: skip
    text = st.lists(atom, max_size=4).map(b"".join)
    data = b"&".join(draw(text) + b"=" + draw(text) for _ in range(draw(st.integers(1, 3))))
    label = draw(
        st.sampled_from([b"application/x-www-form-urlencoded", b"application/x-www-form-urlencoded; charset=gbk"])
    )
    return Body("", label, data)


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(body=bodies() | pairs())
def test_made_up(server, body):
    pieces = ours(body)
    if pieces is None:
        return
    for parser in parsers_of(server):
        assert unseen(server[1].read(parser, body.content_type, body.data), pieces) == [], parser
