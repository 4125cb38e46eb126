"""A number hidden in a PDF where no page shows it: each way is found."""

import base64
import io
import re
import zipfile
import zlib

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String
from reportlab.pdfgen import canvas

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.limits import Limits
from gateway.parts import Piece
from tests.samples import office

ID = "11010519491231002X"
"""The sample of GB 11643."""
WORDS = f"身份证 {ID}"
TYPES = MediaTypes()
PAPER = office.pdf_bytes("一份普通的文件", "second page")


def is_read(data: bytes) -> bool:
    parts = unpack(Piece(data, "a.pdf"), types=TYPES, limits=Limits(), budget=Budget())
    return any(ID in text.text for part in parts for text in part.texts)


def edited(edit, *, packed: bool = False, data: bytes = PAPER) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as document:
        edit(document, document.Root)
        target = io.BytesIO()
        mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
        document.save(target, object_stream_mode=mode, compress_streams=packed)
        return target.getvalue()


def script(words: str = ID) -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{words}')"))


def script_of_the_document(document, root):
    root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), script()])))


def script_in_a_stream(document, root):
    root.OpenAction = Dictionary(S=Name.JavaScript, JS=document.make_stream(f"app.alert('{ID}')".encode()))


def script_of_a_page(document, root):
    document.pages[0].obj.AA = Dictionary(O=script())


def script_of_a_field(document, root):
    field = document.make_indirect(Dictionary(FT=Name.Tx, T=String("a"), AA=Dictionary(K=script()), Rect=[0, 0, 1, 1]))
    root.AcroForm = Dictionary(Fields=Array([field]))


def named_action(document, root):
    root.OpenAction = Dictionary(S=Name.URI, URI=String(f"https://a.cn/?id={ID}"))


def default_value(document, root):
    field = Dictionary(FT=Name.Tx, T=String("a"), DV=String(WORDS), Opt=Array([String("b")]), Rect=[0, 0, 1, 1])
    root.AcroForm = Dictionary(Fields=Array([document.make_indirect(field)]))


def option_of_a_field(document, root):
    field = Dictionary(FT=Name.Ch, T=String("a"), Opt=Array([Array([String("x"), String(WORDS)])]), Rect=[0, 0, 1, 1])
    root.AcroForm = Dictionary(Fields=Array([document.make_indirect(field)]))


def metadata_packet(document, root):
    packet = document.make_stream(f"<x:xmpmeta><dc:title>{WORDS}</dc:title></x:xmpmeta>".encode())
    packet.Type, packet.Subtype = Name.Metadata, Name.XML
    document.pages[0].obj.Metadata = packet


def metadata_in_references(document, root):
    hidden = "".join(f"&#{ord(char)};" for char in ID)
    document.pages[0].obj.Metadata = document.make_stream(f"<x:xmpmeta><t>{hidden}</t></x:xmpmeta>".encode())


def key_of_the_information(document, root):
    document.docinfo["/Customer"] = String(WORDS)


def name_as_value(document, root):
    root.PieceInfo = Dictionary(App=Dictionary(Private=Name("/" + ID)))


def xml_form(document, root):
    datasets = document.make_stream(f"<xfa:datasets><id>{ID}</id></xfa:datasets>".encode())
    root.AcroForm = Dictionary(Fields=Array([]), XFA=Array([String("datasets"), datasets]))


def rich_text_of_a_note(document, root):
    note = Dictionary(
        Type=Name.Annot, Subtype=Name.FreeText, Rect=[0, 0, 9, 9], RC=String(f"<body>{ID[:9]}<b>{ID[9:]}</b></body>")
    )
    document.pages[0].obj.Annots = Array([document.make_indirect(note)])


def destination(document, root):
    root.Names = Dictionary(Dests=Dictionary(Names=Array([String(ID), Array([document.pages[0].obj, Name.Fit])])))


def page_label(document, root):
    root.PageLabels = Dictionary(Nums=Array([0, Dictionary(P=String(WORDS))]))


def layer_name(document, root):
    layer = document.make_indirect(Dictionary(Type=Name.OCG, Name=String(WORDS)))
    root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))


def associated_file(document, root):
    stream = document.make_stream(WORDS.encode("gb18030"))
    stream.Type = Name.EmbeddedFile
    root.AF = Array([document.make_indirect(Dictionary(Type=Name.Filespec, F=String("a"), EF=Dictionary(F=stream)))])


def file_of_a_note(document, root):
    spec = pikepdf.AttachedFileSpec(document, WORDS.encode(), filename="a.txt")
    note = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=[0, 0, 9, 9], FS=spec.obj)
    document.pages[0].obj.Annots = Array([document.make_indirect(note)])


def stream_that_nobody_knows(document, root):
    root.Unknown = document.make_stream(WORDS.encode())


def archive_in_a_stream(document, root):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", WORDS)
    root.Unknown = document.make_stream(target.getvalue())


