"""Folders of a 7z archive: every method undone, every wrong graph refused."""

import bz2
import lzma
import os
import zlib

import pytest
import zstandard

from gateway.content.reading import Budget
from gateway.content.sevenzip_folder import FolderReader, missing_method, opens_without_key
from gateway.content.sevenzip_header import Coder, Folder
from gateway.errors import EncryptedError, LimitError, MalformedError, UnsupportedError
from gateway.limits import MIB, Limits

WORDS = b"contract 0001, jump \xe8\x01\x02\x03\x04 and \xe9\x05\x06\x07\x00\n" * 5000
AES, BCJ2 = bytes.fromhex("06f10701"), bytes.fromhex("0303011b")
LZMA1_PROPERTIES = bytes([93, 0, 0, 1, 0])


def one(method, properties=b""):
    return Folder((Coder(method, properties, 1, 1),), {}, (0,))


def row(*coders):
    """Coders in a row, the first nearest to the content."""
    return Folder(
        tuple(Coder(method, properties, 1, 1) for method, properties in coders),
        {index: index + 1 for index in range(len(coders) - 1)},
        (len(coders) - 1,),
    )


def unpacked(folder, *packed, size=None, **limits):
    sizes = [len(WORDS) if size is None else size] * len(folder.coders)
    return b"".join(FolderReader(folder, packed, sizes, Limits(**limits)).chunks(Budget()))


def raw(data, *filters):
    return lzma.compress(data, lzma.FORMAT_RAW, filters=list(filters))


def deflate(data):
    codec = zlib.compressobj(9, zlib.DEFLATED, -15)
    return codec.compress(data) + codec.flush()


LZMA2_FILTER = {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}
FRAMES = zstandard.compress(WORDS[:1000]) + b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + zstandard.compress(WORDS[1000:])


@pytest.mark.parametrize(
    ("folder", "packed"),
    [
        pytest.param(one(b"\x00"), WORDS, id="copy"),
        pytest.param(one(b"\x03\x01\x01", LZMA1_PROPERTIES), raw(WORDS, {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}), id="LZMA"),
        pytest.param(one(b"\x21", b"\x10"), raw(WORDS, LZMA2_FILTER), id="LZMA2"),
        pytest.param(one(b"\x04\x01\x08"), deflate(WORDS), id="deflate"),
        pytest.param(one(b"\x04\x02\x02"), bz2.compress(WORDS), id="bzip2"),
        pytest.param(one(b"\x04\xf7\x11\x01", b"\x01\x05\x03"), zstandard.compress(WORDS), id="zstd"),
        pytest.param(one(b"\x04\xf7\x11\x01"), FRAMES, id="zstd in several frames"),
        pytest.param(
            row((b"\x03", b"\x03"), (b"\x21", b"\x10")), raw(WORDS, {"id": lzma.FILTER_DELTA, "dist": 4}, LZMA2_FILTER), id="delta"
        ),
        pytest.param(
            row((b"\x03\x03\x01\x03", b""), (b"\x21", b"\x10")), raw(WORDS, {"id": lzma.FILTER_X86}, LZMA2_FILTER), id="x86"
        ),
        pytest.param(
            row((b"\x07", bytes([4, 0, 0, 0])), (b"\x21", b"\x10")),
            raw(WORDS, {"id": lzma.FILTER_ARM, "start_offset": 4}, LZMA2_FILTER), id="ARM, moved",
        ),
        pytest.param(row((b"\x00", b""), (b"\x04\x02\x02", b""), (b"\x04\x01\x08", b"")), deflate(bz2.compress(WORDS)), id="three"),
    ],
)  # fmt: skip
def test_methods(folder, packed):
    folder_sizes = [len(WORDS)] * len(folder.coders)
    if len(folder.coders) == 3:
        folder_sizes[2] = len(bz2.compress(WORDS))
    assert b"".join(FolderReader(folder, [packed], folder_sizes, Limits()).chunks(Budget())) == WORDS
    assert missing_method(folder) == ""


def test_bcj2_takes_four_streams():
    folder = Folder((Coder(BCJ2, b"", 4, 1),), {}, (0, 1, 2, 3))
    taken = b"\x00" + b"\xff" * 8
    assert unpacked(folder, b"a\xe8", b"\x00\x00\x00\x0a", b"", taken, size=6) == b"a\xe8\x04\x00\x00\x00"


