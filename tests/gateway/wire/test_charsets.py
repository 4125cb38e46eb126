"""Labels of character sets: what a believing server reads is read too; what would hide a form's own framing is refused."""

from __future__ import annotations

import pytest

from gateway.errors import LimitError, UnsupportedError
from gateway.limits import Limits
from gateway.wire.charsets import codec_of, form_codec, transcoded

ID = "11010519491231002X"


@pytest.mark.parametrize(
    ("content_type", "codec"),
    [
        pytest.param("text/plain", "", id="none"),
        pytest.param("text/plain; charset=", "", id="empty"),
        pytest.param("text/plain; charset=utf-8", "", id="UTF-8"),
        pytest.param('text/plain; charset="UTF8"', "", id="UTF-8, quoted"),
        pytest.param("text/plain; charset=us-ascii", "", id="ASCII"),
        pytest.param("text/plain; charset=ISO-8859-1", "", id="Latin-1"),
        pytest.param("application/json; charset=undefined", "", id="placeholder"),
        pytest.param("text/plain;charset=GBK;x=1", "gbk", id="GBK"),
        pytest.param("text/plain; charset=gb2312", "gb2312", id="GB 2312"),
        pytest.param("text/plain; CharSet='GB18030'", "gb18030", id="GB 18030, single quotes"),
        pytest.param("text/plain; charset=x-gbk", "gb18030", id="label of the web"),
        pytest.param("text/plain; charset=UTF-16LE", "utf_16_le", id="UTF-16LE"),
        pytest.param("text/plain; charset=utf-7", "utf_7", id="UTF-7"),
        pytest.param("text/plain; charset=IBM037", "cp037", id="EBCDIC"),
        pytest.param("text/plain; charset=gbk; charset=GBK", "gbk", id="one twice"),
        pytest.param("text/plain; charset=utf-8; charset=ascii", "", id="two that change nothing"),
    ],
)
def test_codec_of(content_type: str, codec: str) -> None:
    assert codec_of(content_type) == codec


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("text/plain; charset=IBM1047", id="EBCDIC without a decoder here"),
        pytest.param("text/plain; charset=SCSU", id="compressed"),
        pytest.param("text/plain; charset=martian", id="nobody's"),
        pytest.param("text/plain; charset=rot13", id="no text"),
        pytest.param("text/plain; charset=hex", id="bytes"),
        pytest.param("text/plain; charset=idna", id="slow decoder"),
        pytest.param("text/plain; charset=unicode_escape", id="escapes"),
        pytest.param("text/plain; charset=gbk; charset=big5", id="two"),
    ],
)
def test_codec_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedError):
        codec_of(content_type)


@pytest.mark.parametrize("charset", ["gbk", "big5", "shift_jis", "euc-kr", "koi8-r", "windows-1251"])
def test_form_codec(charset: str) -> None:
    assert form_codec(f"multipart/form-data; charset={charset}") == codec_of(f"a/b; charset={charset}") != ""


@pytest.mark.parametrize(
    "charset", ["utf-7", "utf-16", "utf-32-be", "hz", "iso-2022-jp", "iso-2022-kr", "cp037", "cp500"]
)
def test_form_codec_refused(charset: str) -> None:
    with pytest.raises(UnsupportedError):
        form_codec(f"multipart/form-data; charset={charset}")


@pytest.mark.parametrize(
    ("codec", "data", "text"),
    [
        pytest.param("utf_7", b"+ADEAMQ-0", b"110", id="UTF-7"),
        pytest.param("cp037", ID.encode("cp037"), ID.encode(), id="EBCDIC"),
        pytest.param("utf_16_le", ID.encode("utf-16-le"), ID.encode(), id="UTF-16"),
        pytest.param("gbk", "编号".encode("gbk"), "编号".encode(), id="GBK"),
        pytest.param("gbk", b"\xff1", "\N{REPLACEMENT CHARACTER}1".encode(), id="damaged"),
        pytest.param("utf_16_le", b"1\0\0", b"1\xef\xbf\xbd", id="cut"),
        pytest.param("utf_7", b"+2AA-", b"?", id="lone surrogate"),
        pytest.param("gbk", b"plain", None, id="nothing changes"),
        pytest.param("", b"plain", None, id="no codec"),
        pytest.param("gbk", b"", None, id="no bytes"),
    ],
)
def test_transcoded(codec: str, data: bytes, text: bytes | None) -> None:
    found = transcoded(data, codec, limits=Limits())
    assert (None if found is None else bytes(found)) == text


def test_windows_do_not_cut_characters() -> None:
    text = "编" * 100_001
    found = transcoded(memoryview(b"a" + text.encode("gbk")), "gbk", limits=Limits())
    assert found == b"a" + text.encode()


def test_output_is_limited() -> None:
    with pytest.raises(LimitError):
        transcoded("编".encode("gbk") * 1000, "gbk", limits=Limits(max_decoded_bytes=2000))
