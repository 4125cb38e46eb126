"""Which encoding bytes are in."""

import os

import pytest

from gateway.content.encodings import bom_encoding, encodings, is_textual, may_be_gb18030

ZH = "甲方与乙方签订合同，客户姓名张三，电话号码13800138000。"
TW = "甲方與乙方簽訂合約，客戶姓名張三，電話號碼0912345678。"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"\xef\xbb\xbfa", ("utf-8", 3), id="utf-8"),
        pytest.param(b"\xff\xfea\x00", ("utf-16-le", 2), id="utf-16-le"),
        pytest.param(b"\xfe\xff\x00a", ("utf-16-be", 2), id="utf-16-be"),
        pytest.param(b"\xff\xfe\x00\x00a\x00\x00\x00", ("utf-32-le", 4), id="utf-32-le"),
        pytest.param(b"\x00\x00\xfe\xff\x00\x00\x00a", ("utf-32-be", 4), id="utf-32-be"),
        pytest.param(b"\x84\x31\x95\x33a", ("gb18030", 4), id="gb18030"),
        pytest.param(b"a", ("", 0), id="none"),
        pytest.param(b"", ("", 0), id="empty"),
    ],
)
def test_bom_encoding(data, expected):
    assert bom_encoding(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"plain ascii", True, id="ascii"),
        pytest.param(ZH.encode(), True, id="utf-8"),
        pytest.param(ZH.encode("gb18030"), True, id="gb18030"),
        pytest.param(TW.encode("big5"), True, id="big5"),
        pytest.param(ZH.encode("utf-8-sig"), True, id="utf-8 with BOM"),
        pytest.param(ZH.encode("utf-16"), True, id="utf-16 with BOM"),
        pytest.param(ZH.encode("utf-16-le"), True, id="utf-16-le"),
        pytest.param(ZH.encode("utf-16-be"), True, id="utf-16-be"),
        pytest.param(ZH.encode("utf-32-le"), True, id="utf-32-le"),
        pytest.param(ZH.encode("utf-32"), True, id="utf-32 with BOM"),
        pytest.param("plain ascii".encode("utf-16-le"), True, id="ascii in utf-16"),
        pytest.param("café déjà vu".encode("cp1252"), True, id="cp1252"),
        pytest.param(b"\x1b[31mcolour\x1b[0m", True, id="terminal colours"),
        pytest.param(b"x" * 500 + b"\x00", True, id="one NUL in much text"),
        pytest.param(bytes(range(256)), False, id="every byte"),
        pytest.param(b"\x00" * 100, False, id="zeros"),
        pytest.param(b"\xff\xfe" + os.urandom(1024), False, id="a BOM before noise"),
        pytest.param(b"\xef\xbb\xbf" + bytes(range(256)), False, id="a UTF-8 BOM before every byte"),
        pytest.param(bytes.fromhex("0001020304050607") * 20, False, id="controls"),
    ],
)
def test_is_textual(data, expected):
    assert is_textual(data) is expected
    assert is_textual(memoryview(data)) is expected


def test_noise_is_not_text():
    assert not any(is_textual(os.urandom(4096)) for _ in range(50))


@pytest.mark.parametrize(
    ("data", "first"),
    [
        pytest.param(ZH.encode("gb18030"), "gb18030", id="gb18030"),
        pytest.param(b"x" * 9999 + ZH.encode("gb18030"), "gb18030", id="gb18030 after much ascii"),
        pytest.param(b"x" * 9998 + ZH.encode("gb18030"), "gb18030", id="gb18030 at an even offset"),
        pytest.param(TW.encode("big5"), "big5", id="big5"),
        pytest.param(ZH.encode("utf-16-le"), "utf-16-le", id="utf-16-le"),
        pytest.param(ZH.encode("utf-16-be"), "utf-16-be", id="utf-16-be"),
        pytest.param(ZH.encode("utf-32-be"), "utf-32-be", id="utf-32-be"),
        pytest.param(ZH.encode("utf-16-le") + b"x", "utf-16-le", id="odd length"),
        pytest.param(ZH.encode() + b"\xff" + ZH.encode(), "utf-8", id="utf-8 with one bad byte"),
        pytest.param("déjà vu, café, naïve, 100 £".encode("cp1252"), "cp1252", id="cp1252"),
        pytest.param(bytes(range(256)), "utf-8", id="no text: the fallback"),
    ],
)
def test_encodings(data, first):
    assert encodings(data)[0] == first


def test_short_text_keeps_every_reading_that_is_close():
    assert {"gb18030", "utf-16-le"} & set(encodings("绝密".encode("gb18030")))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param("平台".encode("gb18030"), True, id="hanzi that are valid UTF-8"),
        pytest.param("合同".encode(), False, id="hanzi"),
        pytest.param(b"ascii", False, id="ascii"),
        pytest.param("привет всем".encode(), True, id="Cyrillic, kept both ways"),
        pytest.param("平台".encode("gb18030") * 2000, False, id="too long to be chance"),
    ],
)
def test_may_be_gb18030(data, expected):
    assert may_be_gb18030(data, data.decode()) is expected
