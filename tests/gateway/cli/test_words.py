"""What terminals are given: folded by columns, nothing they would obey, times of the place."""

import json
from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from gateway.cli.words import (
    action_style,
    folds,
    in_language,
    json_line,
    language,
    local_time,
    say,
    terminal,
    visible,
)

ANY_TEXT = st.text(st.characters(codec=None))
OBEYED = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0x61C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0xD800,
]


def printed(columns: int, *pieces, is_terminal: bool = True, **options) -> str:
    file = StringIO()
    console = Console(
        file=file, width=columns, force_terminal=is_terminal, color_system=None, highlight=False, emoji=False
    )
    say(console, *pieces, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        pytest.param("", 10, [""], id="nothing"),
        pytest.param("short", 10, ["short"], id="fits"),
        pytest.param("exactly 10", 10, ["exactly 10"], id="fits exactly"),
        pytest.param("one two three", 9, ["one two ", "three"], id="at a space"),
        pytest.param("中文没有空格", 8, ["中文没有", "空格"], id="Chinese, two columns each"),
        pytest.param("中文没有，空格", 8, ["中文没", "有，空格"], id="no comma at the start of a line"),
        pytest.param("中文 abc 中文", 8, ["中文 abc ", "中文"], id="both"),
        pytest.param("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5], id="one long word"),
        pytest.param("ab " + "x" * 12, 10, ["ab ", "x" * 10, "xx"], id="long word behind a short one"),
        pytest.param("（手机号 × 10、居民", 10, ["（手机号 × ", "10、居民"], id="full-width brackets"),
    ],
)
def test_folds(text, columns, lines):
    breaks = folds(text, columns)
    assert [text[start:end] for start, end in zip([0, *breaks], [*breaks, len(text)], strict=True)] == lines


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Mn", "Me"))), st.integers(20, 80))
def test_no_line_is_wider(text, columns):
    breaks = [0, *folds(text, columns), len(text)]
    assert breaks == sorted(breaks)
    assert all(cell_len(text[start:end].rstrip()) <= columns for start, end in pairwise(breaks))


def test_paragraph_is_indented_and_labelled():
    told = printed(30, "a sentence of quite some length to fold", indent=6, label="why")
    assert told == "why   a sentence of quite some\n      length to fold\n"


def test_nothing_is_folded_into_a_file_unless_asked():
    text = "word " * 30
    assert printed(30, text, is_terminal=False) == text.rstrip() + "\n"
    assert max(len(line) for line in printed(30, text, is_terminal=False, width=30).splitlines()) <= 30


def test_styled_pieces_and_markup_are_text():
    assert printed(80, ("[red]", "bold"), " [/] :smile: \\") == "[red] [/] :smile: \\\n"


def test_hostile_text_is_written_out():
    assert printed(80, "a\x1b[2J\u202eb\n", ("\x9b", "bold")) == "a\\x1b[2J\\u202eb\\x0a\\x9b\n"


@pytest.mark.parametrize("number", OBEYED, ids=hex)
def test_nothing_is_left_that_a_terminal_obeys(number):
    char = chr(number)
    written = f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    assert visible(f"a{char}b") == f"a{written}b"
    assert visible(f"a{char}b", lines=True) == (f"a{char}b" if char in "\t\n" else f"a{written}b")


@given(ANY_TEXT)
def test_visible_text_is_text(text):
    assert visible(text).isprintable() or all(char not in "\x1b\n\r" for char in visible(text))
    visible(text).encode()


@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_json_is_exact_and_one_line(value):
    line = json_line(value)
    assert json.loads(line) == value
    assert "\n" not in line
    assert visible(line) == line


def test_chinese_stays_readable_in_json():
    assert json_line({"名": "单"}) == '{"名": "单"}'


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_language(environ, expected):
    assert language(environ) == expected


@pytest.mark.parametrize(
    ("texts", "wanted", "expected"),
    [
        ({"zh": "是", "en": "yes"}, "zh", "是"),
        ({"zh": "是", "en": "yes"}, "en", "yes"),
        ({"zh": "是"}, "en", "是"),
        ({"en": "yes"}, "zh", "yes"),
        ({}, "en", ""),
    ],
)
def test_sentence_in_a_language(texts, wanted, expected):
    assert in_language(texts, wanted) == expected


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-11-21T06:03:09.120Z", "2026-11-21 14:03:09"),
        ("2026-12-31T23:00:00Z", "2027-01-01 07:00:00"),
        ("never", "never"),
    ],
)
def test_local_time(at, shown):
    assert local_time(at) == shown


@pytest.mark.parametrize(("action", "style"), [("block", "bold red"), ("allow", "green"), ("whim", "default")])
def test_style(action, style):
    assert action_style(action) == style


def test_terminal_takes_text_as_it_is(capsys):
    terminal().print("[bold] :smile: 1")
    assert capsys.readouterr().out == "[bold] :smile: 1\n"
