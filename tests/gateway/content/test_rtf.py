"""Rich text."""

import time
from contextlib import suppress

import pytest

from gateway.content.reading import Budget, Source
from gateway.content.rtf import read_rtf
from gateway.errors import LimitError
from gateway.limits import Limits


def read(body, **limits):
    data = body if isinstance(body, bytes) else b"{\\rtf1\\ansi\\ansicpg936 " + body.encode("latin-1") + b"}"
    return read_rtf(Source(data, "", "text/rtf", Limits(**limits), Budget()))


def escaped(words, encoding="gb18030"):
    return "".join(f"\\'{byte:02x}" for byte in words.encode(encoding))


@pytest.mark.parametrize(
    ("body", "visible"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("1\\b 38\\b0 0013\r\n8000", "13800138000", id="runs and lines join"),
        pytest.param("a\\par b\\line c\\tab d", "a\nb\nc\td", id="separators"),
        pytest.param("a\\cell b\\cell\\row", "a\tb\t\n", id="table"),
        pytest.param(escaped("合同编号"), "合同编号", id="GB 18030"),
        pytest.param("\\ansicpg950" + escaped("機密", "big5"), "機密", id="Big5"),
        pytest.param("\\ansicpg1252 caf\\'e9", "café", id="western"),
        pytest.param("\\'81A", "丄", id="second byte as it is"),
        pytest.param("\\u21512?\\u21516\\'3f x", "合同 x", id="Unicode with a stand-in"),
        pytest.param("\\uc0\\u21512\\u21516 x", "合同x", id="Unicode without"),
        pytest.param("\\uc2\\u21512??x{\\uc0\\u21516}\\u21512??", "合x同合", id="Unicode, by group"),
        pytest.param("\\u-10179\\'3f\\u-8704\\'3f", "\U0001f600", id="surrogates"),
        pytest.param("\\uc-1\\u21512 x", "合x", id="impossible stand-in"),
        pytest.param("a\\~b\\_c\\{d\\}\\\\", "a b-c{d}\\", id="symbols"),
        pytest.param(
            "{\\*\\fldinst HYPERLINK x}{\\v hidden}{\\deleted gone}", "HYPERLINK xhiddengone", id="hidden text"
        ),
        pytest.param("a\\", "a}", id="ends in an escape"),
        pytest.param("a}}}b", "ab", id="too many braces"),
        pytest.param("{{{a", "a", id="too few braces"),
    ],
)
def test_visible_text(body, visible):
    assert "".join(text.text for text in read(body).texts if text.location == "visible") == visible


def test_source_is_kept_and_nothing_is_no_text():
    assert read(b"{\\rtf1 x}").texts[0].text == "{\\rtf1 x}"
    assert len(read(b"{\\rtf1}").texts) == 1


def test_files_in_it_are_members():
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    reading = read(f"{{\\pict\\pngblip {png.hex()}\r\n00}}words{{\\object{{\\*\\objdata 0105 00}}{{\\result x}}}}")
    assert [(member.name, member.data) for member in reading.members] == [
        ("(object 1)", png + b"\0"),
        ("(object 2)", b"\x01\x05\x00"),
    ]
    assert reading.texts[1].text == "wordsx"


def test_group_inside_a_picture_belongs_to_it():
    (member,) = read("{\\pict{\\*\\blipuid ab}cd}").members
    assert member.data == b"\xab\xcd"


def test_limits():
    with pytest.raises(LimitError, match="max_text_chars"):
        read("words", max_text_chars=5)
    with pytest.raises(LimitError, match="max_rtf_groups"):
        read("{" * 20_000)


@pytest.mark.parametrize("unit", ["\\'41", "{", "\\u1 ", "\\", "a{", "{}", "\\abcdefghijklmnop", "{\\pict 00}"])
def test_hostile_text_takes_linear_time(unit):
    started = time.process_time()
    with suppress(LimitError):
        list(read(unit * 9_000).members)
    assert time.process_time() - started < 2
