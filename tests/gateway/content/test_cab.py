"""Cabinets, by gcab and by hand."""

import os
import struct
import zlib

import pytest

from gateway.content.cab import read_cab
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError, MalformedError
from gateway.limits import MIB, Limits
from tests.samples.archives import cab_bytes

WORDS = ("合同编号 0001\n" * 9000).encode()
FILES = {"合同.txt": WORDS, "b.bin": os.urandom(70_000), "c.txt": WORDS[:99]}


def read(data, **limits):
    return read_cab(Source(data, "", "application/vnd.ms-cab-compressed", Limits(**limits), Budget()))


def members(data, **limits):
    return [
        (member.name, bytes(member.data), member.opaque.reason if member.opaque else "")
        for member in read(data, **limits).members
    ]


def mszip(content, before=b""):
    codec = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=before) if before else zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"CK" + codec.compress(content) + codec.flush()


def cabinet(files, blocks, *, method=0, flags=0, extra=b"", block_reserve=0, tail=b"", count=None):
    """`files`: (name, offset, size[, folder[, attributes]]); `blocks`: (packed, unpacked length)."""
    listed = b""
    for name, offset, size, *more in files:
        folder, attributes = (*more, 0, 0)[:2] if more else (0, 0)
        listed += struct.pack("<2L4H", size, offset, folder, 0, 0, attributes) + name + b"\0"
    data = b"".join(struct.pack("<L2H", 0, len(raw), size) + bytes(block_reserve) + raw for raw, size in blocks)
    first = 36 + len(extra) + 8
    head = struct.pack(
        "<4s5L2B5H", b"MSCF", 0, 0, 0, first, 0, 3, 1, 1, len(files) if count is None else count, flags, 0, 0
    )
    return head + extra + struct.pack("<L2H", first + len(listed), len(blocks), method) + listed + data + tail


@pytest.mark.parametrize("options", [[], ["-z"]], ids=["stored", "MSZIP"])
def test_what_gcab_writes(options):
    data = cab_bytes(FILES, *options)
    assert members(data) == [(name, content, "") for name, content in FILES.items()]
    assert "合同.txt" in read(data).texts[0].text


ONE = [(b"a", 0, 3)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(cabinet(ONE, [(b"abc", 3)]), [("a", b"abc", "")], id="stored"),
        pytest.param(cabinet([("合".encode(), 0, 3, 0, 0x80)], [(b"abc", 3)]), [("合", b"abc", "")], id="UTF-8"),
        pytest.param(cabinet([("合".encode("gbk"), 0, 3)], [(b"abc", 3)]), [("合", b"abc", "")], id="GBK"),
        pytest.param(cabinet([(b"b", 2, 2), (b"a", 0, 2)], [(b"ab", 2), (b"cd", 2)]), [("a", b"ab", ""), ("b", b"cd", "")], id="in order"),
        pytest.param(cabinet(ONE, [(b"abcdef", 6)]), [("a", b"abc", ""), ("(behind the files)", b"def", "")], id="more behind"),
        pytest.param(cabinet([(b"a", 2, 1)], [(b"abc", 3)]), [("(between files)", b"ab", ""), ("a", b"c", "")], id="something before"),
        pytest.param(cabinet([(b"a", 0, 2), (b"b", 1, 2)], [(b"abc", 3)]), [("a", b"ab", ""), ("b", b"", "malformed")], id="overlap"),
        pytest.param(cabinet([(b"a", 0, 4), (b"b", 4, 1)], [(b"abc", 3)]), [("a", b"abc", "malformed"), ("b", b"", "malformed")], id="too short"),
        pytest.param(cabinet([], [(b"abc", 4)]), [("(behind the files)", b"", "malformed")], id="wrong length"),
        pytest.param(cabinet(ONE, [(b"XXabc", 3)], method=1), [("a", b"", "malformed")], id="no MSZIP"),
        pytest.param(cabinet(ONE, [(b"CK\xff\xff\xff", 3)], method=1), [("a", b"", "malformed")], id="no deflate"),
        pytest.param(cabinet(ONE, [(mszip(bytes(9)), 9)], method=1)[:-3], [("a", b"", "malformed")], id="cut off"),
        pytest.param(cabinet(ONE, [(b"", 0), (b"abc", 3)]), [("a", b"abc", "")], id="empty block"),
        pytest.param(cabinet(ONE, [(b"abc", 3)], flags=4, extra=struct.pack("<H2B", 4, 0, 2) + b"note", block_reserve=2), [("a", b"abc", "")], id="reserved"),
        pytest.param(cabinet(ONE, [(b"abc", 3)], tail=b"tail"), [("a", b"abc", ""), ("(bytes 73 to 77, outside the archive)", b"tail", "")], id="behind"),
    ],
)  # fmt: skip
def test_members(data, expected):
    if any(name.startswith("a") and reason == "malformed" and not content for name, content, reason in expected):
        assert members(data)[0] == expected[0]
    else:
        assert members(data) == expected


def test_blocks_refer_to_the_block_before():
    second = mszip(WORDS[:3000], WORDS[:30_000])
    data = cabinet([(b"a", 0, 33_000)], [(mszip(WORDS[:30_000]), 30_000), (second, 3000)], method=1)
    assert members(data) == [("a", WORDS[:30_000] + WORDS[:3000], "")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(cabinet(ONE, [(b"abc", 3)], method=0x1503), "LZX", id="LZX"),
        pytest.param(cabinet(ONE, [(b"abc", 3)], method=0x0102), "Quantum", id="Quantum"),
        pytest.param(cabinet(ONE, [(b"abc", 3)], method=9), "method=9", id="unknown"),
        pytest.param(cabinet([(b"a", 0, 3, 0xFFFE)], [(b"abc", 3)]), "volumes", id="goes on elsewhere"),
        pytest.param(cabinet(ONE, [(b"abc", 3)], flags=2, extra=b"next.cab\0disk2\0"), "volumes", id="one of several"),
    ],
)
def test_what_nobody_here_opens(data, why):
    reading = read(data)
    assert (reading.opaque.reason, why in str(reading.opaque)) == ("unsupported", True)
    assert (list(reading.members), "a" in reading.texts[0].text) == ([], True)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"MSCF" + bytes(20), id="header cut off"),
        pytest.param(cabinet([(b"a", 0, 3, 1)], [(b"abc", 3)]), id="no such folder"),
        pytest.param(cabinet([(b"a" * 2000, 0, 3)], [(b"abc", 3)]), id="endless name"),
        pytest.param(cabinet(ONE, [(b"abc", 3)], count=9), id="too few files"),
    ],
)
def test_damage(data):
    with pytest.raises(MalformedError):
        list(read(data).members)


def test_limits():
    with pytest.raises(LimitError, match="max_members"):
        read(cabinet(ONE * 3, [(b"abc", 3)]), max_members=2)
    bomb = mszip(bytes(32_768))
    packed = cabinet([(b"a", 0, 32_768 * 600)], [(bomb, 32_768)] * 600, method=1)
    assert members(packed)[0][2] == "too-large"
    assert members(packed, max_decode_ratio=10_000, max_unpacked_bytes=MIB)[0][2] == "too-large"
