"""Words in the syntax of a PDF."""

import pytest

from gateway.content.pdf_syntax import draws_text, string_texts, syntax_words, without_table


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        pytest.param(b"(words)", ["words"], id="literal"),
        pytest.param(b"(a (b (c) d) e)", ["a (b (c) d) e"], id="brackets"),
        pytest.param(rb"(a\)b\n\101\
c)", ["a)b\nAc"], id="escapes"),
        pytest.param(b"<776f 7264 7>", ["wordp"], id="hexadecimal"),
        pytest.param(b"% a comment", [" a comment"], id="comment"),
        pytest.param(b"/AVeryLongName /A1VeryLongName 123456789012 1.23456789012 0000000000001.5", ["A1VeryLongName", "123456789012", "0000000000001.5"], id="long words"),
        pytest.param(b"/Short 72 720 <</A 1>>", [], id="what is short"),
        pytest.param(b"(a)(unclosed", ["unclosed"][:0], id="unclosed"),
        pytest.param(b"(<p>a<b>b</b>)", ["<p>a<b>b</b>", "\nab"], id="rich text"),
    ],
)  # fmt: skip
def test_words(syntax, expected):
    assert list(syntax_words(syntax, drawn=False)) == expected


def test_drawn_text_is_joined_by_line():
    assert list(syntax_words(b"BT (wo) Tj [(r)-3<64>(s)] TJ 0 9 Td (next) Tj ET", drawn=True)) == ["words", "next"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"a", [], id="short"),
        pytest.param(b"  ", [], id="blank"),
        pytest.param("绝密".encode(), ["绝密"], id="UTF-8"),
        pytest.param("绝密".encode("gb18030"), ["绝密"], id="GB18030"),
        pytest.param("绝密".encode("utf-16-be"), ["绝密"], id="UTF-16"),
        pytest.param(b"\xfe\xff" + "绝密".encode("utf-16-be"), ["绝密"], id="UTF-16 with its mark"),
        pytest.param(b"wor\x0bds", ["wor ds"], id="controls"),
        pytest.param(b"\x00\x01words\xff", ["words"], id="words in binary"),
        pytest.param(b"\x00\x01\xff\xfe\x05", [], id="binary"),
    ],
)
def test_strings(raw, expected):
    assert list(string_texts(raw)) == expected


def test_tables_are_left_out():
    assert without_table(b"xref\n0 1\n0000000016 00000 n \ntrailer") == b"xref\n0 1\n \ntrailer"
    assert without_table(b"0000000016 00000 n") == b"0000000016 00000 n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"(a) Tj", True), (b"[(a)]TJ", True), (b"<00> ' ", True), (b"(a)", False), (b"Tj", False), (b"it's", False)],
)
def test_draws_text(content, expected):
    assert draws_text(content) is expected
