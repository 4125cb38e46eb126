"""Text of document XML."""

import pytest

from gateway.content.xml_roles import ODF_ROLES, OOXML_ROLES
from gateway.content.xml_text import XmlText
from gateway.errors import LimitError
from gateway.limits import Limits


def collect(markup, roles=OOXML_ROLES, **limits):
    collector = XmlText(roles, Limits(**limits))
    collector.feed(f"<root xmlns:w='w'>{markup}</root>".encode())
    collector.close()
    return collector


def run(words):
    return f"<w:r><w:t>{words}</w:t></w:r>"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param(f"<w:p>{run('1380')}{run('0138000')}</w:p>", "13800138000\n", id="runs join"),
        pytest.param(f"<w:p>{run('a')}</w:p><w:p>{run('b')}</w:p>", "a\nb\n", id="paragraphs part"),
        pytest.param(f"<w:p>\n  {run('a')}\n  {run('b')}\n</w:p>", "ab\n", id="blanks between runs do not count"),
        pytest.param("<w:p><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:p>", "a\tb\nc\n", id="tab and break"),
        pytest.param("<w:p><w:t>a</w:t><w:noBreakHyphen/><w:t>b</w:t></w:p>", "a-b\n", id="hyphen"),
        pytest.param(
            "<w:p><w:sym w:char='F031'/><w:sym w:char='0032'/><w:sym w:char='zz31'/><w:sym w:font='a'/></w:p>",
            "12\n",
            id="symbols",
        ),
        pytest.param(
            "<w:p><w:instrText>a1</w:instrText><w:instrText>38</w:instrText><w:fldChar/><w:t>b</w:t></w:p>",
            "a138 b\n",
            id="field in pieces",
        ),
        pytest.param("<x:p><x:t>a</x:t></x:p>".replace("x:", ""), "a\n", id="no prefix"),
        pytest.param("<w:p><w:t>&lt;&#26426;</w:t></w:p>", "<机\n", id="entities"),
        pytest.param("<w:p><w:t><![CDATA[a<b]]></w:t></w:p>", "a<b\n", id="CDATA"),
        pytest.param(
            f"<w:tbl><w:tr><w:tc><w:p>{run('姓名')}</w:p></w:tc><w:tc><w:p>{run('电话')}</w:p></w:tc></w:tr></w:tbl>",
            "姓名\t电话\t\n",
            id="cells keep their columns",
        ),
        pytest.param(
            f"<w:tr><w:tc><w:p>{run('a')}</w:p><w:p>{run('b')}</w:p></w:tc><w:tc><w:p/></w:tc></w:tr>",
            "a b\t\t\n",
            id="paragraphs in a cell do not break the row",
        ),
        pytest.param("<c:v>12</c:v><c:v>13</c:v>".replace("c:", ""), "12\n13\n", id="chart values"),
        pytest.param("<w:p><w:posOffset>914400</w:posOffset><w:t>1</w:t></w:p>", "1\n", id="layout numbers"),
        pytest.param("<v:Text>a<v:cp/>b</v:Text>".replace("v:", ""), "ab\n", id="Visio"),
        pytest.param("<TextCode>合同</TextCode><TextCode>编号</TextCode>", "合同\n编号\n", id="OFD"),
    ],
)
def test_text_of_office_xml(markup, expected):
    assert collect(markup).text == expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("<p>a<span>b</span>c</p><h>d</h>", "abc\nd\n", id="spans join"),
        pytest.param("<p>a<s/>b<tab/>c<line-break/>d</p>", "a b\tc\nd\n", id="blanks"),
        pytest.param(
            "<table-row><table-cell><p>a</p></table-cell><covered-table-cell/></table-row>", "a\t\t\n", id="row"
        ),
        pytest.param("<p>a<note><note-body><p>n</p></note-body></note>b</p>", "an\nb\n", id="footnote"),
    ],
)
def test_text_of_opendocument(markup, expected):
    assert collect(markup, ODF_ROLES).text == expected


