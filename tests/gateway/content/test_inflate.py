"""Every codec, whole and broken, and the meter over them."""

import bz2
import lzma
import os
import zlib

import pytest
import zstandard

from gateway.content.inflate import (
    CHUNK_BYTES,
    StreamDecoder,
    ZlibDecoder,
    ZstdDecoder,
    gathered,
    metered,
    raw_lzma,
    raw_lzma2,
)
from gateway.content.reading import Budget
from gateway.errors import LimitError, MalformedError
from gateway.limits import MIB, Limits

WORDS = "会议纪要 and some words 0123456789\n".encode() * 1000
NOISE = os.urandom(700_000)
LONG = bytes(5 * MIB)
RAW_LZMA = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
RAW_LZMA2 = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
LZMA_PROPERTIES = bytes([93]) + (1 << 16).to_bytes(4, "little")


def deflate(data):
    codec = zlib.compressobj(6, zlib.DEFLATED, -15)
    return codec.compress(data) + codec.flush()


CODECS = {
    "deflate": (lambda _: ZlibDecoder("t", -15), deflate),
    "zlib": (lambda _: ZlibDecoder("t", 15), zlib.compress),
    "gzip": (lambda _: ZlibDecoder("t", 31), lambda data: zlib.compress(data, wbits=31)),
    "bzip2": (lambda _: StreamDecoder("t", bz2.BZ2Decompressor()), bz2.compress),
    "xz": (lambda _: StreamDecoder("t", lzma.LZMADecompressor()), lzma.compress),
    "zstd": (lambda _: ZstdDecoder("t"), zstandard.ZstdCompressor().compress),
    "lzma": (
        lambda size: raw_lzma("t", LZMA_PROPERTIES, size),
        lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=RAW_LZMA),
    ),
    "lzma2": (
        lambda size: raw_lzma2("t", bytes([8]), size),
        lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=RAW_LZMA2),
    ),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("content", [b"", b"a", WORDS, NOISE, LONG], ids=["empty", "one", "words", "noise", "long"])
def test_codec_gives_the_content_back_in_bounded_chunks(codec, content):
    make, pack = CODECS[codec]
    packed = pack(content)
    decoder = make(len(content))
    chunks = list(decoder.chunks(memoryview(packed + b"TAIL")))
    assert b"".join(chunks) == content
    assert all(0 < len(chunk) <= 34 * MIB for chunk in chunks)
    if codec != "lzma":  # which leaves it to its container to say where it ends
        assert decoder.consumed_bytes == len(packed)


@pytest.mark.parametrize("codec", [name for name in CODECS if name not in {"lzma", "lzma2"}])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99], ids=["nothing", "a third", "nearly all"])
def test_cut_off_stream_is_malformed(codec, keep):
    make, pack = CODECS[codec]
    packed = pack(WORDS)
    with pytest.raises(MalformedError, match="end too early"):
        list(make(len(WORDS)).chunks(packed[: int(len(packed) * keep)]))


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_stream_is_malformed(codec):
    make, _ = CODECS[codec]
    with pytest.raises(MalformedError):
        list(make(9).chunks(b"\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" * 3))


@pytest.mark.parametrize("kind", ["deflate", "bzip2", "xz"])
def test_chunks_never_pass_a_megabyte_however_dense(kind):
    make, pack = CODECS[kind]
    assert max(map(len, make(0).chunks(pack(bytes(40 * MIB))))) <= CHUNK_BYTES


def test_xz_that_wants_too_much_memory_is_over_a_limit():
    packed = lzma.compress(b"a", preset=9)
    decoder = StreamDecoder("xz", lzma.LZMADecompressor(memlimit=MIB))
    with pytest.raises(LimitError, match="max_dictionary_bytes"):
        list(decoder.chunks(packed))


@pytest.mark.parametrize(
    ("make", "properties", "size", "error"),
    [
        pytest.param(raw_lzma, bytes([225, 0, 0, 1, 0]), 10, MalformedError, id="lzma: impossible first byte"),
        pytest.param(raw_lzma, bytes([44, 0, 0, 1, 0]), 10, MalformedError, id="lzma: lc and lp too large"),
        pytest.param(raw_lzma, bytes([93, 0, 0, 0, 255]), 1 << 33, LimitError, id="lzma: dictionary"),
        pytest.param(raw_lzma2, bytes([41]), 10, MalformedError, id="lzma2: impossible byte"),
        pytest.param(raw_lzma2, bytes([40]), 1 << 33, LimitError, id="lzma2: dictionary"),
    ],
)
def test_impossible_properties(make, properties, size, error):
    with pytest.raises(error):
        make("t", properties, size)


def test_huge_dictionary_for_small_content_is_fine():
    packed = lzma.compress(b"abc", lzma.FORMAT_RAW, filters=RAW_LZMA)
    decoder = raw_lzma("t", bytes([93, 255, 255, 255, 255]), 3)
    assert b"".join(decoder.chunks(packed)) == b"abc"


@pytest.mark.parametrize(
    ("limits", "packed_bytes", "limit"),
    [
        pytest.param(Limits(max_member_bytes=2 * MIB), 10 * MIB, "max_member_bytes", id="member"),
        pytest.param(Limits(max_unpacked_bytes=2 * MIB), 10 * MIB, "max_unpacked_bytes", id="upload"),
        pytest.param(Limits(max_decode_ratio=10), MIB // 2, "max_decode_ratio", id="growth"),
        pytest.param(Limits(max_decode_ratio=10), 0, "max_decode_ratio", id="growth of nothing"),
    ],
)
def test_meter_stops_at_each_limit(limits, packed_bytes, limit):
    passed = []
    with pytest.raises(LimitError) as caught:
        passed.extend(metered([bytes(MIB)] * 12, packed_bytes=packed_bytes, limits=limits, budget=Budget()))
    assert caught.value.limit == limit


def test_meter_takes_nothing_when_all_is_used_up():
    taken = iter([b"a"])
    with pytest.raises(LimitError, match="max_unpacked_bytes"):
        list(metered(taken, packed_bytes=1, limits=Limits(max_unpacked_bytes=5), budget=Budget(unpacked_bytes=6)))
    assert next(taken) == b"a"


def test_meter_lets_pass_what_is_small_however_dense():
    budget = Budget()
    passed = list(metered([bytes(MIB)] * 8, packed_bytes=1, limits=Limits(), budget=budget))
    assert len(passed) == 8
    assert budget.unpacked_bytes == 8 * MIB


def test_gathered_keeps_what_came_before_an_error():
    def failing():
        yield b"a"
        yield b"b"
        raise MalformedError("t", "x")

    content, problem = gathered(failing())
    assert content == b"ab"
    assert str(problem) == "t: x"
    assert gathered([b"whole"]) == (b"whole", None)
    assert gathered([]) == (b"", None)
