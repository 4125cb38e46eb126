"""A number hidden in a part or attribute of an Office document where no page or cell shows it: each way is found."""

import io
import zipfile

import pytest

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.limits import Limits
from gateway.parts import Piece
from tests.samples.office import docx_bytes, pptx_bytes, xlsx_bytes

ID = "11010519491231002X"
"""The sample of GB 11643."""
HALVES = ID[:8], ID[8:]
TYPES = MediaTypes()
WORD, EXCEL, SLIDES = docx_bytes("words"), xlsx_bytes(["a", 1]), pptx_bytes("title")
SHEET, BOOK, BODY = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "word/document.xml"


def is_read(data: bytes) -> bool:
    parts = list(unpack(Piece(data, "a"), types=TYPES, limits=Limits(), budget=Budget()))
    assert [part.opaque for part in parts if part.opaque] == []
    return any(ID in text.text for part in parts for text in part.texts)


def with_part(package: bytes, name: str, content: bytes) -> bytes:
    """The package with this part instead of the one it has, or beside the others."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for each in source.namelist():
            if each != name:
                written.writestr(each, source.read(each))
        written.writestr(name, content)
    return target.getvalue()


def before(package: bytes, part: str, mark: str, words: str) -> bytes:
    """The package with `words` put before the first `mark` of a part."""
    with zipfile.ZipFile(io.BytesIO(package)) as source:
        content = source.read(part).decode()
    assert mark in content
    return with_part(package, part, content.replace(mark, words + mark, 1).encode())


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(f"<headerFooter><oddFooter>&amp;C{ID}</oddFooter></headerFooter>", id="footer"),
        pytest.param(
            f"<headerFooter><evenHeader>{HALVES[0]}&amp;B{HALVES[1]}</evenHeader></headerFooter>", id="header in pieces"
        ),
        pytest.param(
            f'<dataValidations><dataValidation><formula1>"a,{ID}"</formula1></dataValidation></dataValidations>', id="list"
        ),
        pytest.param(f'<dataValidation prompt="{ID}"/>', id="prompt"),
        pytest.param(f'<x y="{ID}"/>', id="attribute"),
        pytest.param(f'<x id="{ID}"/>', id="reference"),
        pytest.param(f"<x{ID}/>", id="name of an element"),
        pytest.param(f'<conditionalFormatting><cfRule><formula>A1="{ID}"</formula></cfRule></conditionalFormatting>', id="rule"),
    ],
)  # fmt: skip
def test_sheet(words):
    assert is_read(before(EXCEL, SHEET, "</worksheet>", words))


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(f'<c r="A9"><f>IF(1,"{ID}","")</f></c>', id="formula"),
        pytest.param(f'<c r="A9"><f>"{HALVES[0]}"&amp;"{HALVES[1]}"</f></c>', id="formula in pieces"),
        pytest.param(f'<c r="A9" n="{ID}"><v>1</v></c>', id="attribute"),
        pytest.param(f'<c r="A9" t="{ID}"><v>1</v></c>', id="kind"),
        pytest.param(f'<c t="inlineStr"><is><r><t>{HALVES[0]}</t></r><r><t>{HALVES[1]}</t></r></is></c>', id="runs"),
    ],
)
def test_cell(cell):
    assert is_read(before(EXCEL, SHEET, "</sheetData>", f'<row r="9" hidden="1">{cell}</row>'))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("xl/sharedStrings.xml", f"<sst><si><t>a</t><rPh><t>{ID}</t></rPh></si><si><t>unused {ID}</t></si></sst>"),
        ("xl/externalLinks/externalLink1.xml", f'<externalLink><cell r="A1"><v>{ID}</v></cell></externalLink>'),
        ("xl/connections.xml", f'<connections><dbPr connection="a;Password={ID}" command="b"/></connections>'),
        ("xl/pivotCache/pivotCacheDefinition1.xml", f'<pivotCacheDefinition><s v="{ID}"/></pivotCacheDefinition>'),
        ("xl/threadedComments/threadedComment1.xml", f"<ThreadedComments><text>{ID}</text></ThreadedComments>"),
        ("xl/comments1.xml", f"<comments><comment><text><t>{ID}</t></text></comment></comments>"),
        ("xl/slicers/slicer1.xml", f'<slicers><slicer caption="{ID}"/></slicers>'),
        ("xl/drawings/drawing1.xml", f'<wsDr xmlns:a="a"><cNvPr id="1" descr="{ID}"/></wsDr>'),
        ("xl/charts/chart1.xml", f"<chart><strCache><pt><v>{ID}</v></pt></strCache></chart>"),
        ("xl/printerSettings/printerSettings1.bin", b"\x00\x01" + ID.encode("utf-16-le")),
        ("xl/macrosheets/sheet1.xml", f'<macrosheet><sheetData><row><c><f>ALERT("{ID}")</f></c></row></sheetData></macrosheet>'),
        ("customXml/item1.xml", f'<a xmlns:b="urn:{ID}"/>'),
        ("customXml/item1.dat", f"<a>{ID}</a>"),
        ("docProps/custom.xml", f"<Properties><property name='a'><lpwstr>{ID}</lpwstr></property></Properties>"),
        ("docProps/app.xml", f"<Properties><Pages>{ID}</Pages></Properties>"),
        ("docProps/thumbnail.jpeg", b"\xff\xd8\xff\xfe\x00\x14" + ID.encode() + b"\xff\xd9"),
    ],
)  # fmt: skip
def test_part_of_a_workbook(name, content):
    assert is_read(with_part(EXCEL, name, content if isinstance(content, bytes) else content.encode()))


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(f"<definedNames><definedName name='a'>\"{ID}\"</definedName></definedNames>", id="name"),
        pytest.param(f"<fileSharing userName='{ID}'/>", id="user"),
        pytest.param(f"<sheet name='{ID}' state='veryHidden'/>", id="hidden sheet"),
    ],
)
def test_workbook(words):
    assert is_read(before(EXCEL, BOOK, "</workbook>", words))


def test_format_of_numbers():
    assert is_read(
        before(EXCEL, "xl/styles.xml", "<fonts", f'<numFmts><numFmt formatCode="&quot;{ID}&quot;0"/></numFmts>')
    )


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{ID}</w:t></w:r></w:p>", id="hidden"),
        pytest.param(f"<w:p><w:r><w:instrText> QUOTE {ID} </w:instrText></w:r></w:p>", id="field"),
        pytest.param(
            f"<w:p><w:r><w:instrText>a {HALVES[0]}</w:instrText><w:instrText>{HALVES[1]}</w:instrText></w:r></w:p>",
            id="field in pieces",
        ),
        pytest.param(
            f"<w:p><w:del><w:r><w:delText>{HALVES[0]}</w:delText></w:r></w:del>"
            f"<w:del><w:r><w:delText>{HALVES[1]}</w:delText></w:r></w:del></w:p>",
            id="deleted",
        ),
        pytest.param(f"<w:p><w:sdt><w:sdtPr><w:listItem w:value='{ID}'/></w:sdtPr></w:sdt></w:p>", id="list"),
        pytest.param(
            "<w:p>"
            + "".join(f"<w:r><w:sym w:font='Arial' w:char='F0{ord(char):02X}'/></w:r>" for char in ID)
            + "</w:p>",
            id="symbols",
        ),
        pytest.param(f"<w:p><w:bookmarkStart w:id='0' w:name='n{ID}'/></w:p>", id="bookmark"),
        pytest.param(f"<!--{ID}-->", id="comment"),
        pytest.param(f"<?x{ID} y?>", id="instruction"),
        pytest.param(f"<w:p w:rsidR='{ID}'/>", id="attribute"),
    ],
)
def test_document(words):
    assert is_read(before(WORD, BODY, "<w:sectPr", words))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word/glossary/document.xml", f"<w:glossaryDocument xmlns:w='w'><w:t>{ID}</w:t></w:glossaryDocument>"),
        ("word/footnotes.xml", f"<w:footnotes xmlns:w='w'><w:p><w:t>{ID}</w:t></w:p></w:footnotes>"),
        ("word/afchunk.mht", f"<html><body>{HALVES[0]}<b>{HALVES[1]}</b></body></html>"),
        ("word/other", f"<a>{ID}</a>"),
        ("word/other.xml", f"<!DOCTYPE a{ID}><a/>"),
        ("ppt/tags/tag1.xml", f"<p:tagLst xmlns:p='p'><p:tag name='A' val='{ID}'/></p:tagLst>"),
        ("ppt/comments/comment1.xml", f"<p:cmLst xmlns:p='p'><p:cm><p:text>{ID}</p:text></p:cm></p:cmLst>"),
        ("ppt/diagrams/data1.xml", f"<dataModel xmlns:a='a'><a:p><a:r><a:t>{ID}</a:t></a:r></a:p></dataModel>"),
    ],
)
@pytest.mark.parametrize("package", [WORD, SLIDES], ids=["document", "slides"])
def test_part(package, name, content):
    assert is_read(with_part(package, name, content.encode()))


@pytest.mark.parametrize("package", [WORD, EXCEL, SLIDES], ids=["document", "workbook", "slides"])
def test_ordinary_packages_keep_no_boilerplate(package):
    parts = unpack(Piece(package, "a"), types=TYPES, limits=Limits(), budget=Budget())
    aside = "\n".join(text.text for part in parts for text in part.texts if text.location == "attributes")
    assert "schemas.openxmlformats.org/officeDocument" not in aside
