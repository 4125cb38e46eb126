"""Media types by content, never by label alone: own tables first, libmagic for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable

import magic
import olefile

from gateway.content import magics
from gateway.content.buffers import file_over, find
from gateway.content.encodings import is_textual
from gateway.content.iso import is_iso
from gateway.content.mail import MAIL_TYPE, MBOX_TYPE, is_mail, is_mbox
from gateway.content.ole import OLE_ERRORS
from gateway.content.rtf import RTF_TYPE
from gateway.content.zip_records import END_SIGNATURE, has_end_record
from gateway.limits import KIB
from gateway.transfer import Buffer

LIBMAGIC_BYTES = 256 * KIB
"""What libmagic gets to see: what needs more (OLE) is told by our own tables."""
HEAD_BYTES = 4 * KIB
PDF_HEADER_WITHIN_BYTES = 1024
"""Where readers still look for `%PDF-` (ISO 32000-1, Annex H, note 13)."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    f"{_OFFICE}wordprocessingml.document",
    f"{_OFFICE}spreadsheetml.sheet",
    f"{_OFFICE}presentationml.presentation",
)
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
VISIO, XPS, OFD, EPUB, JAR = (
    "application/vnd.ms-visio.drawing",
    "application/vnd.ms-xpsdocument",
    "application/ofd",
    "application/epub+zip",
    "application/java-archive",
)
ODF_PREFIX = "application/vnd.oasis.opendocument."
PACKAGE_TYPES = (
    (b"xl/workbook.bin", XLSB),
    (b"word/", DOCX),
    (b"xl/", XLSX),
    (b"ppt/", PPTX),
    (b"visio/", VISIO),
    (b"FixedDocSeq", XPS),
    (b"Documents/", XPS),
)
"""Start of a member's name in an Office package → type."""
DOC, XLS, PPT, MSG, ENCRYPTED_OFFICE = (
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook",
    "application/encrypted",
)
_OLE_STREAMS = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("WordDocument", DOC),
    ("Workbook", XLS),
    ("Book", XLS),
    ("PowerPoint Document", PPT),
    ("__properties_version1.0", MSG),
    ("VisioDocument", "application/vnd.visio"),
)
OLE_TYPES = (magics.OLE, *dict.fromkeys(media_type for _, media_type in _OLE_STREAMS))
"""All types that `ole_type` gives."""
CLOSED_CONTAINERS = frozenset(
    [
        "application/x-lz4+json",
        "application/x-lzop",
        "application/x-snappy-framed",
        "application/x-lha",
        "application/x-lzh-compressed",
        "application/x-lharc",
        "application/x-arj",
        "application/x-arc",
        "application/x-ace-compressed",
        "application/x-zoo",
        "application/x-stuffit",
        "application/x-ms-wim",
        "application/x-apple-diskimage",
        "application/x-xar",
        "application/x-squashfs",
    ]
)
"""Compressed contents and archives, as libmagic names them, that hide what is in them and have no reader here."""
_CENTRAL_NAME = re.compile(rb"PK\x01\x02.{24}(..).{16}", re.DOTALL)
_TEXT_SUFFIXES = {
    "csv": "text/csv", "tsv": "text/tab-separated-values", "md": "text/markdown", "py": "text/x-python",
    "js": "text/javascript", "ts": "text/x-typescript", "java": "text/x-java", "c": "text/x-c", "h": "text/x-c",
    "cpp": "text/x-c++", "go": "text/x-go", "rs": "text/x-rust", "sh": "text/x-shellscript", "sql": "application/sql",
    "css": "text/css", "yaml": "application/yaml", "yml": "application/yaml", "dxf": "image/vnd.dxf",
    "step": "model/step", "stp": "model/step", "igs": "model/iges", "eml": MAIL_TYPE, "mht": MAIL_TYPE, "mhtml": MAIL_TYPE,
}  # fmt: skip
"""What a name may say about content that is already proven to be text."""


