"""`.Z` files, by compress and by hand."""

import os

import pytest

from gateway.content import lzw
from gateway.content.lzw import LzwDecoder
from gateway.errors import LimitError, MalformedError, UnsupportedError
from tests.samples.archives import piped

WORDS = ("合同编号 0001 第一条\n" * 3000).encode()
NUMBERS = b"".join(b"%d,%d\n" % (number, number * number) for number in range(60_000))
NOISE = os.urandom(100_000)


def unpacked(data):
    decoder = LzwDecoder("compress")
    content = b"".join(decoder.chunks(data))
    assert decoder.consumed_bytes == len(data)
    return content


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize(
    "content",
    [WORDS, NUMBERS, NOISE[:9000], NUMBERS + NOISE + NUMBERS, b"", b"a", b"a" * 9000],
    ids=["words", "numbers", "noise", "table emptied", "nothing", "byte", "one byte"],
)
def test_what_compress_writes(bits, content):
    assert unpacked(piped(content, "compress", "-c", "-f", "-b", str(bits))) == content


def test_it_may_come_in_pieces():
    packed = piped(WORDS, "compress", "-c")
    assert b"".join(LzwDecoder("compress").pumped([packed[:7], packed[7:]])) == WORDS


def codes(*values, mode=0x90):
    bits = sum(value << 9 * index for index, value in enumerate(values))
    return b"\x1f\x9d" + bytes([mode]) + bits.to_bytes(-(-9 * len(values) // 8), "little")


@pytest.mark.parametrize(
    ("data", "content"),
    [
        pytest.param(codes(97, 98), b"ab", id="two letters"),
        pytest.param(codes(97, 257), b"aaa", id="a word that is being made"),
        pytest.param(codes(97, 256, mode=0x10), b"aaa", id="without block mode 256 is a word"),
        pytest.param(codes(97, 98, 256), b"ab", id="emptied at the end"),
    ],
)
def test_codes(data, content):
    assert unpacked(data) == content


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x1f\x9d", id="magic only"),
        pytest.param(b"\x1f\x9d\x88aaa", id="eight bits"),
        pytest.param(b"\x1f\x9d\x91aaa", id="17 bits"),
        pytest.param(b"\x1f\x8b\x90aaa", id="gzip"),
        pytest.param(codes(257), id="first code is a word"),
        pytest.param(codes(97, 300), id="a word that is not there"),
    ],
)
def test_damage(data):
    with pytest.raises(MalformedError):
        unpacked(data)


def test_codes_of_9_bits_are_named():
    with pytest.raises(UnsupportedError, match="9 bits"):
        unpacked(piped(WORDS, "compress", "-c", "-b", "9"))


def test_words_are_bounded(monkeypatch):
    monkeypatch.setattr(lzw, "MAX_TABLE_BYTES", 10_000)
    with pytest.raises(LimitError, match="max_dictionary_bytes"):
        unpacked(piped(b"a" * 100_000, "compress", "-c"))
