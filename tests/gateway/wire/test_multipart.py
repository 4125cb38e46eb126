"""The framing of multipart bodies: what all servers read alike is separated, all else is refused."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import HTTPFile, HTTPInputError, parse_multipart_form_data
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import MultiPartParser

from gateway.errors import ContentError, LimitError, MalformedError
from gateway.limits import MIB, Limits
from gateway.wire.multipart import Multipart, boundary_of, split_multipart
from tests.samples.wire_samples import BOUNDARY, FORM_TYPE, form_part, multipart

FORM = b"multipart/form-data; boundary=b"
RELATED = b"multipart/related; boundary=b"


def split(body: bytes, content_type: bytes = FORM, *, max_parts: int = 10, limits: Limits | None = None) -> Multipart:
    return split_multipart(memoryview(body), content_type, max_parts=max_parts, limits=limits or Limits())


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param(b"multipart/form-data; boundary=abc", b"abc", id="bare"),
        pytest.param(b'multipart/form-data; charset=utf-8; Boundary="a b"', b"a b", id="quoted, other case"),
        pytest.param(b"multipart/form-data; boundary===_a/b:c?", b"==_a/b:c?", id="unquoted specials"),
        pytest.param(b"multipart/form-data; boundary=" + b"x" * 200, b"x" * 200, id="longest"),
    ],
)
def test_boundary_of(content_type: bytes, expected: bytes) -> None:
    assert boundary_of(content_type) == expected


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(b"multipart/form-data", id="none"),
        pytest.param(b"multipart/form-data; boundary=", id="empty"),
        pytest.param(b'multipart/form-data; boundary=" "', id="blank"),
        pytest.param(b'multipart/form-data; boundary="a "', id="ends in a blank"),
        pytest.param(b"multipart/form-data; boundary=" + b"x" * 201, id="too long"),
        pytest.param(b"multipart/form-data; boundary=a; boundary=b", id="two"),
        pytest.param(b"multipart/form-data; boundary=a, multipart/form-data; boundary=a", id="two headers"),
        pytest.param(b'multipart/form-data; boundary="a,b"', id="comma"),
        pytest.param(b"multipart/form-data; boundary=a; boundary*=utf-8''b", id="extended form"),
        pytest.param(b"multipart/form-data; boundary*0=a", id="continued form"),
        pytest.param("multipart/form-data; boundary=界".encode(), id="other characters"),
        pytest.param(b"multipart/form-data boundary=a", id="no semicolon"),
        pytest.param(b"text/plain, multipart/form-data; boundary=a", id="another type before"),
        pytest.param(b"multipart/form-data, text/plain; boundary=a", id="another type after"),
        pytest.param(b"x-multipart/mixed; boundary=a", id="no multipart"),
    ],
)
def test_boundary_refused(content_type: bytes) -> None:
    with pytest.raises(MalformedError):
        boundary_of(content_type)


@pytest.mark.parametrize(
    ("content_type", "body", "parts"),
    [
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b--\r\n", [({"a": b"1"}, b"x")], id="one"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b--", [({"a": b"1"}, b"x")], id="no last line end"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b--\n", [({"a": b"1"}, b"x")], id="last line end is LF"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\n\r\n--b--\r\n", [({"a": b"1"}, b"")], id="empty content"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\n\r\n\r\n--b--", [({"a": b"1"}, b"\r\n")], id="content is a line end"),
        pytest.param(FORM, b"--b--\r\n", [], id="no part, as Chromium sends an empty form"),
        pytest.param(
            FORM,
            b"\r\n--b\r\nA: 1\r\n\r\n-b\r\n-\r\n--b\r\nB: 2\r\n\r\n\n--\n\r\n--b--\r\n",
            [({"a": b"1"}, b"-b\r\n-"), ({"b": b"2"}, b"\n--\n")],
            id="content that looks a little like it",
        ),
        pytest.param(RELATED, b"--b\r\n\r\nx\r\n--b--\r\n", [({}, b"x")], id="related, no headers"),
        pytest.param(RELATED, b"--b\r\nA: 1\r\n 2\r\n\r\nx\r\n--b--", [({"a": b"1 2"}, b"x")], id="related, folded"),
        pytest.param(RELATED, b"--b\nA: 1\n\nx\r\n--b--\n", [({"a": b"1"}, b"x\r")], id="related, LF"),
    ],
)
def test_separated(content_type: bytes, body: bytes, parts: list[tuple[dict[str, bytes], bytes]]) -> None:
    found = split(body, content_type)
    assert [(section.headers, bytes(section.data)) for section in found.sections] == parts
    assert found.is_strict is not body.startswith(b"--b\n")


def test_what_stands_outside() -> None:
    found = split(b"before\r\n--b\r\nA: 1\r\n\r\nx\r\n--b--\r\nafter")
    assert (bytes(found.preamble), bytes(found.epilogue)) == (b"before", b"\r\nafter")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(FORM, b"", id="empty"),
        pytest.param(FORM, b"no boundary here", id="boundary never occurs"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx", id="no closing delimiter"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b\r\n", id="last delimiter is not closing"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b-", id="closing delimiter cut"),
        pytest.param(FORM, b"--b--\r\n--b\r\nA: 1\r\n\r\nx\r\n--b--", id="delimiter after the closing one"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b--\r\n\r\n--b--", id="two closing delimiters"),
        pytest.param(FORM, b"--b\nA: 1\n\nx\n--b--\n", id="LF only in a form"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\n--b--\r\n", id="LF before a delimiter"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r--b--\r\n", id="CR before a delimiter"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx--b\r\ny\r\n--b--\r\n", id="boundary inside a line"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--bc\r\n--b--\r\n", id="longer boundary"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--bxxB: 1\r\n\r\ny\r\n--b--\r\n", id="header in a delimiter line"),
        pytest.param(FORM, b"--b \r\nA: 1\r\n\r\nx\r\n--b--\r\n", id="blank after the first boundary"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b \r\nB: 1\r\n\r\n\r\n--b--", id="blank after a boundary"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b\nB: 1\r\n\r\n\r\n--b--", id="LF after a boundary"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\nx\r\n--b--more", id="text after the closing boundary"),
        pytest.param(FORM, b"x--b\r\nA: 1\r\n\r\nx\r\n--b--", id="preamble without line end"),
        pytest.param(FORM, b"\n--b\r\nA: 1\r\n\r\nx\r\n--b--", id="preamble is LF"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n--b--\r\n", id="headers without end"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n\r\n--b--\r\n", id="no line end of its own after the headers"),
        pytest.param(FORM, b"--b\r\n--b--\r\n", id="no part between delimiters"),
        pytest.param(FORM, b"--b\r\n\r\nA: 1\r\n\r\nx\r\n--b--", id="form part without headers"),
        pytest.param(FORM, b"--b\r\nA: 1\r\n 2\r\n\r\nx\r\n--b--", id="folded header in a form"),
        pytest.param(FORM, b"--b\r\nA: 1\n\nB: 2\r\n\r\nx\r\n--b--", id="empty LF line among headers"),
        pytest.param(RELATED, b"--b\nA: 1\n\nx\n--b\r\nB: 1\r\n\r\nx\n--b--", id="LF first, then CR LF"),
        pytest.param(RELATED, b"--b\rA: 1\r\rx\r--b--", id="CR only"),
        pytest.param(RELATED, b"--b", id="nothing after the boundary"),
    ],
)
def test_refused(content_type: bytes, body: bytes) -> None:
    with pytest.raises(MalformedError):
        split(body, content_type)


def test_parts_are_counted() -> None:
    body = b"--b\r\nA: 1\r\n\r\n\r\n" * 3 + b"--b--"
    assert len(split(body, max_parts=3).sections) == 3
    with pytest.raises(LimitError) as caught:
        split(body, max_parts=2)
    assert (caught.value.limit, caught.value.allowed) == ("max_parts", 2)


def test_header_bytes_are_limited() -> None:
    limits = Limits(max_part_header_bytes=8)
    body = b"--b\r\nA: 12345\r\n\r\nx\r\n--b--"
    assert bytes(split(body, limits=limits).sections[0].data) == b"x"
    with pytest.raises(LimitError) as caught:
        split(body.replace(b"5", b"56"), limits=limits)
    assert caught.value.limit == "max_part_header_bytes"


def test_large_content_is_not_copied() -> None:
    view = memoryview(multipart([form_part("f", bytes(8 * MIB), file_name="x")]))
    tracemalloc.start()
    try:
        found = split_multipart(view, FORM_TYPE, max_parts=1, limits=Limits())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.sections[0].data.obj is view.obj
    assert peak < MIB


CONTENT = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"-", BOUNDARY[:-1], b"a"]), max_size=8
).map(b"".join)


@settings(deadline=None)
@given(st.lists(CONTENT, max_size=5))
def test_what_a_client_builds_is_read_back(contents: list[bytes]) -> None:
    body = multipart([form_part(f"f{index}", content) for index, content in enumerate(contents)])
    assert [bytes(section.data) for section in split(body, FORM_TYPE).sections] == contents


def test_truncated_at_every_byte() -> None:
    body = multipart([form_part("a", b"1"), form_part("b", b"2", file_name="x")])
    last = len(body) - len(b"\r\n")
    for end in range(last):
        with pytest.raises(MalformedError):
            split(body[:end], FORM_TYPE)
    assert len(split(body[:last], FORM_TYPE).sections) == 2


TOKENS = [
    b"\r\n", b"\n", b"\r", b"--b", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"--", b"b", b" ", b"\r\n\r\n", b'"', b"\\", b":",
    b'Content-Disposition: form-data; name="a"', b"; filename=x", b"X: y", b"data", b"\x00",
]  # fmt: skip
SEED = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nv1\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nv2\r\n--b--\r\n'


@st.composite
def nearly_a_form(draw: st.DrawFn) -> bytes:
    body = SEED
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.sampled_from(TOKENS)) + body[at + draw(st.integers(0, 4)) :]
    return body


def read_by_werkzeug(body: bytes) -> list[bytes]:
    parser = MultiPartParser(stream_factory=lambda *_, **__: io.BytesIO())
    try:
        form, files = parser.parse(io.BytesIO(body), b"b", len(body))
    except (ValueError, HTTPException):
        return []
    return [value.encode() for values in form.listvalues() for value in values] + [
        file.read() for _, file in files.items(multi=True)
    ]


def read_by_tornado(body: bytes) -> list[bytes]:
    fields: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    try:
        parse_multipart_form_data(b"b", body, fields, files)
    except HTTPInputError:
        return []
    return [value for values in fields.values() for value in values] + [
        file.body for values in files.values() for file in values
    ]


@settings(deadline=None)
@given(nearly_a_form())
def test_other_readers_find_nothing_else(body: bytes) -> None:
    try:
        found = split(body)
    except ContentError:
        return
    ours = {bytes(section.data) for section in found.sections}
    # Tornado takes a preamble for a part.
    ours.add(bytes(found.preamble).partition(b"\r\n\r\n")[2])
    assert {*read_by_werkzeug(body), *read_by_tornado(body)} <= ours


def test_other_readers_find_the_same_in_a_proper_form() -> None:
    body = SEED
    assert read_by_werkzeug(body) == read_by_tornado(body) == [b"v1", b"v2"]
    assert [bytes(section.data) for section in split(body).sections] == [b"v1", b"v2"]
