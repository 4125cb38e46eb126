"""Worksheets as rows."""

import pytest

from gateway.content.sheets import SheetText, column_number
from gateway.errors import LimitError
from gateway.limits import Limits

SHARED = ["姓名", "电话", "two\nlines"]


def collect(rows, shared=SHARED, *, around="", **limits):
    sheet = SheetText(shared, Limits(**limits))
    sheet.feed(f"<worksheet xmlns:x='x'><sheetData>{rows}</sheetData>{around}</worksheet>".encode())
    sheet.close()
    return sheet


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        pytest.param(
            "<row><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>1</v></c></row>", "姓名\t电话\n", id="shared"
        ),
        pytest.param("<row><c r='A1'><v>13800138000</v></c></row>", "13800138000\n", id="number"),
        pytest.param("<row><c r='A1'><v>1.3800138E10</v></c></row>", "13800138000\n", id="number with an exponent"),
        pytest.param("<row><c r='A1'><v>1.5E-5</v></c></row>", "1.5E-5\n", id="small number"),
        pytest.param("<row><c r='A1'><v>1.55E1</v></c></row>", "1.55E1\n", id="fraction"),
        pytest.param("<row><c r='A1' t='inlineStr'><is><t>a</t></is></c></row>", "a\n", id="inline"),
        pytest.param(
            "<row><c t='inlineStr'><is><r><t>a</t></r><r><t>b</t></r></is></c></row>", "ab\n", id="inline runs"
        ),
        pytest.param("<row><c r='A1' t='str'><f>B1</f><v>x</v></c></row>", "x\n", id="formula"),
        pytest.param("<row><c r='A1' t='s'><v>2</v></c></row>", "two lines\n", id="lines in a cell"),
        pytest.param("<row><c r='A1' t='s'><v>9</v></c></row>", "9\n", id="no such shared string"),
        pytest.param("<row><c r='A1' t='s'><v>-1</v></c></row>", "-1\n", id="negative index"),
        pytest.param("<row><c r='A1' t='s'><v>²</v></c></row>", "²\n", id="digit of another kind"),
        pytest.param("<row><c r='B1'><v>1</v></c><c r='D1'><v>2</v></c></row>", "\t1\t\t2\n", id="gaps"),
        pytest.param("<row><c><v>1</v></c><c><v>2</v></c></row>", "1\t2\n", id="no references"),
        pytest.param("<row><c r='C1'><v>1</v></c><c r='A1'><v>2</v></c></row>", "\t\t1\t2\n", id="backwards"),
        pytest.param("<row><c r='AAAA1'><v>1</v></c></row>", "1\n", id="no column"),
        pytest.param("<row><c r='XFD1'><v>1</v></c></row>", "\t" * 64 + "1\n", id="far column"),
        pytest.param("<row/><row><c s='1'/></row>", "\n\n", id="empty"),
        pytest.param("<x:row><x:c r='A1'><x:v>1</x:v></x:c></x:row>", "1\n", id="prefix"),
    ],
)
def test_rows(rows, text):
    assert collect(rows).text == text


def test_used_shared_strings_are_known():
    assert collect("<row><c r='A1' t='s'><v>1</v></c></row>").used == {1}


@pytest.mark.parametrize(
    ("around", "aside"),
    [
        pytest.param("<oddHeader>&amp;C机密</oddHeader>", ["&C机密", "机密"], id="header"),
        pytest.param(
            '<oddHeader>138&amp;B0013&amp;"Arial,Bold"8000</oddHeader>',
            ['138&B0013&"Arial,Bold"8000', "13800138000"],
            id="header in pieces",
        ),
        pytest.param(
            '<row><c><f>"138"&amp;"00138000"</f></c></row>',
            ['"138"&"00138000"', '"13800138000"'],
            id="formula in pieces",
        ),
        pytest.param(
            "<row n='13800138000'><c n='13800138001' r='A1'/></row>",
            ["13800138000", "13800138001"],
            id="attributes of cells",
        ),
        pytest.param("<x13800138000 n13800138001='1'/>", ["x13800138000", "n13800138001"], id="names"),
        pytest.param(
            "<a ref='A1:XFD1048576' ht='15.600000000000001' uid='{00000000-0001-0000-0000-000000000000}'/>",
            [],
            id="layout again",
        ),
        pytest.param("<hyperlink display='shown' tooltip='tip'/>", ["shown", "tip"], id="link"),
        pytest.param("<dataValidation prompt='enter'/>", ["enter"], id="validation"),
        pytest.param("<pageMargins left='0.7500000000001'/>", [], id="layout"),
        pytest.param("<sheetPr codeName='表一'/>", ["表一"], id="not ASCII"),
        pytest.param("<!-- note -->", [" note "], id="comment"),
        pytest.param("<a>  </a>", [], id="blank"),
    ],
)
def test_aside(around, aside):
    assert list(collect("", around=around).aside) == aside


def test_formulas_are_aside():
    assert list(collect("<row><c r='A1'><f>SUM(B1)</f><v>3</v></c></row>").aside) == ["SUM(B1)"]


@pytest.mark.parametrize(
    ("rows", "limits", "limit"),
    [
        pytest.param(
            "<row><c t='s'><v>0</v></c></row>" * 40, {"max_text_chars": 99}, "max_text_chars", id="repeated string"
        ),
        pytest.param("<a>" * 5 + "</a>" * 5, {"max_xml_depth": 5}, "max_xml_depth", id="depth"),
    ],
)
def test_limits(rows, limits, limit):
    with pytest.raises(LimitError, match=limit):
        collect(rows, **limits)


@pytest.mark.parametrize(
    ("letters", "number"), [("A", 1), ("Z", 26), ("XFD", 16384), ("", 0), ("a", 0), ("AAAA", 0), ("É", 0), ("A1", 0)]
)
def test_column_number(letters, number):
    assert column_number(letters) == number
