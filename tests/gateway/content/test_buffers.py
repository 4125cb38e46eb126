"""Searching and reading buffers in place."""

import io

import pytest

from gateway.content.buffers import BufferReader, file_over, find, rfind

MEGABYTE = 1 << 20


@pytest.mark.parametrize("kind", [bytes, memoryview], ids=["bytes", "view"])
@pytest.mark.parametrize(
    ("data", "needle", "first", "last"),
    [
        pytest.param(b"a.b.c", b".", 1, 3, id="twice"),
        pytest.param(b"abc", b".", -1, -1, id="nowhere"),
        pytest.param(b"", b".", -1, -1, id="empty"),
        pytest.param(b"." + bytes(3 * MEGABYTE), b".", 0, 0, id="three windows back"),
        pytest.param(bytes(MEGABYTE - 2) + b"PK\x05\x06" + bytes(MEGABYTE), b"PK\x05\x06", 1048574, 1048574, id="edge"),
        pytest.param(bytes(MEGABYTE) + b"x(a|b)", b"(a|b)", 1048577, 1048577, id="not a pattern"),
    ],
)
def test_find_and_rfind(kind, data, needle, first, last):
    assert find(kind(data), needle) == first
    assert rfind(kind(data), needle) == last


def test_find_starts_where_told():
    assert find(b"aXbX", b"X", 2) == 3


def test_file_over_view_reads_and_seeks():
    file = file_over(memoryview(b"0123456789"))
    assert file.read(3) == b"012"
    assert file.seek(-2, io.SEEK_END) == 8
    assert file.read() == b"89"
    assert file.read() == b""
    file.seek(4)
    assert file.seek(1, io.SEEK_CUR) == 5
    assert file.read(1) == b"5"
    assert file.tell() == 6


def test_file_over_bytes_reads_and_reader_never_goes_before_the_start():
    assert file_over(b"abc").read() == b"abc"
    reader = BufferReader(memoryview(b"abc"))
    assert (reader.readable(), reader.seekable(), reader.seek(-5), reader.tell()) == (True, True, 0, 0)
