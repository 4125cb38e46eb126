"""PDF documents."""

import io
import re

import pikepdf
import pytest
from reportlab.pdfgen import canvas

from gateway.content.pdf import opens_as_pdf, read_pdf
from gateway.content.reading import Budget, Source
from gateway.errors import MalformedError
from gateway.limits import Limits
from tests.samples.office import PNG, pdf_bytes, pdf_encrypted, pdf_with_files, pdf_with_note

WORDS = pdf_bytes("合同编号 13800138000", "second page", title="标题")


def read(data, **limits):
    return read_pdf(Source(data, "", "application/pdf", Limits(**limits), Budget()))


def texts(data):
    return {text.location: text.text for text in read(data).texts}


def drawn(draw):
    target = io.BytesIO()
    page = canvas.Canvas(target, invariant=1)
    draw(page)
    page.save()
    return target.getvalue()


def edited(data, edit):
    with pikepdf.open(io.BytesIO(data)) as document:
        edit(document)
        target = io.BytesIO()
        document.save(target)
        return target.getvalue()


def test_pages_and_metadata():
    reading = read(memoryview(WORDS))
    found = {text.location: text.text for text in reading.texts}
    assert found["page 1"] == "合同编号 13800138000"
    assert found["page 2"] == "second page"
    assert "标题" in found["metadata"]
    assert (reading.opaque, reading.encryption.scheme, list(reading.members)) == (None, "", [])


def test_notes_forms_and_outline():
    assert texts(pdf_with_note(WORDS, text="批注"))["page 1 annotations"] == "批注"
    assert "value" in texts(pdf_bytes("words", field="value"))["page 1 annotations"]

    def outlined(page):
        page.drawString(9, 9, "words")
        page.bookmarkPage("a")
        page.addOutlineEntry("Chapter", "a")

    assert texts(drawn(outlined))["outline"] == "Chapter"


def test_text_outside_the_page_is_read():
    assert "far away" in texts(drawn(lambda page: page.drawString(5000, 5000, "far away")))["page 1"]


def test_attachments_are_members():
    data = pdf_with_note(pdf_with_files(WORDS, {"a.txt": b"one"}), file=("b.txt", b"two"))
    assert sorted((member.name, bytes(member.data)) for member in read(data).members) == [
        ("a.txt", b"one"),
        ("b.txt", b"two"),
    ]


@pytest.mark.parametrize("revision", [2, 3, 4, 5, 6])
def test_password(revision):
    reading = read(pdf_encrypted(WORDS, revision))
    assert reading.opaque.reason == "encrypted"
    assert reading.encryption.scheme == f"pdf-r{revision}"
    assert reading.encryption.grade == ("strong" if revision == 6 else "weak")


def test_permissions_only_protect_nothing():
    reading = read(pdf_encrypted(WORDS, 6, user=""))
    assert (reading.opaque, reading.encryption.scheme, reading.encryption.grade) == (None, "pdf-r6", "none")
    assert any("13800138000" in text.text for text in reading.texts)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(pdf_bytes("", picture=PNG), "unsupported", id="nothing but a picture"),
        pytest.param(pdf_bytes("words", picture=PNG), None, id="a picture and words"),
        pytest.param(pdf_bytes("", drawing=True), None, id="a drawing"),
        pytest.param(pdf_bytes(""), None, id="a blank page"),
        pytest.param(drawn(lambda page: page.drawString(9, 9, " ")), "unsupported", id="text that gives no characters"),
        pytest.param(pdf_bytes("").replace(b"%%EOF", b""), "malformed", id="a blank page without its end"),
        pytest.param(WORDS.replace(b"%%EOF", b""), None, id="words without the end"),
        pytest.param(b"junk\n" + WORDS, None, id="something before"),
        pytest.param(WORDS + b"junk", None, id="something behind"),
    ],
)
def test_documents_without_characters(data, reason):
    opaque = read(data).opaque
    assert (opaque.reason if opaque else None) == reason


def test_dynamic_form_is_not_read():
    def xfa(document):
        stream = document.make_stream(b"<xdp/>")
        document.Root.AcroForm = document.make_indirect(pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=stream))
        document.Root.NeedsRendering = True

    assert "xfa" in str(read(edited(pdf_bytes(""), xfa)).opaque)


def test_page_that_cannot_be_loaded():
    def broken(document):
        document.Root.Pages.Kids = pikepdf.Array(
            [document.Root.Pages.Kids[0], document.make_indirect(pikepdf.Dictionary())]
        )

    data = edited(WORDS, broken)
    reading = read(data)
    assert reading.opaque is None or reading.opaque.reason == "malformed"
    assert any("13800138000" in text.text for text in reading.texts)


def test_page_tree_that_counts_pages_it_lacks():
    data = re.sub(rb"/Count 2", b"/Count 9", WORDS)
    assert read(data).opaque.reason == "malformed"


@pytest.mark.parametrize(
    "data", [b"%PDF-1.4", b"%PDF-1.4\n1 0 obj\nendobj\n%%EOF", WORDS[:200]], ids=["header", "empty", "cut off"]
)
def test_what_does_not_open(data):
    with pytest.raises(MalformedError, match="cannot be opened"):
        read(data)


def test_limits():
    assert read(WORDS, max_pdf_pages=1).opaque.limit == "max_pdf_pages"
    assert read(WORDS, max_pdf_pages=2).opaque is None
    assert read(pdf_bytes("words " * 100), max_text_chars=300).opaque.limit == "max_text_chars"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(WORDS, True, id="pdf"),
        pytest.param(pdf_encrypted(WORDS, 6), True, id="with a password"),
        pytest.param(b"%PDF-1.4 as a constant", False, id="no pdf"),
    ],
)
def test_opens_as_pdf(data, expected):
    assert opens_as_pdf(data) is expected
