"""Directories of zips: read strictly, entry by entry."""

import os
import struct
import zlib

import pytest

from gateway.content.zip_directory import extra_fields, read_directory
from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from tests.samples.archives import Raw, deflated, raw_zip, streamed_zip, zip_aes, zip_bytes

LIMITS = Limits()
A, B = Raw(b"a", b"hello"), Raw(b"b", b"world")


def read(data):
    return read_directory(data, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zip_bytes({"a": b"hello", "b": b"world"}), id="zipfile"),
        pytest.param(zip_bytes({"a": b"hello", "b": b"world"}, comment=b"note"), id="with a comment"),
        pytest.param(streamed_zip({"a": b"hello", "b": b"world" * 99}), id="streamed, with descriptors"),
        pytest.param(zip_aes({"a": b"hello", "b": b"world"}), id="AES"),
        pytest.param(raw_zip(A, B), id="field by field"),
    ],
)
def test_well_made_archives_have_no_gaps_and_no_problems(data):
    directory = read(data)
    assert [entry.raw_name for entry in directory.entries] == [b"a", b"b"]
    assert directory.gaps == ()
    assert [entry.problem for entry in directory.entries] == [None, None]
    assert read(memoryview(data)) == directory


def test_entry_fields():
    (entry,) = read(raw_zip(Raw(b"a", b"hello", comment=b"note", extra=b"\x01\xab\x02\x00xy"))).entries
    assert (entry.crc, entry.packed_bytes, entry.size_bytes, entry.end - entry.start) == (0x3610A686, 5, 5, 5)
    assert (entry.comment, entry.extra_field(0xAB01), entry.extra_field(7)) == (b"note", b"xy", None)
    assert entry.is_flagged_encrypted is False


def test_empty_archive():
    assert read(raw_zip()).entries == ()


def test_too_many_entries_are_over_a_limit():
    with pytest.raises(LimitError) as caught:
        read_directory(raw_zip(A, B), Limits(max_members=1))
    assert (caught.value.limit, caught.value.actual) == ("max_members", 2)


@pytest.mark.parametrize(
    ("local", "differing"),
    [
        pytest.param({"name": b"z"}, "the name", id="name"),
        pytest.param({"method": 8}, "the method", id="method"),
        pytest.param({"flags": 1}, "whether it is encrypted", id="encryption"),
        pytest.param({"crc": 5}, "sizes or checksum", id="checksum"),
        pytest.param({"packed": 3}, "sizes or checksum", id="packed size"),
        pytest.param({"size": 3}, "sizes or checksum", id="size"),
    ],
)
def test_disagreeing_local_header_is_the_problem_of_its_entry(local, differing):
    directory = read(raw_zip(Raw(b"a", b"hello", local=local), B))
    assert differing in str(directory.entries[0].problem)
    assert directory.entries[1].problem is None


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Raw(b"d/a", b"hello", local={"name": b"d\\a"}), id="slash or backslash"),
        pytest.param(Raw(b"a", b"hello", flags=8, local={"crc": 0, "packed": 0, "size": 0}), id="sizes follow"),
        pytest.param(Raw(b"a", b"hello", local={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}), id="zip64 local sizes"),
        pytest.param(Raw(b"a", b"hello", local={"extra": b"\x01\xab\x00\x00"}), id="other extra fields"),
    ],
)
def test_differences_that_all_writers_make(entry):
    assert read(raw_zip(entry)).entries[0].problem is None


DESCRIBED = struct.pack("<3L", zlib.crc32(b"hello"), 5, 5)
DESCRIBED_64 = struct.pack("<L2Q", zlib.crc32(b"hello"), 5, 5)


@pytest.mark.parametrize(
    ("after", "flags", "gaps"),
    [
        pytest.param(b"PK\x07\x08" + DESCRIBED, 8, 0, id="with signature"),
        pytest.param(DESCRIBED, 8, 0, id="without signature"),
        pytest.param(b"PK\x07\x08" + DESCRIBED_64, 8, 0, id="wide, with signature"),
        pytest.param(DESCRIBED_64, 8, 0, id="wide, without signature"),
        pytest.param(DESCRIBED, 0, 0, id="not announced"),
        pytest.param(b"PK\x07\x08" + bytes(12), 8, 1, id="another checksum"),
        pytest.param(DESCRIBED + b"more", 8, 1, id="and more"),
    ],
)
def test_descriptors(after, flags, gaps):
    assert len(read(raw_zip(Raw(b"a", b"hello", flags=flags, after=after), B)).gaps) == gaps


