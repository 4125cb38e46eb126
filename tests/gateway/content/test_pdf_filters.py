"""Filters of PDF streams."""

import base64
import zlib

import pytest

from gateway.content.pdf_filters import filters, plain_names, undone
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError
from gateway.limits import MIB, Limits

WORDS = b"words of a stream, words of a stream"


def undo(raw, dictionary, **limits):
    return undone(raw, dictionary, Source(raw, "", "application/pdf", Limits(**limits), Budget()))


def codes(*values, width=9):
    bits = "".join(f"{value:0{width}b}" for value in values)
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def rows(kind, *content):
    return zlib.compress(b"".join(bytes([kind]) + row for row in content))


ROWS = b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 3>>"


@pytest.mark.parametrize(
    ("dictionary", "expected"),
    [
        pytest.param(b"<</Filter /FlateDecode>>", [b"FlateDecode"], id="one"),
        pytest.param(b"<</Filter [ /A85 /Fl ]>>", [b"A85", b"Fl"], id="two"),
        pytest.param(b"<</F#69lter/Fl#61teDecode>>", [b"FlateDecode"], id="escaped"),
        pytest.param(b"<</Length 5>>", [], id="none"),
        pytest.param(b"<</Filter 5 0 R>>", [], id="reference"),
    ],
)
def test_filters(dictionary, expected):
    assert filters(dictionary) == expected
    assert plain_names(b"/a#zz") == b"/a#zz"


@pytest.mark.parametrize(
    ("raw", "dictionary", "expected"),
    [
        pytest.param(WORDS, b"", WORDS, id="no filter"),
        pytest.param(WORDS, b"/Filter/Unknown", WORDS, id="unknown filter"),
        pytest.param(zlib.compress(WORDS), b"/Filter/FlateDecode", WORDS, id="flate"),
        pytest.param(zlib.compress(WORDS), b"/Filter 5 0 R", WORDS, id="flate by reference"),
        pytest.param(b"\x78\x9cwords", b"", b"\x78\x9cwords", id="no flate"),
        pytest.param(b"words", b"/Filter/Fl", b"", id="damaged flate"),
        pytest.param(base64.a85encode(WORDS) + b"~>", b"/Filter/A85", WORDS, id="ASCII85"),
        pytest.param(b"<~" + base64.a85encode(bytes(4) + WORDS) + b"~>", b"/Filter/A85", bytes(4) + WORDS, id="zeros"),
        pytest.param(b"uuuuu~>", b"/Filter/A85", b"", id="impossible ASCII85"),
        pytest.param(b"77 6f72 6473 7>", b"/Filter/AHx", b"wordsp", id="odd hexadecimal"),
        pytest.param(b"\x04words\xfea\x80rest", b"/Filter/RL", b"wordsaaa", id="RunLength"),
        pytest.param(b"\x81a" * 4096, b"/Filter/RL", b"a" * 524288, id="long RunLength"),
        pytest.param(codes(256, 97, 98, 258, 260, 257), b"/Filter/LZWDecode", b"abababa", id="LZW"),
        pytest.param(codes(97, 98), b"/Filter/LZWDecode", b"ab", id="LZW without its end"),
        pytest.param(codes(97, 500), b"/Filter/LZWDecode", b"a", id="impossible LZW"),
        pytest.param(rows(0, b"abc", b"def"), ROWS, b"abcdef", id="rows as they are"),
        pytest.param(rows(1, b"a\x01\x01"), ROWS, b"abc", id="rows by what stands before"),
        pytest.param(rows(2, b"abc", b"\x01\x01\x01"), ROWS, b"abcbcd", id="rows by what stands above"),
        pytest.param(rows(3, b"a\x00\x00"), ROWS, b"a\x30\x18", id="rows by averages"),
        pytest.param(rows(4, b"abc", b"\x01\x00\x00"), ROWS, b"a\xc3\x26b\xc3\x26", id="rows by guesses"),
        pytest.param(rows(9, b"abc"), ROWS, b"abc", id="rows of no known type"),
        pytest.param(rows(0, b"a"), b"/Filter/Fl/DecodeParms<</Predictor 2>>", b"\x00a", id="TIFF predictor"),
    ],
)
def test_content(raw, dictionary, expected):
    assert undo(raw, dictionary) == (expected, [], None)


def test_picture_filters_are_left():
    raw = base64.a85encode(b"pixels") + b"~>"
    assert undo(raw, b"/Filter[/A85/DCTDecode]") == (b"pixels", [b"DCTDecode"], None)


def test_wide_codes():
    words = bytes(range(256)) * 3
    grown = "".join(f"{code:09b}" for code in [256, *words[:254]]) + "".join(f"{code:010b}" for code in words[254:400])
    raw = bytes(int(grown[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(grown), 8))
    assert undo(raw, b"/Filter/LZWDecode")[0][:380] == words[:380]


@pytest.mark.parametrize(
    ("raw", "dictionary", "limit"),
    [
        pytest.param(b"", b"/Filter[" + b"/Fl" * 9 + b"]", "max_pdf_filters", id="filters"),
        pytest.param(zlib.compress(bytes(9 * MIB)), b"/Filter/Fl", "max_decode_ratio", id="growth"),
        pytest.param(zlib.compress(bytes(99)), b"/Filter/Fl", "max_member_bytes", id="size"),
    ],
)
def test_limits(raw, dictionary, limit):
    limits = {"max_member_bytes": 98} if limit == "max_member_bytes" else {}
    assert undo(raw, dictionary, **limits)[2].limit == limit


def test_slow_filters_take_little():
    with pytest.raises(LimitError, match="max_pdf_slow_bytes"):
        undo(b"a" * (16 * MIB + 1), b"/Filter/A85")
