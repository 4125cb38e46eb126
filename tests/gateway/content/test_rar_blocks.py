"""Blocks of RAR archives, old and new."""

import struct
import zlib

import pytest

from gateway.content.rar_blocks import SIGNATURE_4, SIGNATURE_5, blocks_4, blocks_5, first_block_fits, number
from gateway.errors import MalformedError
from tests.samples.rar import _block4, _block5, _file4, _number, rar4_bytes, rar5_bytes

MAIN_4, MAIN_5 = _block4(0x73, 0, bytes(6)), _block5(bytes([1, 0, 0]))


def old(*blocks):
    return list(blocks_4(SIGNATURE_4 + MAIN_4 + b"".join(blocks)))[1:]


def new(*blocks):
    return list(blocks_5(SIGNATURE_5 + MAIN_5 + b"".join(blocks)))[1:]


def test_files():
    for blocks in (blocks_5(rar5_bytes({"合.txt": False})), blocks_4(rar4_bytes({"合.txt": False}))):
        _, file, end = blocks
        assert (file.name, file.is_file, file.is_stored, file.size_bytes) == ("合.txt", True, False, 4)
        assert (file.crc, file.encryption, file.is_split) == (zlib.crc32(b"data"), None, False)
        assert (file.end - file.start, end.is_file) == (4, False)


def test_directories_are_no_files():
    for blocks in (blocks_5(rar5_bytes({}, directories=("d",))), blocks_4(rar4_bytes({}, directories=("d",)))):
        _, directory, _ = blocks
        assert (directory.name, directory.is_file, directory.is_service) == ("d", False, True)


def test_closed_headers():
    assert next(blocks_5(rar5_bytes({}, closed_headers=True))).closes_headers.scheme == "rar5-aes-256"
    assert next(blocks_4(rar4_bytes({}, closed_headers=True))).closes_headers.scheme == "rar4-aes-128"


def test_volumes():
    assert next(blocks_5(rar5_bytes({}, volume=True))).is_split
    assert next(blocks_4(rar4_bytes({}, volume=True))).is_split
    (part,) = old(_file4("a", 0x02, 29, b"", 0x30))
    assert part.is_split


def test_large_sizes():
    body = struct.pack("<2LB2LBBHL2L", 4, 5, 0, 0, 0, 29, 0x33, 3, 0, 1, 2) + b"big"
    with pytest.raises(MalformedError, match="cut off"):
        old(_block4(0x74, 0x8100, body), b"data")
    body = struct.pack("<2LB2LBBHL2L", 4, 5, 0, 0, 0, 29, 0x33, 3, 0, 0, 2) + b"big"
    (file,) = old(_block4(0x74, 0x8100, body), b"data")
    assert (file.name, file.size_bytes) == ("big", 5 + (2 << 32))


@pytest.mark.parametrize(
    ("coded", "name"),
    [
        pytest.param(b"\x00\x00ab", "ab", id="low bytes"),
        pytest.param(b"\x4e\x40\x2dx", "\u4e2dx", id="with the high byte"),
        pytest.param(b"\x00\x80\x08\x54", "\u5408", id="whole characters"),
        pytest.param(b"\x00\xc0\x00", "pl", id="as in the plain name"),
        pytest.param(b"\x4e\xc0\x81\x01", "\u4e71\u4e6d\u4e62", id="shifted"),
        pytest.param(b"\x00\xa0\x35\xd8\x00\xdc", "\U0001d400", id="beyond 16 bits"),
        pytest.param(b"\x00\x80\x08", "", id="cut off"),
    ],
)
def test_names_in_utf_16(coded, name):
    (file,) = old(_file4(b"plain\0" + coded, 0, 29, b"", 0x33))
    assert (file.name, "plain" in file.words) == (name or "", True)


def test_services_and_old_blocks_have_words():
    (service,) = old(_block4(0x7A, 0x8000, _file4("CMT", 0, 29, b"abc", 0x30)[7:]) + b"abc")
    assert (service.name, service.is_service, service.end - service.start) == ("CMT", True, 3)
    (comment,) = old(_block4(0x75, 0, b"note of 13800138000"))
    assert "13800138000" in "".join(comment.words)
    (more,) = old(_block4(0x77, 0x8000, struct.pack("<L", 11)) + b"13900139000")
    assert "13900139000" in "".join(more.words)


def test_unknown_blocks_of_version_5_are_read_as_services():
    (block,) = new(_block5(bytes([9, 2, 4])), b"data")
    assert (block.is_service, block.end - block.start) == (True, 4)


def file_5(extra, *, flags=0, tail=b""):
    body = _number(flags) + _number(0) * 4 + _number(1) + b"a" + tail
    return _block5(bytes([2]) + _number(1) + _number(len(extra)) + body + extra)


def test_records_of_a_file():
    link = b"\x05\x01\x00\x0arm -rf /tmp"
    (file,) = new(file_5(_number(len(link)) + link))
    assert ("rm -rf /tmp" in "".join(file.words), file.crc) == (True, None)
    (closed,) = new(file_5(b"\x05\x01\x00\x00\x0f\x00"))
    assert closed.encryption.scheme == "rar5-aes-256"
    (odd,) = new(file_5(b"\x00\x00\x00\x05"))
    assert odd.encryption is None


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\xff" * 11])
def test_numbers_that_do_not_end(raw):
    with pytest.raises(MalformedError, match="does not end"):
        number(raw, 0)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: old(bytes(7)), id="4 no length"),
        pytest.param(lambda: old(_block4(0x74, 0, bytes(9))), id="4 file header too short"),
        pytest.param(lambda: old(_block4(0x75, 0, bytes(30))[:30]), id="4 cut off"),
        pytest.param(lambda: new(bytes(4) + b"\x63\x00\x00"), id="5 cut off"),
        pytest.param(lambda: new(bytes(7)), id="5 no length"),
        pytest.param(lambda: new(_block5(bytes([9, 0]))[:-1] + b"\x07"), id="5 changed"),
        pytest.param(lambda: new(_block5(bytes([9, 2, 4]))), id="5 no data"),
    ],
)
def test_damage(make):
    with pytest.raises(MalformedError):
        make()


def test_what_opens_an_archive():
    assert first_block_fits(rar5_bytes({}))
    assert first_block_fits(rar4_bytes({}))
    assert not first_block_fits(b"Rar!\x1a\x07\x01\x00" + bytes(20))
    assert not first_block_fits(b"Rar!\x1a\x07\x00" + bytes(20))
    assert not first_block_fits(b"Rar!")
