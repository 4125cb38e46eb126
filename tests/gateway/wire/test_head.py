"""Path, query and headers are inspected too, and name what a raw body carries."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import LimitError
from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.head import body_name, head_pieces, is_telling


def pieces(request: Request) -> list[tuple[str, bytes]]:
    found = list(head_pieces(request, limits=Limits()))
    assert all(not piece.is_file and not piece.name for piece in found)
    return [(piece.field, bytes(piece.data)) for piece in found]


PACKED = b"PK\x03\x04" + bytes(range(60))


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        pytest.param("/", "", [("path", b"/")], id="path alone"),
        pytest.param("", "", [], id="nothing"),
        pytest.param("/%E5%90%88.txt", "", [("path", "/合.txt".encode())], id="escaped path"),
        pytest.param("/a%252Fb", "", [("path", b"/a/b")], id="escaped twice, as GitLab clients do"),
        pytest.param("/100%", "", [("path", b"/100%")], id="lone percent"),
        pytest.param("/a", "q=x+y&p=%2B86", [("path", b"/a"), ("query", b"q=x y&p=+86")], id="query"),
        pytest.param(
            "/a", "q=%25E5%2590%2588", [("path", b"/a"), ("query", "q=合".encode())], id="query escaped twice"
        ),
        pytest.param("/\udcff", "", [("path", b"/\xff")], id="raw byte"),
        pytest.param("/\ud83d", "", [("path", b"/?")], id="half a character"),
    ],
)
def test_path_and_query(path: str, query: str, expected: list[tuple[str, bytes]]) -> None:
    assert pieces(Request(path=path, query=query)) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("slug", "a%20b", b"a%20b\na b", id="escaped"),
        pytest.param("slug", "ab", b"ab", id="nothing to decode"),
        pytest.param("x-amz-meta-note", "%E5%90%88", "%E5%90%88\n合".encode(), id="S3 metadata"),
        pytest.param("x-file-name", "\udcba\udccf", b"\xba\xcf", id="raw GBK"),
        pytest.param(
            "dropbox-api-arg", '{"path":"/\\u5408"}', '{"path":"/\\u5408"}\npath: /合\n'.encode(), id="Dropbox"
        ),
        pytest.param("dropbox-api-arg", "{}", b"{}", id="Dropbox, no strings"),
        pytest.param("upload-metadata", "filename 5ZCI,x", "filename 5ZCI,x\nfilename: 合".encode(), id="tus"),
        pytest.param(
            "content-disposition",
            "attachment; filename*=utf-8''%E5%90%88",
            "attachment; filename*=utf-8''%E5%90%88\n合\nattachment; filename*=utf-8''合".encode(),
            id="Content-Disposition",
        ),
        pytest.param("x-ms-meta-note", "note", b"note", id="Azure metadata"),
        pytest.param("x-goog-meta-a", "=?UTF-8?B?5ZCI?=", "=?UTF-8?B?5ZCI?=\n合".encode(), id="encoded word"),
        pytest.param("mail-upload-size", "5", b"5", id="Mail-Upload-*"),
        pytest.param("x-qqmail-filename", "a", b"a", id="QQ Mail"),
        pytest.param("x-oss-tagging", "k=%E5%90%88", "k=%E5%90%88\nk=合".encode(), id="tags"),
        pytest.param("trailer:x-note", "a", b"a", id="trailer field"),
        pytest.param("x-any", "MTEwMTA1MTk0OTEyMzEwMDJY", b"MTEwMTA1MTk0OTEyMzEwMDJY\n11010519491231002X", id="base64"),
        pytest.param("x-any", "%31%31", b"%31%31\n11", id="escaped digits"),
        pytest.param("content-disposition", 'attachment; x="', b'attachment; x="\n', id="damaged Content-Disposition"),
    ],
)
def test_headers(name: str, value: str, expected: bytes) -> None:
    assert pieces(Request(path="", headers={name: value})) == [(f"header:{name}", expected)]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"user-agent": "x", "authorization": "y", "cookie": "z"}, id="headers of other use"),
        pytest.param({"slug": ""}, id="empty"),
        pytest.param({"x-token": "9kC8dQ1m0cJ2r7LwZ5vXfA=="}, id="token"),
        pytest.param({"x-name": "bm90aGluZyBvZiB2YWx1ZSBoZXJl"}, id="base64 of plain words"),
        pytest.param({"authorization": "MTEwMTA1MTk0OTEyMzEwMDJY"}, id="the service's own credentials"),
    ],
)
def test_headers_that_are_no_pieces(headers: dict[str, str]) -> None:
    assert pieces(Request(path="", headers=headers)) == []


def test_json_header_is_limited() -> None:
    request = Request(headers={"dropbox-api-arg": "[" * 101})
    with pytest.raises(LimitError):
        list(head_pieces(request, limits=Limits()))


@pytest.mark.parametrize(
    ("headers", "path", "query", "expected"),
    [
        pytest.param({}, "/a/b.txt", "", ("b.txt", False), id="path"),
        pytest.param({}, "/%E5%90%88.txt", "", ("合.txt", False), id="escaped path"),
        pytest.param({}, "/a%2Fb.txt", "", ("b.txt", False), id="escaped slash"),
        pytest.param({}, "/drive/root:/a/b.txt:/content", "", ("b.txt", False), id="Graph"),
        pytest.param({}, "/upload/", "", ("", False), id="folder"),
        pytest.param({}, "/u", "name=n&filename=f&file_name=%E5%90%88", ("合", False), id="query, best first"),
        pytest.param({}, "/u", "path=/apps/x/c.txt", ("c.txt", False), id="Baidu"),
        pytest.param({}, "/u", "name=", ("u", False), id="empty query value"),
        pytest.param({}, "/u", "name=a/", ("u", False), id="query value that is a folder"),
        pytest.param({"x-file-name": "%E5%90%88.txt"}, "/u", "name=n", ("合.txt", True), id="X-File-Name"),
        pytest.param({"x-file-name": "\udcba\udccf"}, "/u", "", ("合", True), id="X-File-Name in raw GBK"),
        pytest.param({"dropbox-api-arg": '{"path": "/\udcba\udccf"}'}, "/u", "", ("合", True), id="Dropbox in raw GBK"),
        pytest.param(
            {"dropbox-api-arg": '{"path": "/\\ud83d"}'}, "/u", "", ("?", True), id="Dropbox, half a character"
        ),
        pytest.param({}, "/u", "name=%BA%CF", ("合", False), id="query in GBK"),
        pytest.param({"slug": "C:\\x\\s.txt"}, "/u", "", ("s.txt", True), id="Slug"),
        pytest.param({"upload-metadata": "name bg==,filename 5ZCI"}, "/u", "", ("合", True), id="tus"),
        pytest.param({"upload-metadata": "name bg=="}, "/u", "", ("n", True), id="tus, other key"),
        pytest.param({"upload-metadata": "is_private, ,x ?"}, "/u", "", ("u", False), id="tus, no name"),
        pytest.param({"dropbox-api-arg": '{"path": "/x/\\u5408"}'}, "/2/files/upload", "", ("合", True), id="Dropbox"),
        pytest.param({"dropbox-api-arg": '{"path": 1}'}, "/u", "", ("u", False), id="Dropbox, path is no string"),
        pytest.param({"dropbox-api-arg": "[1]"}, "/u", "", ("u", False), id="Dropbox, no object"),
        pytest.param({"dropbox-api-arg": '{"x": 1}'}, "/u", "", ("u", False), id="Dropbox, no path"),
        pytest.param({"dropbox-api-arg": "{"}, "/u", "", ("u", False), id="Dropbox, no JSON"),
        pytest.param({"dropbox-api-arg": "[" * 100_000}, "/u", "", ("u", False), id="Dropbox, too deep"),
        pytest.param(
            {"content-disposition": 'attachment; filename="d.txt"', "x-file-name": "x"},
            "/u",
            "",
            ("d.txt", True),
            id="Content-Disposition goes first",
        ),
        pytest.param({"content-disposition": "inline"}, "/u", "", ("u", False), id="Content-Disposition, no name"),
        pytest.param(
            {"content-disposition": 'x; filename="'}, "/u", "", ("u", False), id="Content-Disposition, damaged"
        ),
    ],
)
def test_body_name(headers: dict[str, str], path: str, query: str, expected: tuple[str, bool]) -> None:
    assert body_name(Request(path=path, query=query, headers=headers)) == expected


ANY_TEXT = st.text(st.characters(), max_size=20) | st.text(st.characters(categories=["Cs"]), max_size=3)


@settings(deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_body_name_never_raises(path: str, query: str, value: str) -> None:
    headers = dict.fromkeys(["content-disposition", "dropbox-api-arg", "upload-metadata", "slug"], value)
    name, _ = body_name(Request(path=path, query=query, headers=headers))
    assert "/" not in name
    assert name.encode() or not name
    assert all(isinstance(data, bytes) for _, data in pieces(Request(path=path, query=query, headers=headers)))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(Request(path="/index.html", headers={"accept": "*/*"}), False, id="page"),
        pytest.param(Request(path="/", query="q=1"), True, id="query"),
        pytest.param(Request(path="/%41"), True, id="escape in the path"),
        pytest.param(Request(path="/", headers={"slug": "a"}), True, id="header that names"),
        pytest.param(Request(path="/", headers={"trailer:a": "a"}), True, id="trailer"),
        pytest.param(Request(path="/", headers={"x-110105194912310021": "a"}), True, id="header whose name tells"),
    ],
)
def test_is_telling(request_: Request, expected: bool) -> None:
    assert is_telling(request_) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("{}", [PACKED], id="alone"),
        pytest.param('W/"{}"', [PACKED], id="in a tag"),
        pytest.param("a={}; b={}", [PACKED, PACKED], id="two"),
        pytest.param("x{}", [], id="not from its start"),
        pytest.param("UEsDB short", [], id="short"),
    ],
)
def test_archives_in_any_header(value: str, expected: list[bytes]) -> None:
    """A few kilobytes fit into a header, and hold what hundreds of lines say."""
    request = Request(path="/", headers={"x-any": value.replace("{}", b64encode(PACKED).decode())})
    assert [data for field, data in pieces(request) if field == "header"] == expected
    assert is_telling(request) is bool(expected)


def test_a_header_name_that_tells_is_text() -> None:
    assert pieces(Request(path="", headers={"x-110105194912310021": "a"})) == [("header", b"x-110105194912310021\na")]


def test_query_values_that_are_files() -> None:
    value = "data:text/plain,%2541"
    found = pieces(Request(path="", query=f"a={value}{'b' * 64}"))
    assert found[1:] == [("query", b"A" + b"b" * 64)]


def test_query_with_pluses_that_may_be_base64() -> None:
    query = "a=" + "b+" * 20 + "c" * 24
    assert pieces(Request(path="", query=query))[0] == (
        "query",
        b"a=" + b"b " * 20 + b"c" * 24 + b"\n" + query.encode(),
    )
