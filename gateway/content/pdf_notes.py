"""What hangs on the pages of a PDF: annotations, form values, links, attached files."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence

import pypdfium2 as pdfium
from pypdfium2 import raw

from gateway.content.reading import Member, Source
from gateway.errors import LimitError, MalformedError
from gateway.limits import MIB

MAX_ANNOTATIONS = 10_000
"""Most annotations of one page; over it the document is over a limit."""
MAX_STRING_BYTES = 16 * MIB
"""Longest string asked of pdfium, in UTF-16; over it the document is over a limit."""
_KEYS = (b"Contents", b"V", b"T", b"TU", b"RC", b"Subj")
"""Text, field value, field name or author, tooltip, rich text, subject (ISO 32000-2, tables 166, 172, 226)."""
_FORM_VALUES = (raw.FPDFAnnot_GetFormFieldValue, raw.FPDFAnnot_GetFormFieldAlternateName)


def note_texts(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[str]:
    """Texts of all annotations of a page, form values and link targets among them. Raises LimitError."""
    for note in _notes(page):
        found = [_string(raw.FPDFAnnot_GetStringValue, note, key) for key in _KEYS]
        if document.formenv and raw.FPDFAnnot_GetSubtype(note) == raw.FPDF_ANNOT_WIDGET:
            found += [_string(read, document.formenv, note) for read in _FORM_VALUES]
        link = raw.FPDFAnnot_GetLink(note)
        if link:
            found.append(_string(raw.FPDFAction_GetURIPath, document, raw.FPDFLink_GetAction(link), encoding="utf-8"))
        yield from (text for text in dict.fromkeys(found) if text)


def _notes(page: pdfium.PdfPage) -> Iterator[raw.FPDF_ANNOTATION]:
    count = raw.FPDFPage_GetAnnotCount(page)
    if count > MAX_ANNOTATIONS:
        raise LimitError("max_pdf_annotations", allowed=MAX_ANNOTATIONS, actual=count)
    for index in range(count):
        note = raw.FPDFPage_GetAnnot(page, index)
        if note:
            try:
                yield note
            finally:
                raw.FPDFPage_CloseAnnot(note)


def _string(read: Callable[..., int], *handles: object, encoding: str = "utf-16-le") -> str:
    """A string from one of pdfium's functions that fill a buffer and say how many bytes they need, NUL counted.

    Empty when there is none. Raises LimitError.
    """
    needed = read(*handles, None, 0)
    if needed > MAX_STRING_BYTES:
        raise LimitError("max_pdf_string_bytes", allowed=MAX_STRING_BYTES, actual=needed)
    buffer = ctypes.create_string_buffer(max(needed, 2))
    target = buffer if encoding == "utf-8" else ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    read(*handles, target, needed)
    return buffer.raw.decode(encoding, "replace").rstrip("\x00")


def note_files(page: pdfium.PdfPage) -> list[int]:
    """Indices of the annotations that carry a file."""
    return [index for index, note in enumerate(_notes(page)) if raw.FPDFAnnot_GetFileAttachment(note)]


def attached_files(source: Source, count: int, on_pages: Sequence[tuple[int, int]]) -> Iterator[Member]:
    """The `count` files attached to the document, then those of annotations, given as (page, annotation).

    Opens the document again, and only if there is something to fetch.
    """
    if not count and not on_pages:
        return
    with pdfium.PdfDocument(bytes(source.data)) as document:
        for index in range(count):
            yield _file(raw.FPDFDoc_GetAttachment(document, index), source)
        for number, index in on_pages:
            page = document[number]
            note = raw.FPDFPage_GetAnnot(page, index)
            try:
                yield _file(raw.FPDFAnnot_GetFileAttachment(note), source)
            finally:
                raw.FPDFPage_CloseAnnot(note)
                page.close()


def _file(handle: raw.FPDF_ATTACHMENT, source: Source) -> Member:
    """One attached file; what cannot be fetched is opaque."""
    name = _string(raw.FPDFAttachment_GetName, handle)
    size = ctypes.c_ulong()
    limits = source.limits
    if not raw.FPDFAttachment_GetFile(handle, None, 0, size):
        return Member(name, opaque=MalformedError("pdf", "an attachment cannot be fetched"))
    if size.value > limits.max_member_bytes:
        error = LimitError("max_member_bytes", allowed=limits.max_member_bytes, actual=size.value)
        return Member(name, opaque=error)
    source.budget.take_bytes(size.value, limits)
    buffer = ctypes.create_string_buffer(size.value)
    raw.FPDFAttachment_GetFile(handle, buffer, size.value, size)
    return Member(name, buffer.raw)
