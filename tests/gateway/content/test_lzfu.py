"""Compressed RTF; the first two are the examples of MS-OXRTFCP §4."""

import struct

import pytest

from gateway.content.lzfu import lzfu
from gateway.errors import MalformedError


def stored(content):
    return struct.pack("<2L4sL", len(content) + 12, len(content), b"MELA", 0) + content


def packed(stream, size):
    return struct.pack("<2L4sL", len(stream) + 12, size, b"LZFu", 0) + stream


@pytest.mark.parametrize(
    ("data", "content"),
    [
        pytest.param(
            bytes.fromhex(
                "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
            ),
            b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
            id="words",
        ),
        pytest.param(
            bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0"),
            b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
            id="a reference that overlaps itself",
        ),
        pytest.param(stored(b"{\\rtf1 x}"), b"{\\rtf1 x}", id="stored"),
        pytest.param(packed(b"\x00abc", 3), b"abc", id="no end mark"),
    ],
)
def test_bodies(data, content):
    assert lzfu(data) == content


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"x" * 40, id="unknown kind"),
        pytest.param(packed(b"\x00abc", 4), id="too short"),
        pytest.param(packed(b"\x01\x00", 0), id="reference cut off"),
    ],
)
def test_damage(data):
    with pytest.raises(MalformedError):
        lzfu(data)


def test_references_go_round_the_dictionary():
    letters = bytes(range(32, 127)) * 60
    stream = b"".join(b"\x00" + letters[start : start + 8] for start in range(0, len(letters), 8))
    assert lzfu(packed(stream + b"\x01\x00\x00", len(letters)))[: len(letters)] == letters
