"""gzip, bzip2, xz, zstd."""

import bz2
import gzip
import lzma
import struct
import zlib

import pytest
import zstandard

from gateway.content.reading import Budget, Source
from gateway.content.streams import read_stream
from gateway.limits import MIB, Limits
from gateway.parts import Text
from tests.samples.archives import gzip_bytes, piped, zstd_bytes

WORDS = "合同编号 0001\n".encode() * 100
TYPES = {
    "gz": "application/gzip",
    "bz2": "application/x-bzip2",
    "xz": "application/x-xz",
    "zst": "application/zstd",
    "lz4": "application/x-lz4",
    "lz": "application/x-lzip",
    "zlib": "application/zlib",
    "lzma": "application/x-lzma",
    "Z": "application/x-compress",
}
PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd_bytes,
    "lz4": lambda content: piped(content, "lz4", "-c"),
    "lz": lambda content: piped(content, "lzip", "-c"),
    "zlib": zlib.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "Z": lambda content: piped(content, "compress", "-c", "-f"),
}
IN_A_ROW = ["gz", "bz2", "xz", "zst", "lz4", "lz"]
CHECKED = [*IN_A_ROW, "zlib", "lzma"]
"""Kinds that know where they end; a `.Z` file does not."""


def read(data, kind, name="", **limits):
    return read_stream(Source(data, name, TYPES[kind], Limits(**limits), Budget()))


@pytest.mark.parametrize("kind", IN_A_ROW)
@pytest.mark.parametrize(
    ("tail", "count"),
    [(b"", 1), (bytes(1024), 1), (b"\x00\x01tail", 2)],
    ids=["nothing behind", "padding behind", "something behind"],
)
def test_streams_in_a_row_are_one_content(kind, tail, count):
    data = PACK[kind](WORDS) + PACK[kind](b"second") + tail
    members = list(read(memoryview(data), kind).members)
    assert members[0].data == WORDS + b"second"
    assert [member.opaque for member in members] == [None] * count
    assert [member.name for member in members[1:]] == ["(trailing data)"][: count - 1]


@pytest.mark.parametrize("kind", TYPES)
def test_one_stream(kind):
    (member,) = read(PACK[kind](WORDS), kind).members
    assert (member.data, member.opaque) == (WORDS, None)


@pytest.mark.parametrize("kind", CHECKED)
def test_cut_off_stream(kind):
    data = PACK[kind](WORDS * 50)
    (member,) = read(data[: len(data) // 2], kind).members
    assert member.opaque.reason == "malformed"
    if kind not in IN_A_ROW:
        return
    (member,) = read(data + PACK[kind](WORDS)[:12], kind).members
    assert member.opaque.reason == "malformed"
    assert member.data.startswith(WORDS * 50)


@pytest.mark.parametrize("kind", ["zst", "lz4"])
def test_frames_that_tools_skip_are_members(kind):
    skippable = struct.pack("<2L", 0x184D2A50, 4) + b"note"
    content, skipped = read(PACK[kind](WORDS) + skippable + PACK[kind](b"x"), kind).members
    assert (content.data, content.opaque, skipped.data) == (WORDS + b"x", None, b"note")
    (content,) = read(PACK[kind](WORDS) + skippable[:-1], kind).members
    assert (content.data, content.opaque.reason) == (WORDS, "malformed")


@pytest.mark.parametrize(
    ("kind", "name", "inner"),
    [
        ("gz", "a.txt.gz", "a.txt"),
        ("gz", "A.TGZ", "A.tar"),
        ("bz2", "a.tbz2", "a.tar"),
        ("xz", "a.tar.xz", "a.tar"),
        ("zst", "a.zst", "a"),
        ("gz", "a.bin", "(content)"),
        ("gz", "", "(content)"),
    ],
)
def test_name_of_the_content(kind, name, inner):
    (member,) = read(PACK[kind](b"x"), kind, name).members
    assert member.name == inner


def header(flags, rest):
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + rest


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        pytest.param(gzip_bytes(b"x", name="名单.txt"), (), id="name that latin-1 lacks"),
        pytest.param(gzip_bytes(b"x", name="list.txt"), (Text("list.txt", "names"),), id="name"),
        pytest.param(header(24, b"name\x00note\x00"), (Text("name\nnote", "names"),), id="name and comment"),
        pytest.param(header(4, b"\x05\x00extra"), (Text("extra", "names"),), id="extra field"),
        pytest.param(header(28, b"\x01\x00xn\x00c\x00"), (Text("x\nn\nc", "names"),), id="all"),
        pytest.param(b"\x1f\x8b", (), id="cut off"),
    ],
)
def test_words_of_a_gzip_header(data, texts):
    assert read(data, "gz").texts == texts


def test_bombs_are_over_a_limit():
    for kind, pack in PACK.items():
        (member,) = read(pack(bytes(20 * MIB)), kind).members
        assert (kind, member.opaque.limit) == (kind, "max_decode_ratio")
    (member,) = read(gzip.compress(bytes(2000)), "gz", max_member_bytes=1000).members
    assert member.opaque.limit == "max_member_bytes"


def test_zstd_that_wants_too_much_memory():
    packed = bytearray(zstandard.ZstdCompressor().compress(b"x" * 100))
    frame = b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(packed[6:])  # a window of 2 to the 41
    (member,) = read(frame, "zst").members
    assert member.opaque is not None


def test_too_many_streams_in_a_row():
    (member,) = read(gzip.compress(b"") * 100_001, "gz").members
    assert member.opaque.limit == "max_streams"
