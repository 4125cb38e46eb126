"""Zip archives as containers: members, names, and what is wrong with them."""

import bz2
import lzma
import os
import struct
import zlib

import pytest
import zstandard

from gateway.content.reading import Budget, Source
from gateway.content.zip import Archive, chunks, read_zip
from gateway.errors import LimitError, MalformedError
from gateway.limits import MIB, Limits
from gateway.parts import NOT_ENCRYPTED, Text
from tests.samples.archives import Raw, deflated, raw_zip, streamed_zip, zip_aes, zip_bytes, zip_crypto

WORDS = "合同编号 0001 and words\n".encode() * 50
RAW_LZMA = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}]


def source(data, **limits):
    return Source(data, "a.zip", "application/zip", Limits(**limits), Budget())


def members(data, **limits):
    return list(read_zip(source(data, **limits)).members)


def entry(name, content, method, packed):
    return Raw(name, packed, method, 0, zlib.crc32(content), len(content))


def lzma_packed():
    properties = bytes([93]) + (1 << 16).to_bytes(4, "little")
    return b"\x09\x04\x05\x00" + properties + lzma.compress(WORDS, lzma.FORMAT_RAW, filters=RAW_LZMA)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw_zip(entry(b"a", WORDS, 0, WORDS)), id="stored"),
        pytest.param(raw_zip(entry(b"a", WORDS, 8, deflated(WORDS))), id="deflate"),
        pytest.param(raw_zip(entry(b"a", WORDS, 12, bz2.compress(WORDS))), id="bzip2"),
        pytest.param(raw_zip(entry(b"a", WORDS, 14, lzma_packed())), id="lzma"),
        pytest.param(raw_zip(entry(b"a", WORDS, 93, zstandard.ZstdCompressor().compress(WORDS))), id="zstd"),
        pytest.param(zip_bytes({"a": WORDS}, method=14), id="lzma by zipfile"),
        pytest.param(streamed_zip({"a": WORDS}), id="streamed"),
        pytest.param(memoryview(zip_bytes({"a": WORDS})), id="a view"),
    ],
)
def test_every_method(data):
    (member,) = members(data)
    assert (member.name, bytes(member.data), member.opaque) == ("a", WORDS, None)


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        pytest.param(raw_zip(entry(b"a", WORDS, 9, b"x" * 30)), "unsupported", "method=9", id="deflate64"),
        pytest.param(raw_zip(entry(b"a", WORDS, 14, b"x" * 30)), "malformed", "LZMA", id="no LZMA properties"),
        pytest.param(raw_zip(entry(b"a", WORDS, 14, b"x")), "malformed", "LZMA", id="LZMA too short"),
        pytest.param(raw_zip(entry(b"a", WORDS, 8, deflated(WORDS)[:-5])), "malformed", "early", id="cut off"),
        pytest.param(raw_zip(entry(b"a", WORDS, 8, deflated(WORDS) + b"tail")), "malformed", "fit", id="a tail"),
        pytest.param(raw_zip(entry(b"a", WORDS, 8, deflated(WORDS[1:]))), "malformed", "fit", id="shorter"),
        pytest.param(raw_zip(entry(b"a", WORDS[1:], 8, deflated(WORDS))), "malformed", "longer", id="longer"),
        pytest.param(raw_zip(Raw(b"a", WORDS, crc=1)), "malformed", "stored", id="stored, wrong checksum"),
        pytest.param(raw_zip(Raw(b"a", WORDS, size=9)), "malformed", "stored", id="stored, wrong length"),
        pytest.param(raw_zip(Raw(b"a", WORDS, local={"name": b"b"})), "malformed", "the name", id="two names"),
        pytest.param(
            raw_zip(Raw(b"a", b"plain words, " * 99, flags=1, crc=3)), "malformed", "flagged", id="a false flag"
        ),
    ],
)
def test_members_that_are_not_whole(data, reason, detail):
    (member,) = members(data)
    assert member.opaque.reason == reason
    assert detail in str(member.opaque)


def test_data_of_a_damaged_member_are_kept_for_the_detectors():
    damaged = raw_zip(Raw(b"a", deflated(WORDS), 8, 0, 1, len(WORDS)))
    assert members(damaged)[0].data == WORDS


@pytest.mark.parametrize(
    ("data", "limits", "limit"),
    [
        pytest.param(zip_bytes({"a": WORDS}), {"max_member_bytes": 99}, "max_member_bytes", id="declared size"),
        pytest.param(zip_bytes({"a": WORDS}, method=0), {"max_member_bytes": 99}, "max_member_bytes", id="stored size"),
        pytest.param(zip_bytes({"a": WORDS}), {"max_unpacked_bytes": 99}, "max_unpacked_bytes", id="upload"),
        pytest.param(zip_bytes({"a": bytes(20 * MIB)}), {}, "max_decode_ratio", id="growth"),
    ],
)
def test_limits(data, limits, limit):
    (member,) = members(data, **limits)
    assert isinstance(member.opaque, LimitError)
    assert member.opaque.limit == limit


def test_too_many_entries():
    with pytest.raises(LimitError, match="max_members"):
        read_zip(source(zip_bytes({"a": b"", "b": b""}), max_members=1))