def words_in_place_of_pixels(document, root):
    picture = document.make_stream((WORDS + "，普通文字\n").encode() * 20)
    picture.Type, picture.Subtype, picture.Width, picture.Height = Name.XObject, Name.Image, 10, 10
    root.Unknown = picture


def alternative_text(document, root):
    root.StructTreeRoot = Dictionary(K=Dictionary(S=Name.Figure, Alt=String(WORDS), ActualText=String("a")))


def page_out_of_the_tree(document, root):
    with pikepdf.open(io.BytesIO(office.pdf_bytes(WORDS))) as other:
        document.pages.extend(other.pages)
        root.Kept = document.pages[-1].obj
        del document.pages[-1]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize(
    "edit",
    [
        script_of_the_document, script_in_a_stream, script_of_a_page, script_of_a_field, named_action, default_value,
        option_of_a_field, metadata_packet, metadata_in_references, key_of_the_information, name_as_value, xml_form,
        rich_text_of_a_note, destination, page_label, layer_name, associated_file, file_of_a_note,
        stream_that_nobody_knows, archive_in_a_stream, words_in_place_of_pixels, alternative_text, page_out_of_the_tree,
    ],
)  # fmt: skip
def test_objects(edit, packed):
    assert is_read(edited(edit, packed=packed))


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_objects_of_a_document_with_protected_permissions(revision):
    assert is_read(office.pdf_encrypted(edited(stream_that_nobody_knows), revision, user=""))
    assert is_read(office.pdf_encrypted(edited(key_of_the_information), revision, user=""))


def with_object(body: bytes, data: bytes = PAPER) -> bytes:
    """The document with an object before its cross-reference table that nothing refers to."""
    return data.replace(b"\nxref\n", b"\n9999 0 obj\n" + body + b"\nendobj\nxref\n", 1)


def stream(content: bytes, dictionary: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), dictionary, content)


def lzw(data: bytes) -> bytes:
    """Codes of nine bits, the table cleared before it grows out of them."""
    codes = []
    for start in range(0, len(data), 200):
        codes += [256, *data[start : start + 200]]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


RAW = WORDS.encode()
FLATE = zlib.compress(RAW)
ROWS = b"".join(bytes([2]) + bytes(b - a & 255 for a, b in zip(above, row, strict=True)) for above, row in zip(
    [bytes(6), *[RAW[at : at + 6].ljust(6) for at in range(0, len(RAW), 6)]],
    [RAW[at : at + 6].ljust(6) for at in range(0, len(RAW), 6)], strict=False))  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"(%s)" % ID.encode(), id="literal"),
        pytest.param(b"(1101\\\n0519(4912)31002X)".replace(b"(4912)", b"4912"), id="literal over two lines"),
        pytest.param(b"(" + b"".join(b"\\%03o" % byte for byte in ID.encode()) + b")", id="octal"),
        pytest.param(b"(\xfe\xff" + ID.encode("utf-16-be") + b")", id="UTF-16-BE"),
        pytest.param(b"(\xff\xfe" + ID.encode("utf-16-le") + b")", id="UTF-16-LE"),
        pytest.param(b"(\xef\xbb\xbf" + WORDS.encode() + b")", id="UTF-8"),
        pytest.param(b"(" + WORDS.encode("gb18030") + b")", id="GB18030"),
        pytest.param(b"<" + ID.encode().hex().encode() + b">", id="hexadecimal"),
        pytest.param(b"<feff" + b" ".join(b"%04x" % ord(char) for char in ID) + b">", id="hexadecimal with blanks"),
        pytest.param(b"<" + ID.encode("utf-16-be").hex().encode() + b">", id="UTF-16 without a mark"),
        pytest.param(b"/A " + ID[:17].encode() + b"0 % " + ID.encode(), id="comment"),
        pytest.param(stream(RAW), id="stream without a filter"),
        pytest.param(stream(FLATE, b"/Filter/FlateDecode"), id="flate"),
        pytest.param(stream(FLATE, b"/Fi#6cter/Fl#61teDecode"), id="flate, escaped"),
        pytest.param(stream(FLATE, b"/Filter 5 0 R"), id="flate by reference"),
        pytest.param(stream(FLATE[:-3], b"/Filter/FlateDecode"), id="flate, damaged at its end"),
        pytest.param(stream(base64.a85encode(RAW) + b"~>", b"/Filter/ASCII85Decode"), id="ASCII85"),
        pytest.param(stream(base64.a85encode(FLATE) + b"~>", b"/Filter[/ASCII85Decode/FlateDecode]"), id="chained"),
        pytest.param(stream(RAW.hex().encode() + b">", b"/Filter[/AHx]"), id="ASCIIHex"),
        pytest.param(stream(lzw(RAW), b"/Filter/LZWDecode"), id="LZW"),
        pytest.param(stream(bytes([len(RAW) - 1]) + RAW + b"\x80", b"/Filter/RunLengthDecode"), id="RunLength"),
        pytest.param(
            stream(zlib.compress(ROWS), b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 6>>"), id="predictor"
        ),
        pytest.param(stream(b"BT /F1 9 Tf (%s) Tj ET" % ID.encode()), id="drawn"),
        pytest.param(stream(b"BT [(%s)-20(%s)] TJ ET" % (ID[:7].encode(), ID[7:].encode())), id="drawn in pieces"),
        pytest.param(stream(RAW).replace(b"/Length", b"/Lenght"), id="length that is missing"),
        pytest.param(b"<</T (a stream\n) /V (%s)>>" % ID.encode(), id="string that speaks of streams"),
        pytest.param(
            b"<</T (>>stream\n)>>\nendobj\n9998 0 obj\n" + stream(FLATE, b"/Filter/FlateDecode"),
            id="stream behind a string that looks like one",
        ),
    ],
)  # fmt: skip
def test_unused_objects(body):
    assert is_read(with_object(body))


