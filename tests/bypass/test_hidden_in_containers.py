"""A number in what a container says about its entries, in macros, or where nothing points to: each way is found."""

import io
import struct
import zipfile
import zlib

import pytest

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.limits import Limits
from gateway.parts import Piece
from tests.samples.ole import macro_stream, native_stream, ole_bytes, word_stream, workbook_stream

ID = "11010519491231002X"
"""The sample of GB 11643."""
NUMBER, WIDE = ID.encode(), ID.encode("utf-16-le")
TYPES = MediaTypes()


def is_read(data: bytes) -> bool:
    parts = list(unpack(Piece(data, "a"), types=TYPES, limits=Limits(), budget=Budget()))
    assert [part.opaque for part in parts if part.opaque] == []
    return any(ID in text.text for part in parts for text in part.texts)


def zipped(
    *, name: str = "a.txt", body: bytes = b"x", comment: bytes = b"", about: bytes = b"", extra: bytes = b""
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.comment, entry.extra = about, extra
        archive.writestr(entry, body)
        archive.comment = comment
    return target.getvalue()


def field(content: bytes, number: int = 0x9999) -> bytes:
    return struct.pack("<HH", number, len(content)) + content


def local_field(content: bytes) -> bytes:
    """An archive whose extra field stands in front of the entry only."""
    numbers = (20, 0, 0, 0, 0, zlib.crc32(b"x"), 1, 1, 5)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *numbers, len(content)) + b"a.txt" + content + b"x"
    central = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *numbers, 0, 0, 0, 0, 0, 0) + b"a.txt"
    return local + central + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(zipped(comment=NUMBER), id="comment"),
        pytest.param(zipped(comment=WIDE), id="comment in UTF-16"),
        pytest.param(zipped(about=NUMBER), id="comment of an entry"),
        pytest.param(zipped(about="身份证".encode("gb18030") + NUMBER), id="comment in GB18030"),
        pytest.param(zipped(extra=field(NUMBER)), id="extra field"),
        pytest.param(zipped(extra=field(WIDE)), id="extra field in UTF-16"),
        pytest.param(zipped(extra=field(NUMBER, 0x5455)), id="extra field that should hold times"),
        pytest.param(zipped(extra=b"\x99\x99\xff\xff" + NUMBER), id="extra field that is cut off"),
        pytest.param(local_field(field(NUMBER)), id="extra field of the local header"),
        pytest.param(zipped(name=f"{ID}/", body=b""), id="folder"),
        pytest.param(NUMBER + zipped(), id="in front"),
        pytest.param(zipped() + NUMBER, id="behind"),
    ],
)
def test_archives(data):
    assert is_read(data)


MACRO = bytes(300) + macro_stream(b'Attribute VB_Name = "A"\r\nx = "%s"\r\n' % NUMBER)


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param({"Macros/VBA/Module1": MACRO}, id="macro"),
        pytest.param({"Other/Module1": MACRO}, id="macro in another storage"),
        pytest.param({"VBA/Module1": macro_stream(b'x = "%s"' % NUMBER)}, id="macro without attributes"),
        pytest.param({f"{ID}/a": b"x"}, id="name of a storage"),
        pytest.param({ID: b"x"}, id="name of a stream"),
        pytest.param({"ObjectPool/_1/\x01Ole10Native": native_stream("a.txt", NUMBER)}, id="packaged file"),
        pytest.param({"Package": zipped(body=NUMBER)}, id="embedded document"),
        pytest.param({"WordDocument": word_stream(ID)}, id="document of WPS"),
        pytest.param({"Workbook": workbook_stream(ID)}, id="workbook of WPS"),
        pytest.param({"PowerPoint Document": bytes(8) + WIDE}, id="slides of WPS"),
    ],
)
def test_compound_files(streams):
    assert is_read(ole_bytes(streams))
    assert is_read(zipped(name="word/vbaProject.bin", body=ole_bytes(streams)))


def test_behind_the_last_sector():
    assert is_read(ole_bytes({"a": b"x"}) + b"\x00" + NUMBER)


def test_unused_sector():
    data = ole_bytes({"a": b"x" * 5000, "b": NUMBER.ljust(5000)})
    table = data.rindex(struct.pack("<L", 0xFFFFFFFD)) // 512 * 512
    first = data.index(NUMBER) // 512 - 1
    unused = bytearray(data.replace("b\x00\x00".encode("utf-16-le"), "c\x00\x00".encode("utf-16-le")))
    for number in range(first, first + 10):
        unused[table + 4 * number : table + 4 * number + 4] = b"\xff" * 4
    directory = unused.index("c\x00\x00".encode("utf-16-le"))
    unused[directory + 116 : directory + 124] = struct.pack("<LL", 0xFFFFFFFE, 0)
    assert is_read(bytes(unused))


def test_ordinary_archive_says_nothing_but_names():
    times = field(b"\x03" + bytes(range(8)), 0x5455) + field(b"\x01\x04\xe8\x03\x00\x00\x04\xe8\x03\x00\x00", 0x7875)
    (part, _) = unpack(Piece(zipped(extra=times), "a.zip"), types=TYPES, limits=Limits(), budget=Budget())
    assert [text.text for text in part.texts if text.location == "names"] == ["a.txt"]
