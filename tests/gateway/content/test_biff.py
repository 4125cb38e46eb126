"""Cells of legacy Excel workbooks."""

import struct

import pytest

from gateway.content.biff import workbook_rows
from gateway.errors import LimitError
from gateway.limits import Limits


def record(kind, body):
    return struct.pack("<2H", kind, len(body)) + body


BOF, OLD_BOF = record(0x809, struct.pack("<2H", 0x600, 5)), record(0x809, struct.pack("<2H", 0x500, 5))


def label(row, column, words, *, wide=True):
    content = words.encode("utf-16-le" if wide else "latin-1")
    return record(0x204, struct.pack("<4HB", row, column, 0, len(words), wide) + content)


def number(row, column, value):
    return record(0x203, struct.pack("<3Hd", row, column, 0, value))


def rk(row, column, packed):
    return record(0x27E, struct.pack("<3HL", row, column, 0, packed))


def shared(row, column, index):
    return record(0xFD, struct.pack("<3HL", row, column, 0, index))


def sst(*strings, more=()):
    return record(0xFC, struct.pack("<2L", 9, 9) + b"".join(strings)) + b"".join(record(0x3C, each) for each in more)


def string(words, *, flags=1, lead=b"", tail=b""):
    content = words.encode("utf-16-le" if flags & 1 else "latin-1")
    return struct.pack("<HB", len(words), flags) + lead + content + tail


def rows(*records, **limits):
    return workbook_rows(b"".join(records), Limits(**limits))


@pytest.mark.parametrize(
    ("records", "text"),
    [
        pytest.param([BOF, label(0, 0, "姓名"), label(0, 1, "x", wide=False)], "姓名\tx", id="labels"),
        pytest.param([OLD_BOF, record(0x204, struct.pack("<4H", 0, 0, 0, 4) + "姓名".encode("gb18030"))], "姓名", id="BIFF5"),
        pytest.param([BOF, number(0, 0, 13800138000.0), number(0, 1, 2.5)], "13800138000\t2.5", id="numbers"),
        pytest.param([BOF, number(0, 0, 1e300), number(1, 0, float("nan"))], "1e+300\nnan", id="odd numbers"),
        pytest.param([rk(0, 0, 1234 << 2 | 2), rk(0, 1, 1250 << 2 | 3)], "1234\t12.5", id="RK integers"),
        pytest.param([rk(0, 0, 0x40590000), rk(0, 1, 0x40590001)], "100\t1", id="RK doubles"),
        pytest.param([rk(0, 0, 0xFFFFFFFE)], "-1", id="negative RK"),
        pytest.param(
            [record(0xBD, struct.pack("<2HHLHLH", 3, 1, 0, 1 << 2 | 2, 0, 2 << 2 | 2, 2))], "\t1\t2", id="several RK"
        ),
        pytest.param([record(0x06, struct.pack("<3HdL", 0, 0, 0, 7.0, 0))], "7", id="formula"),
        pytest.param([record(0x06, struct.pack("<3H6xHL", 0, 0, 0, 0xFFFF, 0))], "", id="formula that gives no number"),
        pytest.param([sst(string("姓名"), string("ab", flags=0)), shared(0, 0, 1), shared(0, 1, 0)], "ab\t姓名", id="shared"),
        pytest.param([sst(string("a")), shared(0, 0, 5)], "", id="no such shared string"),
        pytest.param(
            [sst(string("ab", flags=9, lead=b"\x01\x00", tail=bytes(4)), string("cd")), shared(0, 0, 1)], "cd", id="formatting runs"
        ),
        pytest.param(
            [sst(string("ab", flags=5, lead=struct.pack("<L", 6), tail=bytes(6)), string("cd")), shared(0, 0, 1)], "cd", id="phonetics"
        ),
        pytest.param(
            [sst(struct.pack("<HB", 4, 1) + "合同".encode("utf-16-le"), more=[b"\x00ab" + string("z")]), shared(0, 0, 0), shared(0, 1, 1)],
            "合同ab\tz",
            id="string over two records",
        ),
        pytest.param([sst(string("ab"), more=[string("cd")]), shared(0, 0, 1)], "cd", id="string in the next record"),
        pytest.param([sst(struct.pack("<HB", 9, 1) + b"a\0"), shared(0, 0, 0)], "a", id="string cut off"),
        pytest.param([sst(b"\x01"), shared(0, 0, 0)], "", id="head cut off"),
        pytest.param([sst(string("ab", flags=9, lead=b"\x09\x00"), more=[bytes(4)]), shared(0, 0, 0)], "ab", id="runs cut off"),
        pytest.param([sst(string("ab", flags=9, lead=b"")[:3]), shared(0, 0, 0)], "", id="count of runs cut off"),
        pytest.param([number(0, 0, 1.0), number(0, 70, 2.0), number(2, 1, 3.0)], "1" + "\t" * 64 + "2\n\t3", id="gaps"),
        pytest.param([label(0, 0, "two\nlines")], "two lines", id="lines in a cell"),
        pytest.param([record(0x203, b"short"), record(0x203, b"shorter"), record(0x204, b"shorter")], "", id="short records"),
        pytest.param([record(0x809, b""), record(0xFD, b"short")], "", id="empty records"),
        pytest.param([b"no records at all"], "", id="something else"),
        pytest.param([b""], "", id="empty"),
    ],
)  # fmt: skip
def test_rows(records, text):
    assert rows(*records) == text


def test_repeated_shared_string_is_over_a_limit():
    with pytest.raises(LimitError, match="max_text_chars"):
        rows(sst(string("x" * 50)), *[shared(n, 0, 0) for n in range(9)], max_text_chars=300)