def replaced(data: bytes, *, with_: bytes = b"BT ET") -> bytes:
    """The document with a revision in which the content of the first page is another."""
    with pikepdf.open(io.BytesIO(data)) as document:
        number = document.pages[0].obj.Contents.objgen[0]
        size = len(document.objects) + 1
    root = re.search(rb"/Root (\d+ \d+ R)", data)[1]
    start = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    body = b"%d 0 obj\n%s\nendobj\n" % (number, stream(with_))
    place = len(data)
    return (
        data
        + body
        + (
            b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %d/Root %s/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
            % (number, place, size, root, start, place + len(body))
        )
    )


def test_older_revision():
    data = replaced(office.pdf_bytes(WORDS))
    with pikepdf.open(io.BytesIO(data)) as document:
        assert document.pages[0].obj.Contents.read_bytes() == b"BT ET"
    assert is_read(data)
    assert is_read(replaced(replaced(data), with_=b"BT (new) Tj ET"))


def test_older_revision_in_object_streams():
    data = edited(lambda *_: None, packed=True, data=office.pdf_bytes(WORDS))
    assert is_read(replaced(data))


def drawn(draw) -> bytes:
    target = io.BytesIO()
    page = canvas.Canvas(target, invariant=1)
    draw(page)
    page.drawString(72, 700, "words")
    page.save()
    return target.getvalue()


def invisible(page):
    text = page.beginText(72, 72)
    text.setTextRenderMode(3)
    text.textOut(ID)
    page.drawText(text)


def white(page):
    page.setFillColorRGB(1, 1, 1)
    page.drawString(72, 72, ID)


def clipped(page):
    path = page.beginPath()
    path.rect(0, 0, 1, 1)
    page.clipPath(path)
    page.drawString(72, 72, ID)


@pytest.mark.parametrize(
    "draw",
    [
        invisible,
        white,
        clipped,
        pytest.param(lambda page: page.drawString(9000, -9000, ID), id="off the page"),
        pytest.param(lambda page: page.setFont("Helvetica", 0.01) or page.drawString(9, 9, ID), id="tiny"),
    ],
)
def test_text_that_nobody_sees(draw):
    assert is_read(drawn(draw))


def test_hidden_layer():
    def layer(document, root):
        group = document.make_indirect(Dictionary(Type=Name.OCG, Name=String("a")))
        root.OCProperties = Dictionary(OCGs=Array([group]), D=Dictionary(OFF=Array([group])))
        page = document.pages[0].obj
        page.Resources.Properties = Dictionary(MC0=group)
        page.Contents = Array([document.make_stream(b"/OC /MC0 BDC"), page.Contents, document.make_stream(b"EMC")])

    assert is_read(edited(layer, data=office.pdf_bytes(WORDS)))


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", WORDS)
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PAPER + zipped(), id="archive behind"),
        pytest.param(PAPER + b"\n" + zipped() + b"junk", id="archive behind, and something behind it"),
        pytest.param(zipped()[:900] + PAPER, id="archive before"),
        pytest.param(PAPER.replace(b"\nxref\n", b"\n" + zipped() + b"\nxref\n", 1), id="archive between objects"),
        pytest.param(PAPER + WORDS.encode(), id="text behind"),
        pytest.param(WORDS.encode() + b"\n" + PAPER, id="text before"),
    ],
)
def test_polyglots(data):
    assert is_read(data)


@pytest.mark.parametrize(
    "data", [PAPER, edited(lambda *_: None, packed=True), replaced(PAPER)], ids=["plain", "packed", "revised"]
)
def test_ordinary_documents_are_not_refused(data):
    parts = list(unpack(Piece(data, "a.pdf"), types=TYPES, limits=Limits(), budget=Budget()))
    assert [part.opaque for part in parts] == [None]
