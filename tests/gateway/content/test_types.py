"""Media types by content."""

import os
import zipfile

import magic
import pytest

from gateway.content.types import MediaTypes
from tests.samples.archives import Raw, raw_zip, seven_zip, tar_bytes, zip_bytes
from tests.samples.office import PNG, docx_bytes, office_encrypted, pdf_bytes, pptx_bytes, xlsx_bytes
from tests.samples.ole import ole_bytes, word_stream

TYPES = MediaTypes()
OFFICE = "application/vnd.openxmlformats-officedocument."
ZH = "客户合同名单"
PDF = pdf_bytes("words")


def package(*names, first=None):
    entries = dict(first or {})
    return zip_bytes(entries | dict.fromkeys(names, b"x"), method=zipfile.ZIP_STORED)


def odf(media_type):
    return raw_zip(Raw(b"mimetype", media_type.encode()), Raw(b"content.xml", b"<x/>"))


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        pytest.param(b"", "a.txt", "application/x-empty", id="empty"),
        pytest.param(b"hello", "", "text/plain", id="ascii"),
        pytest.param(ZH.encode(), "", "text/plain", id="utf-8"),
        pytest.param(ZH.encode("gb18030"), "", "text/plain", id="gb18030"),
        pytest.param(ZH.encode("utf-16"), "", "text/plain", id="utf-16"),
        pytest.param(ZH.encode("utf-32"), "", "text/plain", id="utf-32"),
        pytest.param(b"hello", "a.pdf", "text/plain", id="text named pdf"),
        pytest.param(b"a,b\n1,2", "a.csv", "text/csv", id="csv"),
        pytest.param(b"a,b\n1,2", "a", "text/plain", id="csv without a name"),
        pytest.param(b"print(1)", "a.PY", "text/x-python", id="source"),
        pytest.param(b"<!DOCTYPE html><p>", "", "text/html", id="html"),
        pytest.param(b"  <HTML>", "", "text/html", id="html, upper case"),
        pytest.param("<html>".encode("utf-16"), "", "text/html", id="html in utf-16"),
        pytest.param(b"\xef\xbb\xbf<html>", "", "text/html", id="html with BOM"),
        pytest.param(b"<?xml version='1.0'?><html>", "", "text/html", id="xhtml"),
        pytest.param(b"<div>a</div>", "a.htm", "text/html", id="html by tag and name"),
        pytest.param(b"words only", "a.htm", "text/plain", id="html by name only"),
        pytest.param(b"<?xml version='1.0'?><a/>", "", "application/xml", id="xml"),
        pytest.param(b"<?xml version='1.0'?><svg/>", "", "image/svg+xml", id="svg after a declaration"),
        pytest.param(b"<svg/>", "", "image/svg+xml", id="svg"),
        pytest.param(b'{"a": 1}', "", "application/json", id="json"),
        pytest.param(b'[{"a": 1}]', "", "application/json", id="json list"),
        pytest.param(b"[2024-01-01] log", "", "text/plain", id="log"),
        pytest.param(b"{\\rtf1 x}", "a.doc", "text/rtf", id="rtf"),
        pytest.param(b"From: a\nMIME-Version: 1.0\n\nx", "", "message/rfc822", id="mail"),
        pytest.param(PDF, "", "application/pdf", id="pdf"),
        pytest.param(b"junk\n" * 100 + PDF, "", "application/pdf", id="pdf after 500 bytes"),
        pytest.param(b"a PDF opens with %PDF-1.7", "", "text/plain", id="prose about pdf"),
        pytest.param(docx_bytes("x"), "", f"{OFFICE}wordprocessingml.document", id="docx"),
        pytest.param(docx_bytes("x"), "a.txt", f"{OFFICE}wordprocessingml.document", id="docx named txt"),
        pytest.param(xlsx_bytes(["x"]), "", f"{OFFICE}spreadsheetml.sheet", id="xlsx"),
        pytest.param(pptx_bytes("x"), "", f"{OFFICE}presentationml.presentation", id="pptx"),
        pytest.param(
            package("[Content_Types].xml", "xl/workbook.bin"), "", "application/vnd.ms-excel.sheet.binary.macroenabled.12", id="xlsb"
        ),
        pytest.param(package("[Content_Types].xml", "other"), "", "application/zip", id="content types and nothing else"),
        pytest.param(package("word/document.xml"), "a.docx", "application/zip", id="directory only"),
        pytest.param(package("OFD.xml", "Doc_0/Document.xml"), "", "application/ofd", id="ofd"),
        pytest.param(package("META-INF/MANIFEST.MF"), "", "application/java-archive", id="jar"),
        pytest.param(
            odf("application/vnd.oasis.opendocument.text"), "", "application/vnd.oasis.opendocument.text", id="odt"
        ),
        pytest.param(odf("application/epub+zip"), "", "application/epub+zip", id="epub"),
        pytest.param(odf("text/plain"), "", "application/zip", id="another mimetype"),
        pytest.param(zip_bytes({"a": b"x"}), "a.docx", "application/zip", id="zip named docx"),
        pytest.param(zip_bytes({}), "", "application/zip", id="empty zip"),
        pytest.param(zip_bytes({"a": b"x"})[:-30], "", "application/zip", id="zip without its end"),
        pytest.param(os.urandom(40) + b"\x00\x01" + zip_bytes({"a": b"x"}), "", "application/zip", id="zip after noise"),
        pytest.param(seven_zip({"a": b"x"}), "", "application/x-7z-compressed", id="7z"),
        pytest.param(tar_bytes({"a": b"x"}), "", "application/x-tar", id="tar"),
        pytest.param(PNG, "a.txt", "image/png", id="png named txt"),
        pytest.param(ole_bytes({"WordDocument": word_stream("x")}), "", "application/msword", id="doc"),
        pytest.param(ole_bytes({"Workbook": b"x"}), "", "application/vnd.ms-excel", id="xls"),
        pytest.param(ole_bytes({"PowerPoint Document": b"x"}), "", "application/vnd.ms-powerpoint", id="ppt"),
        pytest.param(ole_bytes({"__properties_version1.0": b"x"}), "", "application/vnd.ms-outlook", id="msg"),
        pytest.param(ole_bytes({"other": b"x"}), "", "application/x-ole-storage", id="ole"),
        pytest.param(ole_bytes({"other": b"x"})[:100], "", "application/x-ole-storage", id="damaged ole"),
        pytest.param(office_encrypted(docx_bytes("x")), "a.docx", "application/encrypted", id="encrypted docx"),
        pytest.param(b"\xc3\x0d\x04\x09\x03\x08" + bytes(range(128, 200)), "", "application/pgp-encrypted", id="OpenPGP"),
        pytest.param(b"MZ" + bytes(200), "", "application/x-dosexec", id="known to libmagic"),
        pytest.param(b"\x07\xff\x03" * 70, "", "application/octet-stream", id="nothing known"),
        pytest.param(bytes(200), "", "application/octet-stream", id="zeros"),
    ],
)  # fmt: skip
def test_of(data, name, media_type):
    assert TYPES.of(data, name) == media_type
    assert TYPES.of(memoryview(data), name) == media_type


def test_zip_whose_directory_size_lies_is_still_a_zip():
    data = bytearray(zip_bytes({"a": b"x"}))
    data[-10:-6] = b"\xff\xff\xff\x7f"
    assert TYPES.of(bytes(data)) == "application/zip"


def test_libmagic_that_fails_or_gives_no_type_leaves_it_unknown():
    def fails(_):
        raise magic.MagicException("regex error")

    assert MediaTypes(fails).of(b"\x07\xff\x03" * 70) == "application/octet-stream"
    assert MediaTypes(lambda _: "cannot open").of(b"\x07\xff\x03" * 70) == "application/octet-stream"


def test_noise_never_raises():
    for size in (1, 2, 7, 16, 64, 511, 512, 4096, 300_000):
        assert "/" in TYPES.of(os.urandom(size))
