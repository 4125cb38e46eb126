"""7z: listed and graded, not opened."""

import lzma
import os
import struct
import zlib

import pytest

from gateway.content.reading import Budget, Source
from gateway.content.sevenzip import read_seven_zip
from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.limits import Limits
from tests.samples.archives import seven_zip

AES, LZMA1, LZMA2, COPY = b"\x06\xf1\x07\x01", b"\x03\x01\x01", b"\x21", b"\x00"
NOISE = os.urandom(512)


def read(data):
    return read_seven_zip(Source(data, "", "application/x-7z-compressed", Limits(), Budget()))


def archive(header, packed=NOISE):
    start = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<L", zlib.crc32(start)) + start + packed + header


def coder(method, properties=b"", *, streams=None):
    flags = len(method) | (0x20 if properties else 0) | (0x10 if streams else 0)
    return (
        bytes([flags]) + method + bytes(streams or ()) + (bytes([len(properties)]) + properties if properties else b"")
    )


def folder(*coders, bindings=b""):
    return bytes([len(coders)]) + b"".join(coders) + bindings


def streams(*folders, pack_sizes=(512,), sizes=(600,), digests=b""):
    pack = b"\x06\x00" + bytes([len(pack_sizes)]) + b"\x09" + b"".join(map(number, pack_sizes)) + digests + b"\x00"
    unpack = b"\x07\x0b" + bytes([len(folders)]) + b"\x00" + b"".join(folders) + b"\x0c" + b"".join(map(number, sizes))
    return pack + unpack + b"\x00\x00"


def number(value):
    return (
        bytes([value])
        if value < 128
        else bytes([0x80 | value >> 8, value & 0xFF])
        if value < 16384
        else b"\xff" + struct.pack("<Q", value)
    )


def header(block):
    return b"\x01\x04" + block + "合同.docx\0".encode("utf-16-le")