@pytest.mark.parametrize(
    ("folder", "packed", "error", "why"),
    [
        pytest.param(one(AES, b"\x13"), WORDS, EncryptedError, "7z-aes", id="cipher"),
        pytest.param(one(b"\x03\x04\x01", b"\x06\x00\x00\x01\x00"), WORDS, UnsupportedError, "PPMd", id="PPMd"),
        pytest.param(one(b"\x7f\x7f"), WORDS, UnsupportedError, "7f7f", id="unknown method"),
        pytest.param(one(b"\x21"), WORDS, MalformedError, "properties", id="no properties"),
        pytest.param(one(b"\x03\x01\x01", b"\xff" * 5), WORDS, MalformedError, "properties", id="LZMA properties"),
        pytest.param(one(b"\x03", b""), WORDS, MalformedError, "properties", id="delta without a distance"),
        pytest.param(one(b"\x07", bytes([1, 0, 0, 0])), WORDS, MalformedError, "filter", id="ARM from an odd place"),
        pytest.param(one(BCJ2), WORDS, MalformedError, "number of streams", id="BCJ2 of one stream"),
        pytest.param(Folder((Coder(b"\x00", b"", 2, 1),), {}, (0, 1)), WORDS, MalformedError, "number of streams", id="two inputs"),
        pytest.param(one(b"\x00"), WORDS[:-1], MalformedError, "ends too early", id="too short"),
        pytest.param(one(b"\x04\x02\x02"), bz2.compress(WORDS)[:60], MalformedError, "end too early", id="cut off"),
        pytest.param(one(b"\x04\x02\x02"), b"BZh9" + bytes(60), MalformedError, "damaged", id="damaged"),
        pytest.param(
            Folder((Coder(b"\x00", b"", 1, 1), Coder(b"\x00", b"", 1, 1), Coder(b"\x00", b"", 1, 1)), {0: 1, 1: 0}, (2,)),
            WORDS, MalformedError, "ends too early", id="a ring beside the content",
        ),
    ],
)  # fmt: skip
def test_refused(folder, packed, error, why):
    size = len(WORDS) + 1 if len(folder.coders) == 3 else len(WORDS)
    with pytest.raises(error, match=why):
        unpacked(folder, *[packed] * len(folder.packed), size=size)


def test_a_ring_is_refused():
    ring = Folder((Coder(b"\x00", b"", 1, 1), Coder(b"\x00", b"", 1, 1)), {0: 1, 1: 1}, ())
    with pytest.raises(MalformedError, match="ring"):
        unpacked(ring)


CIPHERTEXT = os.urandom(60_000)
PACKED = raw(WORDS, LZMA2_FILTER)


@pytest.mark.parametrize(
    ("folder", "packed", "expected"),
    [
        pytest.param(row((b"\x21", b"\x10"), (AES, b"\x13")), PACKED, True, id="LZMA2 as it is"),
        pytest.param(row((b"\x21", b"\x10"), (AES, b"\x13")), b"\x00" * 16 + PACKED, False, id="LZMA2, moved"),
        pytest.param(row((b"\x21", b"\x10"), (AES, b"\x13")), CIPHERTEXT, False, id="ciphertext"),
        pytest.param(row((b"\x03\x01\x01", LZMA1_PROPERTIES), (AES, b"\x13")), b"\x00" + CIPHERTEXT, False, id="LZMA"),
        pytest.param(row((b"\x21", b""), (AES, b"\x13")), PACKED, False, id="no properties"),
        pytest.param(row((b"\x00", b""), (AES, b"\x13")), PACKED, False, id="nothing packed"),
    ],
)  # fmt: skip
def test_a_cipher_that_is_none(folder, packed, expected):
    assert opens_without_key(folder, [packed], [len(WORDS)] * 2) is expected


def test_bombs_are_over_a_limit():
    bomb = raw(bytes(40 * MIB), LZMA2_FILTER)
    for limits, limit in (
        ({}, "max_decode_ratio"),
        ({"max_decode_ratio": 10**6, "max_unpacked_bytes": MIB}, "max_unpacked_bytes"),
        ({"max_decode_ratio": 10**6, "max_unpacked_bytes": MIB, "max_member_bytes": 1000}, "max_unpacked_bytes"),
    ):
        with pytest.raises(LimitError) as raised:
            unpacked(one(b"\x21", b"\x10"), bomb, size=40 * MIB, **limits)
        assert raised.value.limit == limit


def test_a_bomb_under_a_filter_is_over_a_limit():
    bomb = bz2.compress(bytes(40 * MIB))
    folder = row((b"\x04\x02\x02", b""), (b"\x04\x02\x02", b""))
    with pytest.raises((LimitError, MalformedError)):
        unpacked(folder, bz2.compress(bomb), size=40 * MIB)
