"""End records: one, none, or two that compete."""

import struct

import pytest

from gateway.content.zip_records import directory_start, end_record, has_end_record
from gateway.errors import MalformedError, UnsupportedError
from tests.samples.archives import Raw, raw_zip, zip_bytes

PLAIN = zip_bytes({"a.txt": b"hello"})
STORED = raw_zip(Raw(b"a", b"hello"))


def end(*, disk=0, first=0, here=0, total=0, size=0, offset=0, comment=b"", length=None):
    length = len(comment) if length is None else length
    return struct.pack("<4s4H2LH", b"PK\x05\x06", disk, first, here, total, size, offset, length) + comment


def zip64(*, total=1, size=10, offset=0, here=None, disks=(0, 0), at=None, lead=bytes(10)):
    """A directory of ten zero bytes with a zip64 record, its locator and a full end record."""
    here = total if here is None else here
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, *disks, here, total, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(lead) if at is None else at, 1)
    return lead + record + locator


FULL = {"here": 0xFFFF, "total": 0xFFFF, "size": 0xFFFFFFFF, "offset": 0xFFFFFFFF}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(PLAIN, True, id="zip"),
        pytest.param(b"\xff\xd8 picture" + PLAIN, True, id="zip behind something"),
        pytest.param(zip_bytes({"a": b""}, comment=b"note"), True, id="with a comment"),
        pytest.param(PLAIN + b"x", False, id="something behind"),
        pytest.param(PLAIN[:-1], False, id="cut off"),
        pytest.param(b"", False, id="empty"),
        pytest.param(b"PK\x05\x06", False, id="signature only"),
    ],
)
def test_has_end_record(data, expected):
    assert has_end_record(data) is expected
    assert has_end_record(memoryview(data)) is expected


def test_end_record_of_a_plain_zip():
    record = end_record(zip_bytes({"a.txt": b"hello"}, comment=b"note"))
    assert (record.total, record.comment) == (1, b"note")
    assert record.directory_end == record.offset + record.size_bytes


def test_end_record_is_found_before_trailing_data():
    record = end_record(PLAIN + b"trailing")
    assert record.end == len(PLAIN)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"PK\x03\x04 nothing more", "no end record", id="none"),
        pytest.param(b"PK\x05\x06 short", "no end record", id="too short"),
        pytest.param(b"..." + end(comment=end()), "compete", id="both close the file"),
        pytest.param(b"..." + end(comment=b"x" + end(length=9) + b"y"), "compete", id="another inside the comment"),
        pytest.param(end(length=9), "ends after", id="comment longer than the file"),
        pytest.param(zip64(at=3) + end(**FULL).replace(b"PK\x05\x06", b"PK\x05\x06"), None, id="usual place counts"),
        pytest.param(b"PK\x06\x07" + bytes(16) + end(**FULL), "locator", id="locator without a record"),
        pytest.param(
            zip64(lead=b"PK\x06\x06" + bytes(60), at=0) + end(**FULL), "locator", id="two zip64 records compete"
        ),
        pytest.param(zip64(total=2) + end(**{**FULL, "total": 1, "here": 1}), "disagree", id="zip64 says otherwise"),
    ],
)
def test_competing_or_missing_records(data, why):
    if why is None:
        assert end_record(data).total == 1
        return
    with pytest.raises(MalformedError, match=why):
        end_record(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(end(disk=1), id="second disk"),
        pytest.param(end(first=1), id="directory on the second disk"),
        pytest.param(end(here=1, total=2), id="entries on other disks"),
        pytest.param(zip64(disks=(1, 0)) + end(**FULL), id="zip64 disk"),
        pytest.param(zip64(disks=(0, 1)) + end(**FULL), id="zip64 directory disk"),
    ],
)
def test_volumes_are_not_supported(data):
    with pytest.raises(UnsupportedError, match="volumes"):
        end_record(data)


def test_zip64_values_replace_full_ones():
    record = end_record(zip64(total=70_000, size=10, offset=0) + end(**FULL))
    assert (record.total, record.size_bytes, record.offset, record.directory_end) == (70_000, 10, 0, 10)


def test_directory_start_counts_from_the_archive_when_something_precedes():
    data = b"stub" + STORED
    assert directory_start(data, end_record(data)) == directory_start(STORED, end_record(STORED)) + 4


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(end(total=1, here=1, size=99), "does not fit", id="directory larger than the file"),
        pytest.param(bytes(20) + end(total=1, here=1, size=5, offset=16), "does not fit", id="offset after it"),
        pytest.param(
            b"PK\x01\x02" + bytes(60) + end(total=1, here=1, size=46, offset=0), "compete", id="two directories"
        ),
    ],
)
def test_directory_that_is_nowhere_or_twice(data, why):
    with pytest.raises(MalformedError, match=why):
        directory_start(data, end_record(data))
