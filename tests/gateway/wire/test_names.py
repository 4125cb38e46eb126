"""File names as clients write them come out as the person who gave them reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import MalformedError
from gateway.wire.names import decode_text, file_name, last_segment, other_readings, unescaped_text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("合同.docx".encode(), "合同.docx", id="UTF-8"),
        pytest.param("合同.docx".encode("gbk"), "合同.docx", id="GBK"),
        pytest.param("㐀.txt".encode("gb18030"), "㐀.txt", id="GB 18030, four bytes"),
        pytest.param(b"caf\xe9", "café", id="Latin-1 as the last resort"),
        pytest.param(b"", "", id="empty"),
    ],
)
def test_decode_text(raw: bytes, expected: str) -> None:
    assert decode_text(raw) == expected


@settings(deadline=None)
@given(st.binary(max_size=30))
def test_decode_text_never_raises(raw: bytes) -> None:
    assert isinstance(decode_text(raw), str)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"name": b"x"}, None, id="other parameter"),
        pytest.param({"filename": b""}, "", id="empty"),
        pytest.param({"filename": b"a.txt"}, "a.txt", id="plain"),
        pytest.param({"filename": "合同.txt".encode("gbk")}, "合同.txt", id="raw GBK"),
        pytest.param({"filename": b"a%22b.txt"}, 'a"b.txt', id="quote as browsers escape it"),
        pytest.param({"filename": b"a%0D%0Ab"}, "a\r\nb", id="line break as browsers escape it"),
        pytest.param({"filename": b"100%41.txt"}, "100%41.txt", id="percent meant literally"),
        pytest.param({"filename": b"50%.txt"}, "50%.txt", id="percent without digits"),
        pytest.param({"filename": b"%E5%90%88%E5%90%8C.txt"}, "合同.txt", id="quoted as wx.qq.com does"),
        pytest.param({"filename": b"=?UTF-8?B?5ZCI5ZCM?=.txt"}, "合同.txt", id="RFC 2047, base64"),
        pytest.param({"filename": b"=?utf-8?q?=E5=90=88_a?= =?gbk?Q?=BA=CF?="}, "合 a合", id="RFC 2047, two words"),
        pytest.param({"filename": b"=?utf-8?B?5?="}, "=?utf-8?B?5?=", id="RFC 2047, damaged base64"),
        pytest.param({"filename": b"=?x-none?B?5ZCI?="}, "=?x-none?B?5ZCI?=", id="RFC 2047, unknown character set"),
        pytest.param({"filename": b"=?utf-8?B?/w==?="}, "=?utf-8?B?/w==?=", id="RFC 2047, not in its character set"),
        pytest.param({"filename*": b"UTF-8''%E5%90%88.txt"}, "合.txt", id="RFC 5987"),
        pytest.param({"filename*": b"gbk'zh'%BA%CF.txt"}, "合.txt", id="RFC 5987, GBK and a language"),
        pytest.param({"filename*": b"''%E5%90%88.txt"}, "合.txt", id="RFC 5987, empty character set"),
        pytest.param({"filename": b"_.TXT", "filename*": b"UTF-8''%E5%90%88.txt"}, "合.txt", id="extended goes first"),
        pytest.param({"filename": b"", "filename*": b"UTF-8''a.txt"}, "a.txt", id="extended beside an empty one"),
        pytest.param({"filename*0": b"long", "filename*1": b"er.txt"}, "longer.txt", id="RFC 2231, plain"),
        pytest.param(
            {"filename*0*": b"utf-8''%E5%90", "filename*1*": b"%88", "filename*2": b".txt"},
            "合.txt",
            id="RFC 2231, mixed",
        ),
    ],
)
def test_file_name(parameters: dict[str, bytes], expected: str | None) -> None:
    assert file_name(parameters) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"filename": b"a.txt", "filename*": b"UTF-8''a.exe"}, id="two types"),
        pytest.param({"filename*1": b"b", "filename*0": b"a"}, id="pieces in another order"),
        pytest.param({"filename*": b"utf-8''a", "filename*0": b"a"}, id="whole and in pieces"),
        pytest.param({"filename*": b"a.txt"}, id="no character set"),
        pytest.param({"filename*": b"utf-8'a.txt"}, id="one quote"),
        pytest.param({"filename*": b"punycode''a"}, id="character set nobody uses"),
        pytest.param({"filename*": b"iso-8859-99''a"}, id="character set that does not exist"),
        pytest.param({"filename*": b"utf-8''%FF"}, id="not in its character set"),
        pytest.param({"filename*1": b"a"}, id="continuation without start"),
        pytest.param({"filename*0": b"a", "filename*2": b"b"}, id="gap"),
        pytest.param({"filename*0": b"a", "filename*0*": b"utf-8''b"}, id="one piece in two forms"),
        pytest.param({"filename*": b"utf-8''a", "filename*0": b"b"}, id="extended and continued"),
    ],
)
def test_refused(parameters: dict[str, bytes]) -> None:
    with pytest.raises(MalformedError):
        file_name(parameters)


def test_other_parameter() -> None:
    assert file_name({"name*": b"UTF-8''%E5%90%88", "filename": b"x"}, "name") == "合"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a%20b", "a b", id="escape"),
        pytest.param("a+b", "a+b", id="plus is no blank here"),
        pytest.param("%BA%CF", "合", id="GBK"),
        pytest.param("100%", "100%", id="no escape"),
        pytest.param("合", "合", id="nothing to do"),
    ],
)
def test_percent_decoded(text: str, expected: str) -> None:
    assert unescaped_text(text) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("a.txt", "a.txt", id="bare"),
        pytest.param("/a/b/c.txt", "c.txt", id="slashes"),
        pytest.param("C:\\fakepath\\c.txt", "c.txt", id="backslashes"),
        pytest.param("/a/", "", id="folder"),
        pytest.param("", "", id="empty"),
    ],
)
def test_last_segment(path: str, expected: str) -> None:
    assert last_segment(path) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"a b.txt", [], id="nothing to undo"),
        pytest.param(rb"C:\dir\2024.txt", [], id="Windows path"),
        pytest.param(b"A&B.txt", [], id="ampersand"),
        pytest.param(
            b"&#49;&#x31;&amp;.txt", ["11&.txt"], id="character references, as Django and multiparty undo them"
        ),
        pytest.param(b"%31%31.txt", ["11.txt"], id="percent escapes"),
        pytest.param(rb"110105\19491231\002X", ["11010519491231002X"], id="number in backslashes"),
        pytest.param(b"110105 19491231\t002X", ["11010519491231002X"], id="number in blanks"),
    ],
)
def test_other_readings(raw: bytes, expected: list[str]) -> None:
    assert other_readings(raw) == expected


def test_other_readings_but_the_known() -> None:
    assert other_readings(b"a%22b", 'a"b') == []
