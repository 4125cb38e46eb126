"""LZ4 frames, by the tool and by hand."""

import os

import pytest

from gateway.content.lz4 import Lz4Decoder
from gateway.errors import MalformedError, UnsupportedError
from tests.samples.archives import piped

WORDS = ("合同编号 0001\n" * 9000).encode()
NOISE = os.urandom(100_000)
MIXED = NOISE[:70_000] + WORDS + NOISE[:70_000] + bytes(3_000_000)
HEAD = b"\x04\x22\x4d\x18\x60\x40\x82"
"""Independent blocks of 64 KiB, no checksums."""


def unpacked(data):
    decoder = Lz4Decoder("lz4")
    content = b"".join(decoder.chunks(data))
    return content, decoder.consumed_bytes


@pytest.mark.parametrize(
    "options", [[], ["-9"], ["-B4", "-BD"], ["-B5", "-BX"], ["-l"], ["--no-frame-crc"]], ids="".join
)
@pytest.mark.parametrize(
    "content", [WORDS, NOISE, MIXED, b"", b"x"], ids=["words", "noise", "mixed", "nothing", "byte"]
)
def test_what_lz4_writes(options, content):
    packed = piped(content, "lz4", "-c", *options)
    assert unpacked(packed) == (content, len(packed))
    assert b"".join(Lz4Decoder("lz4").pumped([packed[:9], packed[9:]])) == content


def test_content_size_is_passed_over():
    sized = b"\x04\x22\x4d\x18\x68\x40" + bytes(8) + b"\x00" + b"\x03\x00\x00\x80abc" + bytes(4)
    assert unpacked(sized + b"tail") == (b"abc", len(sized))


def block(content, *, stored=False):
    return (len(content) | stored << 31).to_bytes(4, "little") + content


@pytest.mark.parametrize(
    ("packed", "content"),
    [
        pytest.param(b"\x30abc", b"abc", id="literals"),
        pytest.param(b"\x13a\x01\x00\x50bcdef", b"aaaaaaaabcdef", id="a match that overlaps itself"),
        pytest.param(b"\x32abc\x03\x00\x00", b"abcabcabc", id="matches at the end"),
        pytest.param(b"\x32abc\x03\x00", b"abcabcabc", id="ends with a match"),
        pytest.param(b"\xf0\x01" + b"a" * 16, b"a" * 16, id="long literals"),
        pytest.param(b"\x1fa\x01\x00\xff\x02\x00", b"a" * 277, id="long match"),
    ],
)
def test_blocks(packed, content):
    assert unpacked(HEAD + block(packed) + bytes(4))[0] == content


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"\x04\x22\x4d\x18\x61\x40\x82" + bytes(8), UnsupportedError, id="dictionary"),
        pytest.param(b"\x04\x22\x4d\x18", MalformedError, id="magic only"),
        pytest.param(b"\x04\x22\x4d\x18\xe0\x40\x82" + bytes(8), MalformedError, id="version"),
        pytest.param(b"\x04\x22\x4d\x18\x60\x30\x82" + bytes(8), MalformedError, id="block size"),
        pytest.param(HEAD, MalformedError, id="no blocks"),
        pytest.param(HEAD + block(b"abc", stored=True)[:-1], MalformedError, id="stored block cut off"),
        pytest.param(HEAD[:4] + b"\x64\x40\x82" + bytes(4), MalformedError, id="no checksum"),
        pytest.param(HEAD + block(b"\x50abc") + bytes(4), MalformedError, id="literals cut off"),
        pytest.param(HEAD + block(b"\xf0") + bytes(4), MalformedError, id="length cut off"),
        pytest.param(HEAD + block(b"\x10a\x02\x00\x00") + bytes(4), MalformedError, id="before the start"),
        pytest.param(HEAD + block(b"\x10a\x00\x00\x00") + bytes(4), MalformedError, id="no distance"),
        pytest.param(HEAD + block(b"\x1fa\x01\x00" + b"\xff" * 600 + b"\x00") + bytes(4), MalformedError, id="too long"),
        pytest.param(HEAD + block(b"\x1fa\x01\x00" + b"\xff" * 40_000 + b"\x00") + bytes(4), MalformedError, id="far too long"),
        pytest.param(HEAD + block(b"\xf0" + b"\xff" * 300 + b"\x00" + b"a" * 76_515) + bytes(4), MalformedError, id="too many literals"),
        pytest.param(b"\x02\x21\x4c\x18\x05\x00\x00\x00abc", MalformedError, id="old frame cut off"),
    ],
)  # fmt: skip
def test_damage(data, error):
    with pytest.raises(error):
        unpacked(data)


def test_what_follows_an_old_frame_is_left():
    packed = b"\x02\x21\x4c\x18\x04\x00\x00\x00\x30abc"
    assert unpacked(packed + b"\xff\xff\xff\xff") == (b"abc", len(packed))
