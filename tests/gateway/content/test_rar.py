"""RAR: listed and graded, stored files read."""

import struct
import zlib

import pytest

from gateway.content.rar import is_rar, read_rar
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from tests.samples.rar import _block4, _block5, rar4_bytes, rar5_bytes

SIGNATURE_4, SIGNATURE_5 = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
MAIN_4, MAIN_5 = _block4(0x73, 0, bytes(6)), _block5(bytes([1, 0, 0]))
LARGE_FILE_4 = _block4(0x74, 0x8100, struct.pack("<2LB2LBBHL2L", 4, 4, 0, 0, 0, 29, 0x33, 3, 0, 0, 0) + b"big")


def read(data, **limits):
    return read_rar(Source(data, "", "application/vnd.rar", Limits(**limits), Budget()))


@pytest.mark.parametrize(
    ("data", "scheme", "grade", "names", "reason"),
    [
        pytest.param(rar5_bytes({"a": False}), "", "none", "a", "unsupported", id="5 clear"),
        pytest.param(rar5_bytes({"a": True}), "rar5-aes-256", "strong", "a", "encrypted", id="5 encrypted"),
        pytest.param(
            rar5_bytes({"a": True, "b": False}), "rar5-aes-256", "partial", "a\nb", "unsupported", id="5 partial"
        ),
        pytest.param(
            rar5_bytes({"a": True}, directories=("d",)), "rar5-aes-256", "strong", "a\nd", "encrypted", id="5 directory"
        ),
        pytest.param(rar5_bytes({}, closed_headers=True), "rar5-aes-256", "strong", "", "encrypted", id="5 headers"),
        pytest.param(rar4_bytes({"a": False}), "", "none", "a", "unsupported", id="4 clear"),
        pytest.param(rar4_bytes({"a": True}), "rar4-aes-128", "strong", "a", "encrypted", id="4 encrypted"),
        pytest.param(
            rar4_bytes({"a": True, "b": False}), "rar4-aes-128", "partial", "a\nb", "unsupported", id="4 partial"
        ),
        pytest.param(rar4_bytes({"a": True}, version=20), "rar2", "weak", "a", "encrypted", id="old cipher"),
        pytest.param(
            rar4_bytes({"a": True}, directories=("d",)), "rar4-aes-128", "strong", "a\nd", "encrypted", id="4 directory"
        ),
        pytest.param(rar4_bytes({}, closed_headers=True), "rar4-aes-128", "strong", "", "encrypted", id="4 headers"),
        pytest.param(
            SIGNATURE_4 + MAIN_4 + LARGE_FILE_4 + b"data", "", "none", "big", "unsupported", id="4 large sizes"
        ),
        pytest.param(rar5_bytes({"a": False}, volume=True), "", "none", "a", "unsupported", id="5 volume"),
        pytest.param(rar4_bytes({"a": False}, volume=True), "", "none", "a", "unsupported", id="4 volume"),
    ],
)
def test_listing(data, scheme, grade, names, reason):
    reading = read(data)
    assert (reading.encryption.scheme, reading.encryption.grade) == (scheme, grade)
    assert reading.encryption.names_visible is bool(names and scheme)
    assert "".join(text.text for text in reading.texts) == names
    assert reading.opaque.reason == reason
    assert [member.name for member in reading.members if not member.opaque] == []


WORDS = "合同编号 13800138000".encode()


@pytest.mark.parametrize("make", [rar5_bytes, rar4_bytes])
def test_stored_files_are_read(make):
    stored = {"method": 0 if make is rar5_bytes else 0x30, "content": WORDS}
    reading = read(make({"合同.txt": False, "b": False}, **stored))
    assert (reading.opaque, reading.encryption.grade) == (None, "none")
    assert [(member.name, member.data, member.opaque) for member in reading.members] == [
        ("合同.txt", WORDS, None),
        ("b", WORDS, None),
    ]
    data = make({"a": False}, **stored)
    (changed,) = read(data.replace(b"138", b"139", 1)).members
    assert changed.opaque.reason == "malformed"
    (large,) = read(data, max_member_bytes=9).members
    assert large.opaque.limit == "max_member_bytes"


