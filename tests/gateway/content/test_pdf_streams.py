"""What streams of a PDF say."""

import zlib

import pytest

from gateway.content.pdf_streams import StreamReader
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError
from gateway.limits import MIB, Limits

JPEG = b"\xff\xd8\xff\xfe\x00\x09comment\xff\xd9"
PICTURE = b"/Subtype /Image"


def reader(**limits):
    return StreamReader(Source(b"", "", "application/pdf", Limits(**limits), Budget()))


def read(content, dictionary=b""):
    one = reader()
    assert one.read(content, dictionary, 7)
    return one.found


@pytest.mark.parametrize(
    ("content", "words", "texts"),
    [
        pytest.param("合同 words".encode(), [], ["合同 words"], id="writing"),
        pytest.param(b"<a>b<i>c</i></a>", [], ["<a>b<i>c</i></a>", "bc"], id="markup"),
        pytest.param(b"<a>(b) Tj</a>", [], ["<a>(b) Tj</a>", "(b) Tj"], id="markup that speaks of drawing"),
        pytest.param(b"0 0 9 9 re f 1 w 0 0 m S Q", [], [], id="drawing"),
        pytest.param(b"1 begincmap <0041> beginbfchar", ["beginbfchar"], [], id="map of characters"),
        pytest.param(b"%!PS font notice\neexec\x00\x01" + bytes(99), ["!PS font notice"], [], id="Type 1 font"),
        pytest.param(b"OTTO words" + bytes(99), [], [], id="OpenType font"),
        pytest.param(bytes(36) + b"acsp words" + bytes(99), [], [], id="colour profile"),
        pytest.param(b"\x00\x01words\x02\x03" + bytes(99), [], ["words"], id="binary"),
    ],
)
def test_content(content, words, texts):
    found = read(content)
    assert (list(found.words), found.texts, found.files) == (words, texts, [])


def test_each_word_once():
    one = reader()
    one.words(b"(words)(words)(more)")
    assert list(one.found.words) == ["words", "more"]


def test_drawn_text_waits():
    assert reader().read(b"BT (a) Tj ET", b"", 0) is False


def test_files():
    assert [member.name for member in read(b"%PDF-1.4", b"").files] == ["(stream at 7)"]
    assert [member.name for member in read(b"words", b"/Type/EmbeddedFile").files] == ["(file)"]
    assert read(b"words", b"/EmbeddedFiles").files == []


@pytest.mark.parametrize(
    ("raw", "dictionary", "content", "texts"),
    [
        pytest.param(b"words", b"", b"words", [], id="no picture"),
        pytest.param(JPEG, PICTURE + b"/Filter/DCTDecode", b"", ["comment", "comment"], id="JPEG"),
        pytest.param(JPEG, b"/Filter/DCTDecode", b"", ["comment", "comment"], id="JPEG that nobody calls a picture"),
        pytest.param(zlib.compress(bytes(9999)), PICTURE + b"/Filter/FlateDecode", b"", [], id="pixels"),
        pytest.param(b"plain words in it " * 9, PICTURE, b"plain words in it " * 9, [], id="words as pixels"),
        pytest.param(b"short", PICTURE, b"", [], id="few pixels"),
    ],
)
def test_pictures(raw, dictionary, content, texts):
    one = reader()
    assert one.content(raw, dictionary) == content
    assert "\n".join(one.found.texts).split() == texts


def test_limits():
    one = reader(max_text_chars=9)
    with pytest.raises(LimitError, match="max_text_chars"):
        one.read(b"more words", b"", 0)
    one = reader()
    with pytest.raises(LimitError, match="max_pdf_binary_bytes"):
        one.read(bytes(64 * MIB + 1), b"", 0)
    one.content(zlib.compress(bytes(9 * MIB)), b"/Filter/FlateDecode")
    assert one.found.problem.limit == "max_decode_ratio"
