"""lzip members."""

import pytest

from gateway.content.lzip import LzipDecoder
from gateway.errors import LimitError, MalformedError
from tests.samples.archives import piped

WORDS = ("合同编号 0001\n" * 9000).encode()
PACKED = piped(WORDS, "lzip", "-c")


def unpacked(data):
    decoder = LzipDecoder("lzip")
    return b"".join(decoder.chunks(data)), decoder.consumed_bytes


def test_what_lzip_writes():
    assert unpacked(PACKED + b"tail") == (WORDS, len(PACKED))
    assert b"".join(LzipDecoder("lzip").pumped([PACKED[:9], PACKED[9:]])) == WORDS


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"LZIP", MalformedError, id="magic only"),
        pytest.param(b"LZIP\x00" + PACKED[5:], MalformedError, id="version 0"),
        pytest.param(b"LZIP\x01\x05" + PACKED[6:], MalformedError, id="dictionary too small"),
        pytest.param(b"LZIP\x01\x1d" + PACKED[6:], LimitError, id="dictionary too large"),
        pytest.param(PACKED[:-1], MalformedError, id="trailer cut off"),
        pytest.param(PACKED[:-20] + bytes(20), MalformedError, id="wrong trailer"),
        pytest.param(PACKED[:60], MalformedError, id="cut off"),
    ],
)
def test_damage(data, error):
    with pytest.raises(error):
        unpacked(data)