def test_one_clear_file_is_partial():
    reading = read(rar5_bytes({"a": True, "b": False}, method=0, content=bytes(9)))
    closed, clear = reading.members
    assert (reading.opaque, closed.encryption.scheme, closed.opaque.reason) == (None, "rar5-aes-256", "encrypted")
    assert (clear.data, clear.opaque) == (bytes(9), None)


def test_comments_are_members_also_of_an_encrypted_archive():
    for closed in (False, True):
        members = list(read(rar5_bytes({"a": closed}, method=0, comment=WORDS)).members)
        assert ("(CMT)", WORDS) in [(member.name, member.data) for member in members]


def test_bytes_behind_the_archive():
    (tail,) = read(rar5_bytes({}) + b"tail").members
    assert tail.data == b"tail"
    assert [member.data for member in read(rar4_bytes({}) + b"tail").members] == [b"tail"]


def test_archives_of_nothing():
    for data in (SIGNATURE_5 + MAIN_5, SIGNATURE_5 + MAIN_5 + _block5(bytes([9, 0, 9])), SIGNATURE_4 + MAIN_4):
        reading = read(data)
        assert (reading.opaque, list(reading.members)) == (None, [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(SIGNATURE_5 + bytes(20), "first header", id="5 no checksum"),
        pytest.param(SIGNATURE_4 + bytes(20), "first header", id="4 no checksum"),
        pytest.param(SIGNATURE_4, "first header", id="signature only"),
        pytest.param(b"text", "first header", id="no RAR"),
        pytest.param(SIGNATURE_5 + MAIN_5 + b"\x00\x00\x00\x00\x63\x00\x00", "a header is damaged", id="5 cut off"),
        pytest.param(SIGNATURE_5 + MAIN_5 + b"\x00\x00\x00\x00\x00\x00\x00", "a header is damaged", id="5 no length"),
        pytest.param(SIGNATURE_5 + MAIN_5 + bytes(4) + b"\xff" * 11, "does not end", id="5 number"),
        pytest.param(SIGNATURE_5 + MAIN_5 + _block5(b"\xff" * 2) + bytes(9), "does not end", id="5 number cut off"),
        pytest.param(SIGNATURE_4 + MAIN_4 + bytes(7), "a header is damaged", id="4 no length"),
        pytest.param(SIGNATURE_4 + MAIN_4 + _block4(0x74, 0, bytes(30))[:30], "a header is damaged", id="4 cut off"),
        pytest.param(SIGNATURE_4 + MAIN_4 + _block4(0x74, 0, bytes(9)), "a header is damaged", id="4 too short"),
        pytest.param(rar5_bytes({"a": True}).replace(b"data", b"data" * 9).replace(b"\x04\x04", b"\x24\x04"), "", id="5 changed"),
        pytest.param(rar5_bytes({"a": False})[:-10], "cut off", id="5 file cut off"),
        pytest.param(rar4_bytes({"a": False})[:-9], "cut off", id="4 file cut off"),
        pytest.param(rar4_bytes({"abc": False}).replace(b"abc", b"abd"), "a header is damaged", id="4 changed"),
    ],
)  # fmt: skip
def test_damage(data, why):
    with pytest.raises(MalformedError, match=why or None):
        read(data)


def test_claim_over_plain_bytes():
    words = b"contract between A and B"
    name = struct.pack("<2LB2LBBHL", len(words), 4, 0, 0, 0, 29, 0x33, 1, 0) + b"a"
    data = SIGNATURE_4 + MAIN_4 + _block4(0x74, 0x8004, name) + words
    with pytest.raises(MalformedError, match="plain"):
        read(data)


def test_members_are_limited():
    with pytest.raises(LimitError, match="max_members"):
        read(rar5_bytes({"a": False, "b": False}), max_members=1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(rar5_bytes({"a": False}), True, id="5"),
        pytest.param(rar4_bytes({"a": False}), True, id="4"),
        pytest.param(memoryview(rar4_bytes({"a": False})), True, id="a view"),
        pytest.param(SIGNATURE_5, False, id="constant in a program"),
        pytest.param(SIGNATURE_4 + struct.pack("<HBHH", zlib.crc32(b"") & 0xFFFF, 0x73, 0, 3), False, id="too short"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_is_rar(data, expected):
    assert is_rar(data) is expected