def test_tracked_changes_give_both_texts():
    inserted, deleted = "<w:ins><w:r><w:t>8</w:t></w:r></w:ins>", "<w:del><w:r><w:delText>9</w:delText></w:r></w:del>"
    changed = collect(f"<w:p>{run('13')}{deleted}{inserted}{run('00138000')}</w:p>")
    assert (changed.text, changed.before) == ("13800138000\n", "13900138000\n")
    assert collect(f"<w:p>{run('a')}{inserted}</w:p>").before == "a\n"
    assert collect(run("a")).before == ""


def test_long_text_comes_in_pieces_that_end_with_a_line():
    paragraph = f"<w:p>{run('1380')}{run('0138000 ' + 'x' * 1000)}</w:p>"
    collector = collect(paragraph * 2500)
    whole = collector.text
    pieces = list(collector.pieces())
    assert len(pieces) == 3
    assert "".join(pieces) == whole
    assert all(piece.endswith("\n") for piece in pieces)
    assert collector.text == ""


def test_one_long_line_is_one_piece():
    assert list(collect(run("x" * 1000) * 2500).pieces()) == ["x" * 2_500_000]


def test_shared_strings():
    collector = collect("<si><t>a</t></si><si><r><t>b</t></r><r><t>c</t></r></si><si/>")
    assert collector.items() == ["a", "bc", ""]


@pytest.mark.parametrize(
    ("markup", "aside"),
    [
        pytest.param("<x descr='a'/>", ["a"], id="alternative text"),
        pytest.param("<Glyphs UnicodeString='ab'/>", ["ab"], id="XPS"),
        pytest.param("<w:y w:val='24'/>", [], id="short value"),
        pytest.param("<w:y w:val='13800138000'/>", ["13800138000"], id="long value"),
        pytest.param("<w:y w:val='机密'/>", ["机密"], id="value that is not ASCII"),
        pytest.param("<w:y uri='http://schemas.microsoft.com/x'/>", [], id="reference"),
        pytest.param(
            "<w:y uri='urn:13800138000'/><x uri='urn:13800138000'/>", ["urn:13800138000"], id="value as reference"
        ),
        pytest.param("<w:y xmlns:z='http://schemas.microsoft.com/x'/>", [], id="namespace"),
        pytest.param("<w:y xmlns:z='urn:13800138000'/>", ["urn:13800138000"], id="value as namespace"),
        pytest.param("<n13800138000/>", ["n13800138000"], id="value as element"),
        pytest.param("<y n13800138000='1'/>", ["n13800138000"], id="value as attribute"),
        pytest.param("<Pages>24</Pages>", [], id="number of the layout"),
        pytest.param("<Pages>13800138000</Pages>", ["13800138000"], id="value as number of the layout"),
        pytest.param("<x name='a'/><y name='a'/>", ["a"], id="once"),
        pytest.param("<!-- note -->", [" note "], id="comment"),
        pytest.param("<dc:title xmlns:dc='d'> words </dc:title>", ["words"], id="loose text"),
    ],
)
def test_aside(markup, aside):
    assert list(collect(markup).aside) == aside


def test_root_and_its_hook():
    seen = []
    collector = XmlText(OOXML_ROLES, Limits(), on_root=seen.append)
    collector.feed(b"<x:sst xmlns:x='x'><x:si/></x:sst>")
    collector.close()
    assert (collector.root, seen) == ("sst", ["sst"])


@pytest.mark.parametrize(
    ("markup", "limits", "limit"),
    [
        pytest.param("<a>" * 5 + "</a>" * 5, {"max_xml_depth": 5}, "max_xml_depth", id="depth"),
        pytest.param(run("12345"), {"max_text_chars": 4}, "max_text_chars", id="text"),
        pytest.param("<w:delText>12345</w:delText>", {"max_text_chars": 4}, "max_text_chars", id="deleted text"),
        pytest.param("<x name='12345'/>", {"max_text_chars": 4}, "max_text_chars", id="attributes"),
    ],
)
def test_limits(markup, limits, limit):
    with pytest.raises(LimitError, match=limit):
        collect(markup, **limits)


def test_limits_are_inclusive():
    assert collect("<a>" * 4 + "</a>" * 4, max_xml_depth=5).text == ""
    assert collect(run("1234"), max_text_chars=4).text == "1234"
