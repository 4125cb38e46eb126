"""What hangs on the pages of a PDF."""

import io

import pikepdf
import pypdfium2
import pytest

from gateway.content.pdf_notes import attached_files, note_files, note_texts
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError
from gateway.limits import Limits
from tests.samples.office import pdf_bytes, pdf_with_files, pdf_with_note

PDF = pdf_bytes("words")


def notes(data):
    with pypdfium2.PdfDocument(data) as document:
        document.init_forms()
        return list(note_texts(document, document[0]))


def files(data, count=0, on_pages=(), **limits):
    return list(attached_files(Source(data, "", "application/pdf", Limits(**limits), Budget()), count, on_pages))


def test_no_notes():
    assert notes(PDF) == []


def test_text_of_a_note():
    assert notes(pdf_with_note(PDF, text="批注 机密")) == ["批注 机密"]


def test_target_of_a_link():
    assert notes(pdf_with_note(PDF, link="mailto:a@b.cn")) == ["mailto:a@b.cn"]


def test_link_into_the_document_has_no_target():
    assert notes(pdf_with_note(PDF, link="x").replace(b"/URI", b"/XXX")) == []


def test_very_long_note():
    with pytest.raises(LimitError, match="max_pdf_string_bytes"):
        notes(pdf_with_note(PDF, text="words" * 1_800_000))


def test_form_field_with_name_and_value():
    assert {"remark", "13800138000"} <= set(notes(pdf_bytes("words", field="13800138000")))


def test_value_that_stands_on_the_parent_of_a_field():
    with pikepdf.open(io.BytesIO(PDF)) as document:
        widget = document.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, Rect=[0, 0, 9, 9])
        )
        parent = document.make_indirect(
            pikepdf.Dictionary(FT=pikepdf.Name.Tx, T="group", V="inherited", Kids=pikepdf.Array([widget]))
        )
        widget.Parent = parent
        document.pages[0].obj.Annots = pikepdf.Array([widget])
        document.Root.AcroForm = document.make_indirect(pikepdf.Dictionary(Fields=pikepdf.Array([parent])))
        target = io.BytesIO()
        document.save(target)
    assert "inherited" in notes(target.getvalue())


def test_annotation_that_is_none_is_passed():
    with pikepdf.open(io.BytesIO(PDF)) as document:
        document.pages[0].obj.Annots = pikepdf.Array([pikepdf.Integer(5) if hasattr(pikepdf, "Integer") else 5])
        target = io.BytesIO()
        document.save(target)
    assert notes(target.getvalue()) == []


def test_too_many_notes():
    with pikepdf.open(io.BytesIO(PDF)) as document:
        note = document.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=[0, 0, 9, 9])
        )
        document.pages[0].obj.Annots = pikepdf.Array([note] * 10_001)
        target = io.BytesIO()
        document.save(target)
    with pytest.raises(LimitError, match="max_pdf_annotations"):
        notes(target.getvalue())


def test_files_of_the_document_and_of_notes():
    assert files(PDF) == []
    attached = pdf_with_files(PDF, {"名单.txt": b"words", "b.bin": b"x" * 9999})
    assert {(member.name, bytes(member.data)) for member in files(attached, 2)} == {
        ("名单.txt", b"words"),
        ("b.bin", b"x" * 9999),
    }
    noted = pdf_with_note(PDF, text="n", file=("合同.txt", b"content"))
    with pypdfium2.PdfDocument(noted) as document:
        assert note_files(document[0]) == [1]
    (member,) = files(noted, on_pages=[(0, 1)])
    assert (member.name, bytes(member.data), member.opaque) == ("合同.txt", b"content", None)


def test_file_over_a_limit_and_file_without_content():
    (member,) = files(pdf_with_files(PDF, {"a": b"x" * 100}), 1, max_member_bytes=99)
    assert member.opaque.limit == "max_member_bytes"
    broken = pdf_with_files(PDF, {"a": b"x" * 100}).replace(b"/EF", b"/EX")
    (member,) = files(broken, 1)
    assert member.opaque.reason == "malformed"
    with pytest.raises(LimitError, match="max_unpacked_bytes"):
        files(pdf_with_files(PDF, {"a": b"x" * 100}), 1, max_unpacked_bytes=99)
