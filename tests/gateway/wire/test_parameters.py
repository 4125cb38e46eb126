"""Header values with parameters: read as every server reads them, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import MalformedError
from gateway.wire.parameters import charset_of, media_type, parse_parameters


@pytest.mark.parametrize(
    ("value", "word", "parameters"),
    [
        pytest.param(b"", "", {}, id="empty"),
        pytest.param(b"Form-Data", "form-data", {}, id="word alone"),
        pytest.param(b'form-data; name="a"', "form-data", {"name": b"a"}, id="quoted"),
        pytest.param(
            b"form-data; name=a; FileName=b.txt", "form-data", {"name": b"a", "filename": b"b.txt"}, id="bare"
        ),
        pytest.param(
            b'form-data; name="media";filename="x"; filelength=6',
            "form-data",
            {"name": b"media", "filename": b"x", "filelength": b"6"},
            id="as the WeCom manual writes it",
        ),
        pytest.param(b'form-data ;\tname = "a" ; ', "form-data", {"name": b"a"}, id="blanks everywhere"),
        pytest.param(b"form-data;; name=a;", "form-data", {"name": b"a"}, id="empty parameters"),
        pytest.param(b"form-data; name=a; name=a", "form-data", {"name": b"a"}, id="twice the same"),
        pytest.param(rb'form-data; name="a\"b\\c"', "form-data", {"name": b'a"b\\c'}, id="escapes"),
        pytest.param(rb'x; filename="C:\dir\a.txt"', "x", {"filename": rb"C:\dir\a.txt"}, id="Windows path"),
        pytest.param(rb"x; filename=C:\dir\a.txt", "x", {"filename": rb"C:\dir\a.txt"}, id="bare Windows path"),
        pytest.param(b"x; filename=my file.txt", "x", {"filename": b"my file.txt"}, id="bare with blank"),
        pytest.param(b'x; filename="a;b=c"', "x", {"filename": b"a;b=c"}, id="semicolon in quotes"),
        pytest.param('x; filename="合"'.encode("gbk"), "x", {"filename": b"\xba\xcf"}, id="raw GBK"),
        pytest.param(b'x; filename=""', "x", {"filename": b""}, id="empty value"),
        pytest.param(b"x; filename=", "x", {"filename": b""}, id="empty bare value"),
        pytest.param(b"x; filename*0=a; filename*1*=%41", "x", {"filename*0": b"a", "filename*1*": b"%41"}, id="stars"),
    ],
)
def test_parse(value: bytes, word: str, parameters: dict[str, bytes]) -> None:
    assert parse_parameters(value, "part") == (word, parameters)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"name=a; filename=b", id="parameter in the place of the type"),
        pytest.param(b'x; name="a', id="open quote"),
        pytest.param(rb'x; name="a\"', id="quote closed only without escape"),
        pytest.param(b'x; name="a"b', id="text after the quote"),
        pytest.param(b'x; name="a" filename="b"', id="no semicolon"),
        pytest.param(b'x; name=a"b"', id="quote inside a bare value"),
        pytest.param(b"x; name", id="no value"),
        pytest.param(b"x; =a", id="no name"),
        pytest.param(b"x; na me=a", id="blank in the name"),
        pytest.param(b"x; name=a; NAME=b", id="twice with two values"),
        pytest.param('x; 名="a"'.encode(), id="name of other characters"),
    ],
)
def test_refused(value: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_parameters(value, "part")
    assert caught.value.what == "part"


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("text/plain", "text/plain", id="bare"),
        pytest.param(" Application/JSON ; charset=utf-8", "application/json", id="with parameter"),
        pytest.param("application/vnd.ms-excel", "application/vnd.ms-excel", id="vendor"),
        pytest.param("", "", id="none"),
        pytest.param("file", "", id="no subtype"),
        pytest.param("text/plain, text/html", "", id="two at once"),
        pytest.param("te xt/plain", "", id="blank inside"),
        pytest.param("a/" + "b" * 101, "", id="too long"),
    ],
)
def test_media_type(content_type: str, expected: str) -> None:
    assert media_type(content_type) == expected


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_only_malformed_is_raised(value: bytes) -> None:
    try:
        _, parameters = parse_parameters(b"x; a=" + value, "part")
    except MalformedError:
        return
    assert all(name == name.lower() for name in parameters)


@settings(deadline=None)
@given(st.binary(max_size=40).filter(lambda raw: b"\\" not in raw and b'"' not in raw))
def test_quoted_value_is_kept(value: bytes) -> None:
    assert parse_parameters(b'x; a="' + value + b'"', "part")[1] == {"a": value}


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("text/plain", (), id="none"),
        pytest.param("text/plain; charset=utf-8", ("utf-8",), id="one"),
        pytest.param('text/plain;charset = "GBK" ;x', ("GBK",), id="quoted, with blanks"),
        pytest.param("text/plain; Charset='a',b; xcharset=c", ("a", "c"), id="every one that a server may find"),
    ],
)
def test_charset_of(content_type: str, expected: tuple[str, ...]) -> None:
    assert charset_of(content_type) == expected
