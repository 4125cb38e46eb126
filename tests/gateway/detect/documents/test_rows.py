"""Lines as rows of a table."""

import pytest

from gateway.detect.documents.rows import MAX_LINE_CHARS, Row, cells_of, line_at, rows_below, separator_of


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [("ab\ncd\nef", 4, (3, 5)), ("ab", 1, (0, 2)), ("ab\ncd", 4, (3, 5)), ("", 0, (0, 0))],
)
def test_line_at(text: str, offset: int, expected: tuple[int, int]) -> None:
    assert line_at(text, offset) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("客户\t电话,手机", "\t"),
        ("| 客户 | 电话 |", "|"),
        ("客户,电话", ","),
        ("客户;电话", ";"),
        ("客户，电话", "，"),
        ("客户、电话", "、"),
        ("客户 电话", " "),
        ("客户", " "),
    ],
)
def test_separator_of(line: str, expected: str) -> None:
    assert separator_of(line) == expected


@pytest.mark.parametrize(
    ("line", "separator", "expected"),
    [
        ("a,b,,c", ",", ("a", "b", "", "c")),
        ('"a,b",c', ",", ("a,b", "c")),
        ('"a,b', ",", ("a,b",)),
        ('a,"b ""quoted"" c",d', ",", ("a", 'b ""quoted"" c', "d")),
        ("| a | **b** |", "|", ("a", "b")),
        ("\ufeffa\tb\r", "\t", ("a", "b")),
        ("a\t\tb\t", "\t", ("a", "", "b", "")),
        ("客户，电话", "，", ("客户", "电话")),
        ("  a   b ", " ", ("a", "b")),
        ("１３９,ｂ", ",", ("139", "b")),
        ("", ",", ("",)),
    ],
)
def test_cells_of(line: str, separator: str, expected: tuple[str, ...]) -> None:
    assert cells_of(line, separator) == expected


def test_rows_below_have_no_cells_where_a_line_is_a_rule_or_blank() -> None:
    rows = list(rows_below("h,h\na,b\n---|---\n\nc,d", 4, ","))
    assert rows == [
        Row(4, 7, ("a", "b")),
        Row(8, 15, ()),
        Row(16, 16, ()),
        Row(17, 20, ("c", "d")),
    ]


def test_a_line_beyond_the_bound_is_read_up_to_it() -> None:
    rows = list(rows_below("x" * (MAX_LINE_CHARS + 5) + ",b\nc,d", 0, ","))
    assert [len(row.cells) for row in rows] == [1, 2]
    assert rows[0].end == MAX_LINE_CHARS + 7