def packed_header(plain, method=LZMA1, properties=bytes([93, 0, 0, 1, 0]), **kinds):
    filters = [{"id": lzma.FILTER_LZMA1 if method == LZMA1 else lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    packed = lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)
    block = streams(folder(coder(method, properties)), pack_sizes=(len(packed),), sizes=(len(plain),), **kinds)
    return archive(b"\x17" + block, packed)


@pytest.mark.parametrize(
    ("data", "scheme", "grade", "visible", "reason"),
    [
        pytest.param(seven_zip({"合同.docx": b"x" * 99}), "", "none", True, "unsupported", id="py7zr clear"),
        pytest.param(seven_zip({"合同.docx": b"x" * 99}, password="p"), "7z-aes", "strong", True, "encrypted", id="py7zr closed"),
        pytest.param(
            seven_zip({"合同.docx": b"x"}, password="p", closed_header=True), "7z-aes", "strong", False, "encrypted", id="py7zr header"
        ),
        pytest.param(archive(header(streams(folder(coder(LZMA2, b"\x10"))))), "", "none", True, "unsupported", id="clear"),
        pytest.param(
            archive(header(streams(folder(coder(LZMA2, b"\x10"), coder(AES, b"\x13"), bindings=b"\x00\x01"), sizes=(1, 2)))),
            "7z-aes", "strong", True, "encrypted", id="closed",
        ),
        pytest.param(
            archive(header(streams(folder(coder(AES, b"\x13")), folder(coder(COPY)), sizes=(1, 300)))),
            "7z-aes", "partial", True, "unsupported", id="partial",
        ),
        pytest.param(
            archive(header(streams(folder(coder(b"\x03\x03\x01\x1b", streams=(4, 1)), bindings=b"\x00\x01\x02\x03")))),
            "", "none", True, "unsupported", id="four inputs",
        ),
        pytest.param(archive(b"\x01\x02\x19\x01\xff\x00\x05"), "", "none", False, "unsupported", id="properties, no streams"),
        pytest.param(archive(b"", b""), "", "none", False, "unsupported", id="empty archive"),
        pytest.param(packed_header(header(streams(folder(coder(AES))))), "7z-aes", "strong", True, "encrypted", id="LZMA header"),
        pytest.param(
            packed_header(header(streams(folder(coder(AES)))), LZMA2, b"\x10"), "7z-aes", "strong", True, "encrypted", id="LZMA2 header"
        ),
        pytest.param(
            packed_header(header(streams(folder(coder(COPY)))), digests=b"\x0a\x01\x00\x00\x00\x00"), "", "none", True, "unsupported", id="digests"
        ),
        pytest.param(
            packed_header(header(streams(folder(coder(COPY)))), digests=b"\x0a\x00\x80\x00\x00\x00\x00"), "", "none", True, "unsupported", id="some digests"
        ),
    ],
)  # fmt: skip
def test_listing(data, scheme, grade, visible, reason):
    reading = read(data)
    assert (reading.encryption.scheme, reading.encryption.grade) == (scheme, grade)
    assert ("合同.docx" in "".join(text.text for text in reading.texts)) is visible
    assert reading.opaque.reason == reason


@pytest.mark.parametrize(
    ("data", "error", "why"),
    [
        pytest.param(b"7z\xbc\xaf\x27\x1c" + bytes(30), MalformedError, "start header", id="no checksum"),
        pytest.param(archive(header(streams(folder(coder(COPY)))))[:-3], MalformedError, "cut off", id="cut off"),
        pytest.param(archive(b"\x01\x04\x06"), MalformedError, "too early", id="header too short"),
        pytest.param(archive(b"\x01\x04\x00"), MalformedError, "no folders", id="no folders"),
        pytest.param(archive(b"\x01\x04\x06\x00\x01\x55"), MalformedError, "pack info", id="unknown pack property"),
        pytest.param(archive(b"\x01\x04\x06\x00\xff" + b"\xff" * 8), MalformedError, "counts too much", id="too many streams"),
        pytest.param(archive(b"\x01\x04\x07\x0b\x01\x01"), UnsupportedError, "external", id="external header"),
        pytest.param(archive(b"\x01\x04\x07\x0b\x00\x00\x00"), MalformedError, "no sizes", id="no sizes"),
        pytest.param(archive(b"\x17" + streams(folder(coder(COPY)))), UnsupportedError, "header coder", id="unknown coder"),
        pytest.param(
            archive(b"\x17" + streams(folder(coder(COPY)), folder(coder(COPY)), sizes=(1, 1))), UnsupportedError, "several", id="two folders"
        ),
        pytest.param(
            archive(b"\x17" + streams(folder(coder(LZMA1, bytes(5))), sizes=(1 << 30,))), MalformedError, "too large", id="huge header"
        ),
        pytest.param(
            archive(b"\x17" + streams(folder(coder(LZMA1, bytes([93, 0, 0, 1, 0])))), NOISE), ContentError, "", id="damaged header"
        ),
        pytest.param(
            archive(b"\x17" + streams(folder(coder(LZMA1, bytes([93, 0, 0, 1, 0]))), sizes=(0,)), NOISE), ContentError, "", id="header of nothing"
        ),
        pytest.param(
            archive(header(streams(folder(coder(AES)))), b"plain words " * 60), MalformedError, "plain", id="closed over plain bytes"
        ),
        pytest.param(
            archive(b"\x17" + streams(folder(coder(AES))), b"plain words " * 60), MalformedError, "plain", id="header closed over plain bytes"
        ),
    ],
)  # fmt: skip
def test_damage(data, error, why):
    with pytest.raises(error, match=why or None):
        read(data)


def test_cut_off_packed_header():
    data = packed_header(header(streams(folder(coder(COPY)))))
    shorter = data.replace(data[32:40], bytes(8))
    with pytest.raises((MalformedError, LimitError, UnsupportedError)):
        read(shorter)


def test_every_truncation_is_refused_or_opaque():
    data = seven_zip({"a": b"x" * 500}, password="p")
    for length in range(32, len(data)):
        with pytest.raises(ContentError):
            read(data[:length])
