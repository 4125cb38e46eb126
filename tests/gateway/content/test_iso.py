"""ISO 9660 images, by genisoimage and damaged."""

import os

import pytest

from gateway.content.iso import is_iso, read_iso
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from tests.samples.archives import iso_bytes

FILES = {"合同.txt": b"contract 13800138000\n" * 500, "d/e/b.bin": os.urandom(9000), "empty.txt": b""}
PLAIN = iso_bytes(FILES)
BOTH = iso_bytes(FILES, "-J", "-R")
SECTOR = 2048


def read(data, **limits):
    return read_iso(Source(data, "", "application/x-iso9660-image", Limits(**limits), Budget()))


def patched(data, *patches):
    out = bytearray(data)
    for at, content in patches:
        out[at : at + len(content)] = content
    return bytes(out)


def files(data):
    return {bytes(member.data) for member in read(data).members}


@pytest.mark.parametrize("options", [[], ["-J"], ["-R"], ["-J", "-R"], ["-l", "-iso-level", "3"]], ids=" ".join)
def test_what_genisoimage_writes(options):
    data = iso_bytes(FILES, *options)
    assert is_iso(data)
    assert set(FILES.values()) <= files(data)
    reading = read(data)
    text = "\n".join(each.text for each in reading.texts)
    assert ("合同.txt" in text) is bool({"-J", "-R"} & {*options})
    assert reading.opaque is None


def test_names_of_members():
    assert {member.name for member in read(BOTH).members} >= {"合同.txt", "b.bin", "empty.txt"}
    assert {member.name for member in read(PLAIN).members} >= {"B.BIN", "EMPTY.TXT"}


def test_udf_beside_it_is_named():
    reading = read(iso_bytes(FILES, "-udf"))
    assert (reading.opaque.reason, "UDF" in str(reading.opaque)) == ("unsupported", True)
    assert set(FILES.values()) <= {bytes(member.data) for member in reading.members}


def test_what_no_directory_lists_is_a_member():
    assert b"hidden" in b"".join(files(patched(PLAIN, (0, b"hidden"))))
    assert b"behind" in b"".join(files(PLAIN + b"behind"))


def test_packed_files_are_named():
    data = iso_bytes({"a.txt": bytes.fromhex("37e45396c9dbd607") + bytes(99)})
    (member,) = read(data).members
    assert (member.name, member.opaque.reason) == ("A.TXT", "unsupported")


def entry_of(data, name):
    """Offset of the directory record with a name."""
    return data.index(name) - 33


def test_a_file_in_several_extents():
    data = iso_bytes({"a.txt": b"a" * 5000, "b.txt": b"b" * 5000})
    at = entry_of(data, b"A.TXT;1")
    size = 3 * SECTOR  # whole sectors, as all but the last extent have
    split = patched(data, (at + 10, size.to_bytes(4, "little")), (at + 25, b"\x80"))
    (member,) = read(split).members
    assert (member.name, bytes(member.data).replace(b"\0", b"")) == ("B.TXT", b"a" * 5000 + b"b" * 5000)


def test_a_file_in_several_places_is_refused():
    data = iso_bytes({"a.txt": b"a" * 5000, "b.txt": b"b" * 5000})
    at = entry_of(data, b"A.TXT;1")
    with pytest.raises(MalformedError, match="several places"):
        read(patched(data, (at + 10, (1).to_bytes(4, "little")), (at + 25, b"\x80")))


ROOT = int.from_bytes(PLAIN[16 * SECTOR + 158 : 16 * SECTOR + 162], "little") * SECTOR


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN[: 16 * SECTOR + 500], id="descriptor cut off"),
        pytest.param(patched(PLAIN, (16 * SECTOR + 128, b"\x00\x02")), id="other block size"),
        pytest.param(PLAIN[: 16 * SECTOR] + PLAIN[16 * SECTOR : 17 * SECTOR] * 70, id="descriptors without end"),
        pytest.param(PLAIN[:ROOT], id="root cut off"),
        pytest.param(patched(PLAIN, (16 * SECTOR + 166, b"\xff\xff\xff\x7f")), id="root too large"),
        pytest.param(patched(PLAIN, (ROOT, b"\x05")), id="record too short"),
        pytest.param(patched(PLAIN, (ROOT + 32, b"\xff")), id="name longer than its record"),
        pytest.param(PLAIN[: PLAIN.index(FILES["合同.txt"]) + 100], id="file cut off"),
    ],
)
def test_damage(data):
    with pytest.raises(MalformedError):
        read(data)


def test_directories_in_a_ring_end():
    at = entry_of(PLAIN, b"\x01D") if b"\x01D" in PLAIN[ROOT : ROOT + SECTOR] else PLAIN.index(b"\x01D", ROOT) - 32
    ring = patched(PLAIN, (at + 2, (ROOT // SECTOR).to_bytes(4, "little")))
    assert FILES["合同.txt"] in files(ring)


def test_limits():
    with pytest.raises(LimitError, match="max_members"):
        read(PLAIN, max_members=2)
    with pytest.raises(LimitError, match="max_member_bytes"):
        read(PLAIN, max_member_bytes=1000)


def test_no_image():
    assert not is_iso(bytes(99_999))
    assert not is_iso(b"")
