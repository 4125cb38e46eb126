"""The walk over all objects of a PDF."""

import zlib

import pytest

from gateway.content import pdf_objects
from gateway.content.pdf_objects import walk
from gateway.content.reading import Budget, Source
from gateway.limits import Limits


def walked(content, **limits):
    return walk(content, Source(content, "", "application/pdf", Limits(**limits), Budget()))


def stream(content, dictionary=b""):
    return b"<</Length %d%s>>stream\n%s\nendstream endobj\n" % (len(content), dictionary, content)


def packed(numbers, body, count=b"/N 2"):
    first = b"/First %d" % len(numbers)
    return stream(zlib.compress(numbers + body), b"/Type/ObjStm" + count + first + b"/Filter/FlateDecode")


def test_places():
    content = b"1 0 obj<</Type/Page/Contents[3 0 R 4 0 R]>>endobj\n2 0 obj[5 0 R]endobj\n3 2 obj<</Type/Pages>>endobj"
    assert [each[:3] + each[4:] for each in walked(content).objects] == [
        (1, 0, 0, True, (3, 4)),
        (2, 0, 50, False, (5,)),
        (3, 2, 71, False, ()),
    ]


def test_packed_objects():
    content = b"9 0 obj" + packed(b"1 0 2 21 ", b"<</Type/Page/A(one)>><</B(two)>>")
    found = walked(content)
    assert [(each.number, each.is_packed, each.is_page) for each in found.objects] == [
        (9, False, False),
        (1, True, True),
        (2, True, False),
    ]
    assert list(found.found.words) == ["one", "two"]
    assert len(walked(b"9 0 obj" + packed(b"1 0 ", b"(one)", b"")).objects) == 1


def test_what_pages_draw_is_left_to_pdfium():
    page = b"1 0 obj<</Type/Page/Contents 2 0 R>>endobj\n"
    array = b"1 0 obj<</Type/Page/Contents 3 0 R>>endobj\n3 0 obj [2 0 R] endobj\n"
    text = b"2 0 obj" + stream(b"(words) Tj")
    assert list(walked(page + text).found.words) == []
    assert list(walked(array + text).found.words) == []
    assert list(walked(text).found.words) == ["words"]
    assert list(walked(page + text + b"2 0 obj" + stream(b"(new) Tj")).found.words) == ["words"]
    assert list(walked(stream(b"(words) Tj")).found.words) == ["words"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"1 0 obj" + stream(b"words"), id="length"),
        pytest.param(b"1 0 obj" + stream(b"words").replace(b"/Length 5", b"/Length 99"), id="wrong length"),
        pytest.param(b"1 0 obj" + stream(b"words").replace(b"/Length 5", b"/Length 5 0 R"), id="length by reference"),
        pytest.param(b"1 0 obj<<>>stream\nwords", id="no end"),
        pytest.param(b"1 0 obj<</Length 9999>>stream\nwords", id="length over the end"),
    ],
)
def test_streams(content):
    assert [text.strip() for text in walked(content).found.texts] == ["words"]


def test_stream_in_a_string():
    content = b"1 0 obj(a stream\n)endobj 2 0 obj" + stream(zlib.compress(b"words"), b"/Filter/FlateDecode")
    assert "words" in walked(content).found.texts
    whole = b"%PDF-1.4 1 0 obj endobj"
    assert [bytes(member.data) for member in walked(b"1 0 obj" + stream(whole)).found.files] == [whole]


def test_archive_between_objects():
    found = walked(b"1 0 obj endobj PK\x03\x04 2 0 obj endobj %%EOF PK\x03\x04").found.files
    assert [member.name for member in found] == ["(between objects at 15)"]
    assert walked(b"%%EOF" + stream(b"a") + b"PK\x03\x04").found.files == []


@pytest.mark.parametrize(
    ("name", "content", "limit"),
    [
        pytest.param("MAX_OBJECTS", b"1 0 obj " * 3, "max_pdf_objects", id="objects"),
        pytest.param("MAX_STREAMS", stream(b"a") * 3, "max_pdf_streams", id="streams"),
        pytest.param("MIB", b"1 0 obj stream\n" * 9, "max_pdf_stream_bytes", id="streams in one another"),
    ],
)
def test_limits(monkeypatch, name, content, limit):
    monkeypatch.setattr(pdf_objects, name, 2)
    assert walked(content).found.problem.limit == limit
