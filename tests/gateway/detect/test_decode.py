import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detect import decode
from gateway.detect.detector import View
from gateway.detect.matcher import Matcher

MATCHER = Matcher((*decode.TRIGGERS, decode.BASE64))


@pytest.mark.parametrize(
    ("text", "plain", "trigger"),
    [
        pytest.param("tel%3A138%30", "tel:1380", decode.PERCENT, id="percent"),
        pytest.param("%E6%9C%BA%E5%AF%86", "机密", decode.PERCENT, id="percent, UTF-8"),
        pytest.param("%FF%41", "\ufffdA", decode.PERCENT, id="percent, no UTF-8"),
        pytest.param("1&#50;&#x33;", "123", decode.ENTITY, id="entities"),
        pytest.param("a&lt;b", "a<b", decode.ENTITY, id="named entity"),
        pytest.param("\\u673a\\u5bc6", "机密", decode.ESCAPE, id="backslash u"),
        pytest.param("\\ud83d\\ude00", "\U0001f600", decode.ESCAPE, id="surrogate pair"),
        pytest.param("\\ud83d!", "\ufffd!", decode.ESCAPE, id="half a pair"),
        pytest.param("\\xe6\\x9c\\xba", "机", decode.ESCAPE, id="backslash x"),
    ],
)
def test_undo_escapes(text, plain, trigger):
    assert decode.undo_escapes(text)[0] == plain
    assert trigger in MATCHER.scan_text(text).ends


@pytest.mark.parametrize("text", ["", "100 %", "a & b; c", "\\n\\t", "%zz", "&toolongforaname;", "\\u12"])
def test_no_escapes(text):
    assert decode.undo_escapes(text) == ("", ())


def test_escape_offsets_lead_back():
    plain, origin = decode.undo_escapes("ab%31%32cd")
    view = View(plain, origin=origin)
    assert plain == "ab12cd"
    assert view.source(2, 4) == (2, 8)
    assert view.source(3, 4) == (2, 8)
    assert view.source(4, 6) == (8, 10)


def encoded(text, encoding="utf-8"):
    return base64.b64encode(text.encode(encoding)).decode()


def undo(text):
    return decode.undo_base64(text, MATCHER.scan_text(text).ends.get(decode.BASE64, ()))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param(encoded("13800138000 is his number"), "13800138000 is his number\n", id="ASCII"),
        pytest.param(encoded("客户身份证号码清单"), "客户身份证号码清单\n", id="UTF-8"),
        pytest.param(encoded("客户身份证号码清单一览表格", "gb18030"), "客户身份证号码清单一览表格\n", id="GB18030"),
        pytest.param(encoded("powershell text", "utf-16-le"), "powershell text\n", id="UTF-16"),
        pytest.param(encoded("a.b?c>d~e" * 4).replace("+", "-").replace("/", "_"), "a.b?c>d~e" * 4 + "\n", id="URL-safe"),
        pytest.param(encoded("line " * 30)[:76] + "\n" + encoded("line " * 30)[76:], "line " * 30 + "\n", id="wrapped"),
        pytest.param(f'"{encoded("one is twenty-four long")}","{encoded("two is twenty-four long")}"',
                     "one is twenty-four long\ntwo is twenty-four long\n", id="two runs"),
        pytest.param(encoded("cut behind some character")[:-3], "cut behind some characte\n", id="cut"),
    ],
)  # fmt: skip
def test_undo_base64(text, plain):
    assert undo(text)[0] == plain


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("short", id="short"),
        pytest.param("550e8400-e29b-41d4-a716-446655440000", id="UUID"),
        pytest.param("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", id="digest"),
        pytest.param("/usr/local/lib/python3/site-packages/gateway", id="path"),
        pytest.param("thequickbrownfoxjumpsoverthelazydog", id="word"),
        pytest.param(base64.b64encode(random.Random(1).randbytes(600)).decode(), id="picture"),
        pytest.param("aGVsbG8AAAAAAAAAAAAAAAAAAAAAAAAAAAAA", id="zeros"),
    ],
)
def test_no_base64(text):
    assert undo(text) == ("", ())


