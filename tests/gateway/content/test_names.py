"""Names as text."""

import pytest

from gateway.content.names import decodings, names_text
from gateway.parts import Text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"a.txt", ("a.txt",), id="ascii"),
        pytest.param(b"", ("",), id="empty"),
        pytest.param("合同.txt".encode(), ("合同.txt",), id="utf-8, not shown in other ways"),
        pytest.param("绝密".encode("gb18030"), ("绝密", "橈躇", "╛├▄"), id="gb18030 and what else it may be"),
        pytest.param(b"\xff.txt", ("\xa0.txt",), id="only cp437 has it"),
    ],
)
def test_decodings(raw, expected):
    assert decodings(raw)[0] == expected[0]
    assert len(decodings(raw)) == len(expected)


def test_names_text_is_one_line_each_without_repeats():
    assert names_text(["a", "b", "a", ""]) == (Text("a\nb", "names"),)
    assert names_text([""]) == ()
