"""Documents as real programs write them; each function gives the bytes of one file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import docx
import openpyxl
import pikepdf
import pptx
from msoffcrypto.format.ooxml import OOXMLFile
from pptx.util import Inches
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen import canvas

PASSWORD = "correct horse"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
"""One grey pixel."""


def docx_bytes(
    *paragraphs: str | Sequence[str],
    table: Sequence[Sequence[str]] = (),
    header: str = "",
    footer: str = "",
    title: str = "",
    comment: str = "",
    picture: bytes = b"",
) -> bytes:
    """A Word document; a paragraph given as a sequence is written in as many runs."""
    document = docx.Document()
    for runs in paragraphs:
        paragraph = document.add_paragraph()
        for run in [runs] if isinstance(runs, str) else runs:
            paragraph.add_run(run)
    if comment:
        document.add_comment(document.paragraphs[0].runs, text=comment, author="Auditor")
    if table:
        cells = document.add_table(len(table), len(table[0]))
        for row, words in enumerate(table):
            for column, word in enumerate(words):
                cells.cell(row, column).text = word
    if picture:
        document.add_picture(io.BytesIO(picture))
    section = document.sections[0]
    section.header.paragraphs[0].text = header
    section.footer.paragraphs[0].text = footer
    document.core_properties.title = title
    return _saved(document.save)


def xlsx_bytes(*rows: Sequence[object], sheet: str = "Sheet1", hidden_rows: Sequence[Sequence[object]] = ()) -> bytes:
    """An Excel workbook with strings in the cells; `hidden_rows` go to a second, hidden sheet."""
    workbook = openpyxl.Workbook()
    active = workbook.active
    active.title = sheet
    for row in rows:
        active.append(list(row))
    if hidden_rows:
        hidden = workbook.create_sheet("Archive")
        hidden.sheet_state = "hidden"
        for row in hidden_rows:
            hidden.append(list(row))
    return _saved(workbook.save)


def pptx_bytes(*titles: str, notes: str = "", table: Sequence[Sequence[str]] = ()) -> bytes:
    """A PowerPoint presentation, a slide for each title; notes and table are on the last one."""
    presentation = pptx.Presentation()
    for title in titles:
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = title
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    if table:
        shape = slide.shapes.add_table(len(table), len(table[0]), Inches(1), Inches(2), Inches(4), Inches(1))
        for row, words in enumerate(table):
            for column, word in enumerate(words):
                shape.table.cell(row, column).text = word
    return _saved(presentation.save)


def pdf_bytes(*pages: str, title: str = "", field: str = "", picture: bytes = b"", drawing: bool = False) -> bytes:
    """A PDF, a page for each text; `field` is the value of a form field on the last page."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    target = io.BytesIO()
    page = canvas.Canvas(target, invariant=1)
    page.setTitle(title)
    for words in pages:
        page.setFont("STSong-Light", 12)
        for line, text in enumerate(words.splitlines()):
            page.drawString(72, 750 - 20 * line, text)
        if drawing:
            page.circle(200, 500, 80)
        if picture:
            page.drawInlineImage(_opened(picture), 100, 300, 50, 50)
        if field and words == pages[-1]:
            page.acroForm.textfield(name="remark", value=field, x=72, y=500)
        page.showPage()
    page.save()
    return target.getvalue()


def pdf_with_files(pdf: bytes, files: dict[str, bytes]) -> bytes:
    """The same PDF with files attached."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for name, content in files.items():
            document.attachments[name] = pikepdf.AttachedFileSpec(document, content, filename=name)
        return _saved(document.save)


def pdf_with_note(pdf: bytes, *, text: str = "", link: str = "", file: tuple[str, bytes] | None = None) -> bytes:
    """The same PDF with annotations on its first page."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        notes = [{"/Subtype": pikepdf.Name.Text, "/Contents": pikepdf.String(text)}] if text else []
        if link:
            action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String(link))
            notes.append({"/Subtype": pikepdf.Name.Link, "/A": action})
        if file:
            attached = pikepdf.AttachedFileSpec(document, file[1], filename=file[0])
            notes.append({"/Subtype": pikepdf.Name.FileAttachment, "/FS": attached.obj})
        box = pikepdf.Array([10, 10, 50, 50])
        document.pages[0].obj.Annots = pikepdf.Array(
            [
                document.make_indirect(pikepdf.Dictionary({"/Type": pikepdf.Name.Annot, "/Rect": box, **note}))
                for note in notes
            ]
        )
        return _saved(document.save)


def pdf_encrypted(pdf: bytes, revision: int, *, user: str = PASSWORD, attachments_only: bool = False) -> bytes:
    """The same PDF encrypted; `user=""` protects the permissions only."""
    with pikepdf.open(io.BytesIO(pdf)) as document, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the weak revisions are deprecated, which is the point
        encryption = pikepdf.Encryption(user=user, owner="owner", R=revision, metadata=revision >= 4, aes=revision >= 4)
        saved = _saved(lambda target: document.save(target, encryption=encryption))
    return saved.replace(b"/StmF /StdCF", b"/StmF /Identity") if attachments_only else saved


def office_encrypted(document: bytes, password: str = PASSWORD) -> bytes:
    """An Office package encrypted the agile way."""
    source = OOXMLFile(io.BytesIO(document))
    return _saved(lambda target: source.encrypt(password, target))


def _saved(save) -> bytes:
    target = io.BytesIO()
    save(target)
    return target.getvalue()


def _opened(picture: bytes):
    from PIL import Image  # noqa: PLC0415  # only this sample needs it

    return Image.open(io.BytesIO(picture))
