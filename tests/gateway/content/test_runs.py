"""Runs of characters in binary data."""

import os

import pytest

from gateway.content.runs import WINDOW_BYTES, text_runs

ZH = "客户合同"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"\x00\x01abcd\x00", ["abcd"], id="ascii"),
        pytest.param(b"\x00abc\x00", [], id="too short"),
        pytest.param(b"\x00" + ZH.encode("gb18030") + b"\x00", [ZH], id="gb18030"),
        pytest.param(b"\x01\x00" + ZH.encode("utf-16-le") + b"\x00\x01", [ZH], id="utf-16 at an even offset"),
        pytest.param(b"\x01" + ZH.encode("utf-16-le") + b"\x00", [ZH], id="utf-16 at an odd offset"),
        pytest.param("abcd".encode("utf-16-le"), ["abcd"], id="ascii in utf-16"),
        pytest.param(b"\x00name\x07phone\x07\rnext\r\x00", ["name\tphone\t\nnext\n"], id="Word's cells and paragraphs"),
        pytest.param(b"\x00" + "13800138000，张三".encode("utf-16-le"), ["13800138000，张三"], id="mixed"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_text_runs(data, expected):
    found = text_runs(data)
    assert all(each in found.split("\n\n") or each in found for each in expected)
    assert bool(found) is bool(expected)
    assert text_runs(memoryview(data)) == found


def test_ascii_read_two_bytes_at_a_time_is_no_second_run():
    assert text_runs(b"these are plain words in a row") == "these are plain words in a row"


def test_run_over_the_edge_of_a_window_is_found_whole():
    data = bytes(WINDOW_BYTES - 10) + b"0123456789abcdefghij" + bytes(50)
    assert "0123456789abcdefghij" in text_runs(data)


def test_noise_gives_little():
    assert len(text_runs(os.urandom(200_000))) < 60_000