class MediaTypes:
    """Tells media types; wraps one libmagic cookie, so make one per process and keep it to one thread at a time."""

    def __init__(self, ask: Callable[[bytes], str] | None = None) -> None:
        """`ask` stands in for libmagic: bytes → media type, raising MagicException when it cannot say."""
        self._from_buffer = ask or magic.Magic(mime=True).from_buffer

    def of(self, data: Buffer, name: str = "") -> str:
        """Media type of `data`, lower case, without parameters; `name` only refines what is proven to be text.

        Never raises for any bytes.
        """
        if len(data) == 0:
            return magics.EMPTY
        head = bytes(data[:HEAD_BYTES])
        known = magics.by_prefix(head)
        if known == magics.ZIP:
            return package_type(data)
        if known == magics.OLE:
            return ole_type(data)
        if known:
            return known
        if is_iso(data):
            return magics.ISO
        if self._has_pdf(data, head):
            return magics.PDF
        if is_textual(data):
            return text_type(head, name)
        if has_end_record(data):
            return package_type(data)
        if magics.openpgp_encrypted(head):
            return magics.OPENPGP
        return self._ask(data)

    @staticmethod
    def _has_pdf(data: Buffer, head: bytes) -> bool:
        # prose about PDF names the header too; only a file with objects in it can be opened
        return b"%PDF-" in head[:PDF_HEADER_WITHIN_BYTES] and find(data, b"endobj") >= 0

    def _ask(self, data: Buffer) -> str:
        try:
            answer = str(self._from_buffer(bytes(data[:LIBMAGIC_BYTES])))
        except (magic.MagicException, UnicodeDecodeError):
            return magics.UNKNOWN
        return answer.lower() if "/" in answer else magics.UNKNOWN


def text_type(head: bytes, name: str) -> str:
    """Type of a content that is text, from its first bytes and, where they say nothing, its name.

    >>> text_type(b"<!DOCTYPE html><p>", "")
    'text/html'
    >>> text_type(b"plain words", "a.pdf")
    'text/plain'
    """
    start = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:256].lower()
    if start.startswith(b"{\\rtf"):
        return RTF_TYPE
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start:
        return "text/html"
    if start.startswith(b"<?xml"):
        return "image/svg+xml" if b"<svg" in start else "application/xml"
    if start.startswith(b"<svg"):
        return "image/svg+xml"
    if start.startswith((b"{", b"[")) and start[1:].lstrip()[:1] in b'"{[}]':
        return "application/json"
    if is_mbox(head):
        return MBOX_TYPE
    if is_mail(head):
        return MAIL_TYPE
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix in {"htm", "html", "xhtml"} and b"<" in head:
        return "text/html"
    return _TEXT_SUFFIXES.get(suffix, "text/plain")


def package_type(data: Buffer) -> str:
    """Type of a zip by the names in its directory; `application/zip` when they tell nothing more."""
    end = find(data, END_SIGNATURE, max(0, len(data) - 0xFFFF - 22))
    if end < 0:
        return magics.ZIP
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    if not 0 < size <= end:
        return magics.ZIP
    block = bytes(data[end - size : end])
    names = [
        block[match.end() : match.end() + int.from_bytes(match.group(1), "little")]
        for match in _CENTRAL_NAME.finditer(block)
    ]
    if b"[Content_Types].xml" in names:
        for prefix, media_type in PACKAGE_TYPES:
            if any(name.startswith(prefix) for name in names):
                return media_type
    if b"mimetype" in names:
        return _stated_type(data)
    if b"OFD.xml" in names:
        return OFD
    return JAR if b"META-INF/MANIFEST.MF" in names else magics.ZIP


def _stated_type(data: Buffer) -> str:
    """Type from the `mimetype` member that ODF and EPUB put first, stored."""
    head = bytes(data[:256])
    start = 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    stated = head[start : start + int.from_bytes(head[18:22], "little")]
    if stated.startswith(ODF_PREFIX.encode()) or stated == EPUB.encode():
        return stated.decode("ascii", "replace").strip().lower()
    return magics.ZIP


def ole_type(data: Buffer) -> str:
    """Type of an OLE file by the streams in its directory; `application/x-ole-storage` when they tell nothing."""
    try:
        with olefile.OleFileIO(file_over(data)) as ole:
            for stream, media_type in _OLE_STREAMS:
                if ole.exists(stream):
                    return media_type
    except OLE_ERRORS:  # the reader will say what is wrong
        return magics.OLE
    return magics.OLE
