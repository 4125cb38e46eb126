"""Streams of OLE files."""

import io
import struct
import time

import olefile
import pytest

from gateway.content.ole_streams import stream_bytes
from gateway.errors import MalformedError
from tests.samples.ole import ole_bytes


def resized(size):
    """A file whose stream `a` of 5000 bytes says it has another size."""
    data = bytearray(ole_bytes({"a": b"x" * 5000}))
    position = data.find("a\0\0".encode("utf-16-le")) + 120
    assert struct.unpack_from("<Q", data, position) == (5000,)
    struct.pack_into("<Q", data, position, size)
    return bytes(data)


def read(data, count=-1):
    with olefile.OleFileIO(io.BytesIO(data)) as ole:
        return stream_bytes(ole, "a", count)


def test_whole_and_head():
    assert read(resized(5000)) == b"x" * 5000
    assert read(resized(5000), 10) == b"x" * 10
    assert read(ole_bytes({"a": b"short"}), 10) == b"short"


@pytest.mark.parametrize(
    ("size", "why"), [(5600, "cut off"), (1 << 31, "longer than the file"), (10_000, "longer than the file")]
)
def test_sizes_that_lie(size, why):
    started = time.process_time()
    with pytest.raises(MalformedError, match=why):
        read(resized(size))
    assert time.process_time() - started < 1
