"""Words beside the pixels."""

import struct
import zlib

import pytest

from gateway.content.media import read_jpeg, read_png, read_runs
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError
from gateway.limits import Limits
from tests.samples.office import PNG


def source(data):
    return Source(data, "", "", Limits(), Budget())


def png(*chunks, end=True):
    out = PNG[:33]
    for kind, content in chunks:
        out += struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
    return out + (PNG[33:] if end else b"")


def jpeg(*segments, tail=b"\xff\xda\x00\x08pixels\xff\xd9"):
    out = b"\xff\xd8"
    for marker, content in segments:
        out += bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    return out + tail


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(PNG, [], id="none"),
        pytest.param(png((b"tEXt", "Title\0客户".encode())), ["Title: 客户"], id="tEXt"),
        pytest.param(png((b"zTXt", b"Note\0\0" + zlib.compress(b"words"))), ["Note: words"], id="zTXt"),
        pytest.param(png((b"zTXt", b"Note\0\0broken")), ["Note: broken"], id="damaged zTXt"),
        pytest.param(png((b"iTXt", b"K\0\0\0zh\0T\0" + "合同".encode())), ["K zh T: 合同"], id="iTXt"),
        pytest.param(png((b"iTXt", b"K\0\1\0zh\0T\0" + zlib.compress(b"words"))), ["K zh T: words"], id="packed iTXt"),
        pytest.param(png((b"eXIf", b"II*\0" + b"Camera model")), ["Camera model"], id="eXIf"),
        pytest.param(png((b"tEXt", b"a\0b"), (b"tEXt", b"c\0d")), ["a: b", "c: d"], id="two"),
        pytest.param(png((b"tEXt", b"a\0b"), end=False), ["a: b"], id="no end"),
        pytest.param(PNG[:20], [], id="cut off"),
    ],
)
def test_png(data, words):
    reading = read_png(source(data))
    assert "\n".join(text.text for text in reading.texts) == "\n".join(words) or all(
        word in reading.texts[0].text for word in words
    )
    assert bool(reading.texts) is bool(words)
    assert reading.opaque is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(jpeg((0xE0, b"JFIF\0words that are none")), [], id="none"),
        pytest.param(jpeg((0xFE, "备注 客户".encode())), ["备注 客户"], id="comment"),
        pytest.param(jpeg((0xE1, b"Exif\0\0Camera model")), ["Camera model"], id="EXIF"),
        pytest.param(
            jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + "<x>合同</x>".encode())), ["<x>合同</x>"], id="XMP"
        ),
        pytest.param(jpeg((0xED, b"Photoshop 3.0\0caption")), ["caption"], id="IPTC"),
        pytest.param(jpeg((0xE2, b"abcdef"), tail=b"xx"), ["abcdef"], id="garbage after a segment"),
        pytest.param(jpeg((0xE2, b"abcdef"), tail=b"\xff\xfe\x00\x00"), ["abcdef"], id="length of nothing"),
        pytest.param(b"\xff\xd8\xff", [], id="cut off"),
    ],
)
def test_jpeg(data, words):
    reading = read_jpeg(source(data))
    assert bool(reading.texts) is bool(words)
    assert all(word in reading.texts[0].text for word in words)
    assert reading.opaque is None


def test_words_that_unpack_to_too_much():
    bomb = png(*[(b"zTXt", b"N\0\0" + zlib.compress(bytes(1 << 20)))] * 4)
    with pytest.raises(LimitError, match="max_unpacked_bytes"):
        read_png(Source(bomb, "", "", Limits(max_unpacked_bytes=3 << 20), Budget()))
    with pytest.raises(LimitError, match="max_text_chars"):
        read_png(Source(bomb, "", "", Limits(max_text_chars=3 << 20), Budget()))


def test_many_chunks_end():
    assert read_png(source(PNG[:8] + bytes(12) * 120_000)).texts == ()
    assert read_jpeg(source(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 120_000)).texts == ()


def test_runs_of_a_drawing():
    (text,) = read_runs(source(b"\x00\x00" + "图纸编号".encode("utf-16-le"))).texts
    assert (text.text, text.location) == ("图纸编号", "metadata")
    assert read_runs(source(bytes(10))).texts == ()
