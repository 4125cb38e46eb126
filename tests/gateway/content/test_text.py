"""Texts: decoded, and as a reader sees them."""

import pytest

from gateway.content.reading import Budget, Source
from gateway.content.text import decode, is_text_type, read_text, unescape
from gateway.errors import LimitError
from gateway.limits import Limits
from gateway.parts import Text

ZH = "甲方与乙方签订合同，客户姓名张三，电话号码13800138000。"
TW = "甲方與乙方簽訂合約，客戶姓名張三，電話號碼0912345678。"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (encoding, ZH)
        for encoding in (
            "utf-8",
            "utf-8-sig",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-32",
            "utf-32-le",
            "utf-32-be",
            "gb18030",
            "gbk",
        )
    ]
    + [("big5", TW), ("cp1252", "Das Gehalt beträgt 5000 € für Müller"), ("ascii", "plain"), ("hz", "合同与客户")],
)
def test_first_or_only_reading_is_the_right_one(encoding, text):
    readings = decode(text.encode(encoding))
    assert text in readings
    assert readings == decode(memoryview(text.encode(encoding)))
    if encoding != "hz":
        assert readings[0] == text


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param("平台".encode("gb18030"), "平台", id="GB 18030 that is valid UTF-8"),
        pytest.param("绝密".encode("gb18030"), "绝密", id="two hanzi"),
        pytest.param(ZH.encode() + b"\xff" + ZH.encode(), ZH + "\ufffd" + ZH, id="one bad byte"),
        pytest.param(ZH.encode()[:-1], ZH[:-1] + "\ufffd", id="cut off in a character"),
        pytest.param(b"abc\xba\xcf", "abc合", id="ascii and one hanzi in GB"),
        pytest.param(b"a" * 5000 + ZH.encode("gb18030"), "a" * 5000 + ZH, id="GB after much ascii"),
        pytest.param(b"a" * 500 + b"\x00" + ZH.encode(), "a" * 500 + "\x00" + ZH, id="a NUL in UTF-8"),
        pytest.param("\x1b$A:OM,\x1b(B".encode("ascii"), "合同", id="ISO 2022"),
    ],
)
def test_ambiguous_or_damaged_bytes(data, wanted):
    assert wanted in decode(data)


def test_utf8_is_one_reading_only():
    assert decode(ZH.encode()) == (ZH,)


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("text/plain", True),
        ("text/html", True),
        ("application/json", True),
        ("application/atom+xml", True),
        ("application/ld+json", True),
        ("image/svg+xml", True),
        ("application/pdf", False),
        ("image/png", False),
    ],
)
def test_is_text_type(media_type, expected):
    assert is_text_type(media_type) is expected


def read(data, media_type="text/plain", **limits):
    return read_text(Source(data, "", media_type, Limits(**limits), Budget()))


@pytest.mark.parametrize(
    ("data", "media_type", "texts"),
    [
        pytest.param(b"plain", "text/plain", [Text("plain")], id="plain"),
        pytest.param(b"1<b>3</b>", "text/html", [Text("1<b>3</b>"), Text("13", "visible")], id="HTML"),
        pytest.param(b"1<b>3</b>", "text/plain", [Text("1<b>3</b>")], id="markup in plain text stays"),
        pytest.param(b'{"a":"\\u7edd\\u5bc6"}', "application/json", [Text('{"a":"\\u7edd\\u5bc6"}'), Text('{"a":"绝密"}', "visible")], id="JSON escapes"),
        pytest.param(b"C:\\users", "text/plain", [Text("C:\\users")], id="a path is no escape"),
        pytest.param(b"", "text/plain", [Text("")], id="empty"),
    ],
)  # fmt: skip
def test_read_text(data, media_type, texts):
    reading = read(data, media_type)
    assert list(reading.texts) == texts
    assert reading.opaque is None


def test_long_text_is_read_in_windows_and_nothing_is_lost():
    lines = [f"行 {number} 13800138000\n" for number in range(200_000)]
    reading = read("".join(lines).encode())
    found = [text.text for text in reading.texts]
    assert len(found) > 1
    assert all(any(line in text for text in found) for line in (lines[0], lines[77_777], lines[-1]))


def test_text_over_the_limit_is_opaque():
    assert read(b"12345", max_text_chars=5).opaque is None
    error = read(b"123456", max_text_chars=5).opaque
    assert isinstance(error, LimitError)
    assert (error.limit, error.actual) == ("max_text_chars", 6)


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [("\\u7edd", "绝"), ("\\ud83d\\ude00", "😀"), ("\\ud83d", "\ufffd"), ("\\u12", "\\u12"), ("a", "a")],
)
def test_unescape(escaped, plain):
    assert unescape(escaped) == plain