@pytest.mark.parametrize(
    ("data", "scheme", "grade", "closed"),
    [
        pytest.param(zip_bytes({"a": WORDS}), "", "none", [False], id="clear"),
        pytest.param(zip_crypto({"a": WORDS, "b": WORDS}), "zip-crypto", "weak", [True, True], id="ZipCrypto"),
        pytest.param(zip_aes({"a": WORDS}), "zip-aes-256", "strong", [True], id="AES"),
        pytest.param(zip_aes({"a": WORDS}, clear={"b": WORDS}), "zip-aes-256", "partial", [True, False], id="partial"),
        pytest.param(
            zip_aes({"a": WORDS}, clear={"d/": b"", "e": b""}), "zip-aes-256", "strong", [True, False], id="empty"
        ),
        pytest.param(raw_zip(Raw(b"a", WORDS, flags=1)), "", "none", [False], id="false flag"),
        pytest.param(raw_zip(Raw(b"a", WORDS, flags=1, crc=7)), "", "none", [False], id="false flag, wrong checksum"),
    ],
)
def test_encryption_of_the_archive_and_its_members(data, scheme, grade, closed):
    reading = read_zip(source(data))
    found = list(reading.members)
    assert (reading.encryption.scheme, reading.encryption.grade) == (scheme, grade)
    assert reading.encryption.names_visible is (grade != "none")
    assert [member.encryption != NOT_ENCRYPTED for member in found] == closed
    for member, is_closed in zip(found, closed, strict=True):
        assert (member.media_type == "application/octet-stream") is is_closed
        if is_closed:
            assert member.opaque.reason == "encrypted"


def test_directories_are_no_members_unless_they_hold_something():
    data = raw_zip(Raw(b"d/"), Raw(b"e\\"), Raw(b"f/", deflated(b""), 8, 0, 0, 0), Raw(b"g/", b"hidden"), Raw(b"h"))
    assert [member.name for member in members(data)] == ["g/", "h"]


@pytest.mark.parametrize(
    ("data", "gaps"),
    [
        pytest.param(b"stub" + raw_zip(Raw(b"a", b"x")), [b"stub"], id="before"),
        pytest.param(raw_zip(Raw(b"a", b"x")) + b"tail", [b"tail"], id="behind"),
        pytest.param(raw_zip(Raw(b"a", b"x", after=bytes(64))), [], id="alignment"),
        pytest.param(raw_zip(Raw(b"a", b"x", after=b"\x00hidden")), [b"\x00hidden"], id="between"),
    ],
)
def test_what_lies_outside_the_directory_is_a_member(data, gaps):
    found = members(data)
    assert [bytes(member.data) for member in found[1:]] == gaps
    assert all("outside the directory" in member.name for member in found[1:])


def unicode_path(name):
    return struct.pack("<HHBL", 0x7075, 5 + len(name.encode()), 1, 0) + name.encode()


def test_all_names_are_texts_of_the_archive():
    data = raw_zip(
        Raw("合同.txt".encode("gb18030"), b"x", comment="备注".encode("gb18030"), extra=unicode_path("协议.txt")),
        Raw("名单.txt".encode(), b"x", flags=0x800, extra=b"\xfe\xab\x05\x00words\x55\x54\x02\x00\x01\x02"),
        Raw(b"\xff\xfe", b"x", flags=0x800),
        comment=b"archive note",
    )
    (text,) = read_zip(source(data)).texts
    assert text.location == "names"
    lines = text.text.split("\n")
    assert {"合同.txt", "备注", "协议.txt", "名单.txt", "words", "archive note"} < set(lines)
    assert [member.name for member in members(data)][:2] == ["合同.txt", "名单.txt"]


def test_archive_without_names_has_no_text():
    assert read_zip(source(raw_zip())).texts == ()
    assert read_zip(source(raw_zip(Raw(b"a", b"x")))).texts == (Text("a", "names"),)


def test_chunks_of_a_stored_entry_with_a_wrong_checksum():
    data = raw_zip(Raw(b"a", WORDS, crc=1))
    archive = Archive(source(data))
    found = []
    with pytest.raises(MalformedError):
        found.extend(chunks(data, archive.directory.entries[0], Limits(), Budget()))
    assert found == [WORDS]


def test_chunks_of_a_stored_entry():
    data = raw_zip(Raw(b"a", WORDS))
    entry_ = Archive(source(data)).directory.entries[0]
    assert list(chunks(data, entry_, Limits(), Budget())) == [WORDS]


def test_overlapping_bomb_is_refused_as_a_whole():
    kernel = Raw(b"a", deflated(bytes(MIB)), 8, 0, zlib.crc32(bytes(MIB)), MIB)
    copies = [Raw(f"b{number}".encode(), b"", 8, 0, 1, MIB, offset=0) for number in range(100)]
    with pytest.raises(MalformedError):
        read_zip(source(raw_zip(kernel, *copies)))


def test_aes_without_checksum_whose_bytes_are_plain_is_read():
    field = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 8)
    data = raw_zip(Raw(b"a", deflated(WORDS), 99, 1, 0, len(WORDS), extra=field))
    (member,) = members(data)
    assert (member.data, member.opaque) == (WORDS, None)


def test_random_tail_is_kept():
    noise = os.urandom(100)
    assert bytes(members(zip_bytes({"a": b"x"}) + noise)[1].data) == noise
