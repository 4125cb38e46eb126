"""Documents that are zips of XML."""

import io
import os
import zipfile

import pytest

from gateway.content.ooxml import read_package
from gateway.content.reading import Budget, Source
from gateway.content.types import MediaTypes
from gateway.limits import Limits
from tests.samples.archives import Raw, deflated, raw_zip, zip_bytes, zip_crypto
from tests.samples.office import PNG, docx_bytes, pptx_bytes, xlsx_bytes

TYPES = MediaTypes()


def read(data, media_type="", **limits):
    return read_package(Source(data, "", media_type or TYPES.of(data), Limits(**limits), Budget()))


def texts(data, **kinds):
    return {text.location: text.text for text in read(data, **kinds).texts}


def added(document, entries, method=zipfile.ZIP_DEFLATED):
    target = io.BytesIO(document)
    with zipfile.ZipFile(target, "a", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target.getvalue()


def replaced(document, name, content):
    source = zipfile.ZipFile(io.BytesIO(document))
    return zip_bytes({**{each: source.read(each) for each in source.namelist()}, name: content})


DOCX = docx_bytes("合同", ("1380", "0138000"))
XLSX = xlsx_bytes(["姓名", "电话"], ["张三", 13800138000])


def test_word_document_everywhere():
    data = docx_bytes(
        ("1380", "0138000"),
        table=[["姓名", "电话"], ["张三", "13900139000"]],
        header="页眉机密",
        footer="页脚",
        title="标题",
        comment="批注",
        picture=PNG,
    )
    reading = read(memoryview(data))
    found = {text.location: text.text for text in reading.texts}
    assert found["word/document.xml"].startswith("13800138000\n")
    assert "姓名\t电话\t\n张三\t13900139000\t\n" in found["word/document.xml"]
    assert found["word/header1.xml"] == "页眉机密\n"
    assert found["word/footer1.xml"] == "页脚\n"
    assert "批注" in found["word/comments.xml"]
    assert "标题" in found["attributes"]
    assert "Auditor" in found["attributes"]
    assert "word/document.xml" in found["names"]
    assert reading.opaque is None
    assert "word/media/image1.png" in [member.name for member in reading.members]


def test_workbook_with_hidden_sheet_and_shared_strings():
    found = texts(xlsx_bytes(["姓名", "电话"], ["张三", 13800138000], hidden_rows=[["绝密", "x"]]))
    assert found["xl/worksheets/sheet1.xml"] == "姓名\t电话\n张三\t13800138000\n"
    assert found["xl/worksheets/sheet2.xml"] == "绝密\tx\n"
    assert "Archive" in found["attributes"]


def test_strings_that_no_cell_shows_are_not_lost():
    shared = '<sst xmlns="m"><si><t>shown</t></si><si><t>loose</t></si></sst>'
    sheet = '<worksheet xmlns="m"><sheetData><row><c r="A1" t="s"><v>0</v></c></row></sheetData></worksheet>'
    data = zip_bytes(
        {
            "[Content_Types].xml": b"<Types/>",
            "xl/worksheets/sheet1.xml": sheet.encode(),
            "xl/shared.xml": shared.encode(),
        }
    )
    found = texts(data)
    assert found["xl/worksheets/sheet1.xml"] == "shown\n"
    assert found["loose strings"] == "loose"


def test_presentation_with_notes_and_table():
    found = texts(pptx_bytes("标题", notes="备注", table=[["a", "b"], ["c", "d"]]))
    assert "标题" in found["ppt/slides/slide1.xml"]
    assert "a\tb\t\nc\td\t\n" in found["ppt/slides/slide1.xml"]
    assert "备注" in found["ppt/notesSlides/notesSlide1.xml"]


def test_members_are_what_is_no_xml():
    data = added(DOCX, {"word/embeddings/a.xlsx": XLSX, "hidden.txt": b"words", "word/vbaProject.bin": b"x"})
    members = {member.name: bytes(member.data) for member in read(data).members}
    assert members["word/embeddings/a.xlsx"] == XLSX
    assert members["hidden.txt"] == b"words"
    assert "word/document.xml" not in members


def test_tracked_changes_give_a_second_text():
    body = (
        "<w:document xmlns:w='w'><w:p><w:r><w:t>13</w:t></w:r><w:del><w:r><w:delText>9</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>8</w:t></w:r></w:ins></w:p></w:document>"
    )
    found = texts(replaced(DOCX, "word/document.xml", body.encode()))
    assert found["word/document.xml"] == "138"[:2] + "8\n"
    assert found["word/document.xml before changes"] == "139\n"


def odf(entries, media_type="application/vnd.oasis.opendocument.text"):
    made = [Raw(name.encode(), content) for name, content in entries.items()]
    return raw_zip(Raw(b"mimetype", media_type.encode()), *made)


CONTENT = b"<o xmlns:text='t' xmlns:table='b'><text:p>1380<text:span>0138000</text:span></text:p></o>"


def test_opendocument():
    found = texts(odf({"content.xml": CONTENT, "meta.xml": b"<m><title>t</title></m>"}))
    assert found["content.xml"] == "13800138000\n"
    assert "t" in found["attributes"]


def manifest(*names, algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"):
    entries = "".join(
        f"<file-entry full-path='{name}'><encryption-data><algorithm algorithm-name='{algorithm}'/></encryption-data></file-entry>"
        for name in names
    )
    return f"<manifest>{entries}</manifest>".encode()


def test_encrypted_opendocument():
    noise = os.urandom(900)
    reading = read(odf({"content.xml": noise, "META-INF/manifest.xml": manifest("content.xml")}))
    assert (reading.encryption.scheme, reading.encryption.grade) == ("odf-aes-256", "strong")
    closed = [member for member in reading.members if member.name == "content.xml"]
    assert [(member.opaque.reason, member.encryption.scheme) for member in closed] == [("encrypted", "odf-aes-256")]


def test_opendocument_that_only_claims_encryption_is_read():
    reading = read(odf({"content.xml": CONTENT * 5, "META-INF/manifest.xml": manifest("content.xml")}))
    (member,) = [member for member in reading.members if member.name == "content.xml"]
    assert (bytes(member.data), member.opaque) == (CONTENT * 5, None)


def test_opendocument_with_a_damaged_manifest():
    assert read(odf({"content.xml": CONTENT, "META-INF/manifest.xml": b"<m"})).opaque.reason == "malformed"


def test_binary_workbook():
    data = zip_bytes(
        {
            "[Content_Types].xml": b"<Types/>",
            "xl/workbook.bin": b"\0",
            "xl/sharedStrings.bin": "\0合同编号".encode("utf-16-le"),
        }
    )
    assert texts(data)["xl/sharedStrings.bin"] == "合同编号"
    broken = data.replace(b"PK\x01\x02", b"PK\x01\x02").replace(
        deflated("\0合同编号".encode("utf-16-le"))[:9], b"\xff" * 9
    )
    assert read(broken).opaque.reason == "malformed"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(replaced(DOCX, "word/document.xml", b"<w:document"), "malformed", id="not well-formed"),
        pytest.param(replaced(DOCX, "word/document.xml", b"<a></a><b/>"), "malformed", id="two roots"),
        pytest.param(replaced(DOCX, "word/document.xml", b"no xml"), "malformed", id="no XML at all"),
        pytest.param(
            replaced(DOCX, "word/document.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'), "malformed", id="entity"
        ),
        pytest.param(replaced(DOCX, "word/document.xml", b"<a>" * 2000 + b"</a>" * 2000), "too-large", id="depth"),
        pytest.param(
            replaced(XLSX, "xl/worksheets/sheet1.xml", b"<worksheet><row>"), "malformed", id="worksheet cut off"
        ),
        pytest.param(
            raw_zip(Raw(b"[Content_Types].xml", b"<T/>"), Raw(b"word/a.xml", b"<a/>", local={"name": b"word/b.xml"})),
            "malformed",
            id="two names",
        ),
    ],
)
def test_what_cannot_be_read_makes_the_document_opaque(data, reason):
    assert read(data).opaque.reason == reason


def test_the_other_parts_are_read_all_the_same():
    data = replaced(docx_bytes("x", header="页眉"), "word/document.xml", b"<w:document><w:t>words</w:t>")
    found = texts(data)
    assert found["word/header1.xml"] == "页眉\n"
    assert found["word/document.xml"] == "words"


def test_excels_drawings_need_not_be_well_formed():
    data = added(XLSX, {"xl/drawings/vmlDrawing1.vml": "<xml><div>批注<br></div></xml>".encode()})
    reading = read(data)
    assert reading.opaque is None
    assert any("批注" in text.text for text in reading.texts)


def test_names_that_no_program_makes_are_not_told_as_location():
    data = added(DOCX, {"word/身份证110105.xml": b"<a><t>words</t></a>", "word/13800138000.xml": b"<a><t>more</t></a>"})
    assert {location for location, text in texts(data).items() if text in {"words", "more"}} == {"part 20", "part 21"}


def test_entries_with_a_password_of_their_own():
    data = zip_crypto({"[Content_Types].xml": b"<T/>", "word/document.xml": b"<w/>" * 99})
    reading = read(data, "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    assert reading.encryption.grade == "weak"
    assert [member.opaque.reason for member in reading.members] == ["encrypted", "encrypted"]


@pytest.mark.parametrize(
    ("limits", "limit"),
    [({"max_text_chars": 50}, "max_text_chars"), ({"max_member_bytes": 500}, "max_member_bytes"), ({"max_unpacked_bytes": 900}, "max_unpacked_bytes")],
)  # fmt: skip
def test_limits(limits, limit):
    assert read(DOCX, **limits).opaque.limit == limit


def test_members_are_counted():
    source = Source(DOCX, "", TYPES.of(DOCX), Limits(), Budget(members=9_995))
    assert read_package(source).opaque.limit == "max_members"


def test_bomb_in_a_part():
    bomb = b"<a>" + b" " * 30_000_000 + b"</a>"
    assert read(replaced(DOCX, "word/document.xml", bomb)).opaque.limit == "max_decode_ratio"