def test_base64_offsets_lead_back():
    run = encoded("13800138000 is his number")
    plain, origin = undo(f"x {run} y")
    assert View(plain, origin=origin).source(0, 11) == (2, 2 + len(run.rstrip("=")))


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        pytest.param("1 3 8 0 0 1 3 8 0 0 0", "13800138000\n", id="spaces"),
        pytest.param("tel: 1-3-8-0-0-1-3-8-0-0-0.", "tel: 13800138000.\n", id="hyphens"),
        pytest.param("1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X 男", "11010519491231002X 男\n", id="check letter"),
        pytest.param("电话一三八零零一三八零零零", "电话13800138000\n", id="numerals"),
        pytest.param("幺三八〇〇幺三八〇〇〇", "13800138000\n", id="numerals as spoken"),
        pytest.param("壹叁捌零零壹叁捌零零零", "13800138000\n", id="numerals of cheques"),
        pytest.param("1 2 3", "", id="few"),
        pytest.param("1 2 3 4 5 6 7 8 9 0 " * 5, "", id="a table of digits"),
        pytest.param("12 34 56 78 90 12 34 56 78 90 12", "", id="pairs"),
    ],
)
def test_join_digits(text, joined):
    assert decode.join_digits(text, spaced=True, numerals=True)[0] == joined


def test_join_digits_looks_where_it_is_told():
    text = "1 3 8 0 0 1 3 8 0 0 0 一三八零零一三八零零零"
    assert decode.join_digits(text, spaced=False, numerals=False) == ("", ())
    assert decode.join_digits(text, spaced=True, numerals=False)[0].startswith("13800138000 一三八")
    assert decode.join_digits(text, spaced=False, numerals=True)[0].endswith("13800138000\n")


def test_joined_offsets_lead_back():
    plain, origin = decode.join_digits("tel 1 3 8 0 0 1 3 8 0 0 0 end", spaced=True, numerals=False)
    view = View(plain, origin=origin)
    assert plain == "tel 13800138000 end\n"
    assert view.source(4, 15) == (4, 25)
    assert view.source(0, 3) == (0, 3)
    assert view.source(16, 19) == (26, 29)


@given(st.text(alphabet="%3A1&#x;\\uf0 amp=+/Zm9v"))
def test_hostile_text_never_raises(text):
    places = MATCHER.scan_text(text).ends
    decode.undo_escapes(text)
    decode.undo_base64(text, places.get(decode.BASE64, ()))
    decode.join_digits(text, spaced=True, numerals=True)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param(r"\u{7edd}\u{5bc6}", "绝密", id="braces"),
        pytest.param(r"\u{d800}\u{ffffff}", "\ufffd\ufffd", id="no characters"),
        pytest.param(r"\U0001f600 \U00007edd", "😀 绝", id="eight digits"),
        pytest.param(r"\347\273\235", "绝", id="octal"),
        pytest.param(r"\061", "", id="one octal"),
    ],
)
def test_more_escapes(text, plain):
    assert decode.undo_escapes(text)[0] == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param("=E7=BB=\n=9D x", "绝 x", id="soft line break in a character"),
        pytest.param("138=\r\n0013", "1380013", id="soft line break"),
        pytest.param("=FF=FE", "\ufffd\ufffd", id="no UTF-8"),
        pytest.param("a=b; c==d", "", id="none"),
    ],
)
def test_quoted_printable(text, plain):
    assert decode.undo_quoted(text)[0] == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param(base64.b32encode("合同编号 13800138000".encode()).decode(), "合同编号 13800138000\n", id="padded"),
        pytest.param(base64.encodebytes(b"x" * 60).decode(), "", id="base64"),
        pytest.param("GEZTQMBQGEZTQMBQGAQGS4ZANBUXGIDO\nOVWWEZLS\nWords", "13800138000 is his number\n", id="lines"),
        pytest.param("A" * 40, "", id="no text"),
        pytest.param("A" * 33, "", id="odd length"),
    ],
)
def test_base32(text, plain):
    assert decode.undo_base32(text)[0] == plain