def test_descriptor_of_an_aes_entry_may_have_a_checksum_of_its_own():
    entry = Raw(b"a", b"hello", 99, 9, crc=0, after=b"PK\x07\x08" + DESCRIBED)
    assert read(raw_zip(entry, B)).gaps == ()


def test_sizes_too_large_for_a_short_descriptor():
    wide = struct.pack("<HHQQ", 1, 16, 1 << 33, 5)
    data = raw_zip(Raw(b"a", b"hello", flags=8, size=0xFFFFFFFF, extra=wide, after=DESCRIBED))
    assert read(data).entries[0].size_bytes == 1 << 33


def test_gaps_before_between_and_after():
    data = raw_zip(Raw(b"a", b"hello", after=b"between"), B, prefix=b"before") + b"after"
    directory = read(data)
    assert [data[start:end] for start, end in directory.gaps] == [b"before", b"between", b"after"]


def test_gap_before_the_directory():
    data = raw_zip(Raw(b"a", b"hello", after=b"signing block"))
    (gap,) = read(data).gaps
    assert data[slice(*gap)] == b"signing block"


def test_offsets_counted_from_the_archive():
    data = b"stub" + raw_zip(A)
    directory = read(data)
    assert directory.gaps == ((0, 4),)
    assert data[directory.entries[0].start : directory.entries[0].end] == b"hello"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(raw_zip(A, total=2), "less than it counts", id="an entry missing"),
        pytest.param(raw_zip(A, B, total=1), "more than it counts", id="an entry too many"),
        pytest.param(raw_zip(A, Raw(b"b", b"x", offset=0)), "overlap", id="two entries in one place"),
        pytest.param(raw_zip(A, Raw(b"b", b"x", offset=9)), "no local header", id="offset into another entry"),
        pytest.param(raw_zip(Raw(b"a", b"x", offset=500)), "outside the file", id="offset beyond the directory"),
        pytest.param(raw_zip(A).replace(b"PK\x01\x02", b"PK\x01\x03"), "directory is damaged", id="signature"),
        pytest.param(
            raw_zip(A).replace(b"\x01\x00\x00\x00a", b"\x01\x00\xff\x00a"), "outside", id="local extra too long"
        ),
        pytest.param(
            raw_zip(Raw(b"a", b"hello", size=0xFFFFFFFF)), "zip64 value is missing", id="zip64 without its field"
        ),
        pytest.param(b"PK\x03\x04", "no end record", id="header only"),
    ],
)
def test_archives_that_contradict_themselves(data, why):
    with pytest.raises(MalformedError, match=why):
        read(data)


def test_overlap_by_packed_size():
    first = Raw(b"a", deflated(b"hello") + bytes(40))
    data = bytearray(raw_zip(first, B))
    position = data.find(b"PK\x01\x02") + 20
    data[position : position + 4] = (200).to_bytes(4, "little")
    with pytest.raises(MalformedError):
        read(bytes(data))


def test_signed_directory_is_read():
    data = raw_zip(A)
    position = data.find(b"PK\x05\x06")
    signature = b"PK\x05\x05\x04\x00sign"
    end = bytearray(data[position:])
    end[12:16] = (int.from_bytes(end[12:16], "little") + len(signature)).to_bytes(4, "little")
    assert len(read(data[:position] + signature + bytes(end)).entries) == 1


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        pytest.param(b"", [], id="none"),
        pytest.param(b"\x01\x00\x02\x00ab", [(1, b"ab")], id="one"),
        pytest.param(b"\x01\x00\x09\x00ab", [(1, b"ab")], id="longer than it is"),
        pytest.param(b"\x01\x00\x00\x00\x05", [(1, b"")], id="broken tail"),
    ],
)
def test_extra_fields(extra, expected):
    assert extra_fields(extra) == expected


def test_flipped_bits_never_raise_anything_else():
    data = zip_bytes({"a.txt": os.urandom(50), "b.txt": b"words " * 40})
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            read(bytes(flipped))
        except (MalformedError, LimitError):
            pass
        except Exception as error:  # noqa: BLE001
            assert type(error).__name__ == "UnsupportedError"  # noqa: PT017
