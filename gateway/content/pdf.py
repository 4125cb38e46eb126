"""PDF documents: pages as pdfium shows them, then every object of the file, whether a page uses it or not."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import pypdfium2 as pdfium
from pypdfium2 import raw

from gateway.content.pdf_encryption import pdf_encryption
from gateway.content.pdf_history import hidden_states
from gateway.content.pdf_notes import attached_files, note_files, note_texts
from gateway.content.pdf_objects import walk
from gateway.content.pdf_streams import Found
from gateway.content.reading import Member, Reading, Source
from gateway.content.windows import digest
from gateway.errors import ContentError, EncryptedError, LimitError, MalformedError, UnsupportedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Text
from gateway.transfer import Buffer

MAX_TITLES = 10_000
"""Most outline titles that are read."""
END_WITHIN_BYTES = 1024
"""Where the end mark has to be (ISO 32000-1, Annex H, note 18)."""
SCAN = "image/x-scan"
"""What a document of nothing but pictures counts as: nothing here reads pictures."""
_PASSWORD_ERRORS = {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}
_PICTURE_OR_TEXT = (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_TEXT)


def read_pdf(source: Source) -> Reading:
    """Reading of a PDF. Raises MalformedError when pdfium cannot open it."""
    content = bytes(source.data)
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if error.err_code not in _PASSWORD_ERRORS:
            raise MalformedError("pdf", "it cannot be opened") from None
        encryption = pdf_encryption(content)
        return Reading(encryption=encryption, opaque=EncryptedError(encryption.scheme))
    with document:
        document.init_forms()
        return _Document(document, source).reading()


def opens_as_pdf(data: Buffer) -> bool:
    """Whether pdfium opens `data`, or would with a password; for marks found inside other contents."""
    try:
        pdfium.PdfDocument(bytes(data)).close()
    except pdfium.PdfiumError as error:
        return error.err_code in _PASSWORD_ERRORS
    return True


class _Document:
    """Collects what one open document says; attachments open it again, so that none of it stays open between parts."""

    def __init__(self, document: pdfium.PdfDocument, source: Source) -> None:
        self.document, self.source = document, source
        self.texts: list[Text] = []
        self.problem: ContentError | None = None
        self.files: list[tuple[int, int]] = []
        """Page and index of each annotation that carries a file."""
        self.chars = 0
        """Characters that a reader of the pages sees."""
        self.hidden_pages = 0
        """Pages read that no reader shows."""

    def reading(self) -> Reading:
        """Texts, encryption, and attachments as members."""
        self._read_around()
        limits = self.source.limits
        pages = len(self.document)
        if pages > limits.max_pdf_pages:
            self.problem = LimitError("max_pdf_pages", allowed=limits.max_pdf_pages, actual=pages)
        for index in range(min(pages, limits.max_pdf_pages)):
            try:
                self._read_page(index)
            except (pdfium.PdfiumError, LimitError) as error:
                self.problem = (
                    error if isinstance(error, LimitError) else MalformedError("pdf", "a page cannot be read")
                )
                break
        if not self.chars and self.problem is None:
            self.problem = self._why_empty()
        found = self._read_objects()
        attached = attached_files(self.source, self.document.count_attachments(), self.files)
        members = _distinct(chain(attached, found.files))
        return Reading(tuple(self.texts), self._encryption(), self.problem, members)

    def _read_objects(self) -> Found:
        """Read what the pages do not show: all objects, and pages of older revisions or out of every tree."""
        content = bytes(self.source.data)
        is_protected = raw.FPDF_GetSecurityHandlerRevision(self.document) > 0
        if is_protected:  # without a password, so that pdfium can write it plainly
            content = _unprotected(self.document)
        walked = walk(content, self.source)
        found = walked.found
        self.problem = self.problem or found.problem
        known = {word for text in self.texts for word in text.text.split()}
        try:
            self._add("\n".join(_unknown(found.words, known)), "objects")
            for text in found.texts:
                self._add(text, "streams")
            states = hidden_states(content, walked.objects, shown_pages=len(self.document))
            for number, (state, pages) in enumerate(states):
                self._read_state(state, pages, f"revision {number + 1}", known)
        except LimitError as error:
            self.problem = self.problem or error
        return found

    def _read_state(self, state: bytes, pages: int, where: str, known: set[str]) -> None:
        """Text of the pages of a state of the document that no reader shows, as far as it can be opened."""
        limits = self.source.limits
        self.hidden_pages += pages
        if self.hidden_pages > limits.max_pdf_pages:
            raise LimitError("max_pdf_pages", allowed=limits.max_pdf_pages, actual=self.hidden_pages)
        try:
            document = pdfium.PdfDocument(state)
        except pdfium.PdfiumError:  # what is broken there, no reader brings back; its strings have been read
            return
        with document:
            for index in range(len(document)):
                try:
                    text = _page_text(document, index)
                except pdfium.PdfiumError:
                    continue
                self._add("\n".join(_unknown(text.splitlines(), known)), where)

    def _encryption(self) -> Encryption:
        revision = raw.FPDF_GetSecurityHandlerRevision(self.document)
        # opened without a password: only the permissions are protected, which protects nothing
        return Encryption(f"pdf-r{revision}") if revision > 0 else NOT_ENCRYPTED

    def _add(self, text: str, location: str) -> None:
        text = text.replace("\r\n", "\n").replace("\ufffe", "")  # pdfium's mark for a hyphen at the end of a line
        if text and not text.isspace():
            self.chars += len(text)
            limits = self.source.limits
            if self.chars > limits.max_text_chars:
                raise LimitError("max_text_chars", allowed=limits.max_text_chars, actual=self.chars)
            self.texts.append(Text(text, location))

    def _read_around(self) -> None:
        """Metadata and outline, which do not count as characters of the document."""
        self._add("\n".join(self.document.get_metadata_dict(skip_empty=True).values()), "metadata")
        titles = islice(self.document.get_toc(), MAX_TITLES)
        self._add("\n".join(title.get_title() for title in titles), "outline")
        self.chars = 0

    def _read_page(self, index: int) -> None:
        page = self.document[index]
        try:
            self._add(_text_of(page), f"page {index + 1}")
            notes = "\n".join(note_texts(self.document, page))
            self._add(notes, f"page {index + 1} annotations")
            self.files.extend((index, note) for note in note_files(page))
        finally:
            page.close()

    def _why_empty(self) -> ContentError | None:
        """Why a document without a character may still say something; None for drawings and blank pages."""
        if self.document.get_formtype() == raw.FORMTYPE_XFA_FULL:
            return UnsupportedError("application/pdf; xfa")
        for index in range(len(self.document)):
            page = self.document[index]
            try:
                if any(True for _ in page.get_objects(filter=_PICTURE_OR_TEXT, max_depth=5)):
                    return UnsupportedError(SCAN)
            finally:
                page.close()
        if b"%%EOF" not in bytes(self.source.data[-END_WITHIN_BYTES:]):
            return MalformedError("pdf", "its end is missing and nothing could be read")
        return None


def _text_of(page: pdfium.PdfPage) -> str:
    text_page = page.get_textpage()
    try:
        return str(text_page.get_text_range())
    finally:
        text_page.close()


def _page_text(document: pdfium.PdfDocument, index: int) -> str:
    page = document[index]
    try:
        return _text_of(page)
    finally:
        page.close()


def _unknown(lines: Iterable[str], known: set[str]) -> Iterator[str]:
    """The lines with a word that has not been read yet; their words become known."""
    for line in lines:
        words = set(line.split())
        if not words <= known:
            known |= words
            yield line


def _unprotected(document: pdfium.PdfDocument) -> bytes:
    """A copy of the document without encryption; all objects that its newest revision knows are in it."""
    target = io.BytesIO()
    document.save(target, flags=raw.FPDF_REMOVE_SECURITY)
    return target.getvalue()


def _distinct(members: Iterable[Member]) -> Iterator[Member]:
    """The members without those that are the same bytes as one before."""
    seen: set[str] = set()
    for member in members:
        mark = digest(member.data)
        if member.opaque is not None or mark not in seen:
            seen.add(mark)
            yield member
