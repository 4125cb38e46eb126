"""OLE files: text of all streams, embedded files, damage."""

import os
import struct

import pytest

from gateway.content.ole import opens_as_ole, read_ole
from gateway.content.reading import Budget, Source
from gateway.errors import ContentError, LimitError, MalformedError
from gateway.limits import Limits
from tests.samples.archives import zip_bytes
from tests.samples.office import docx_bytes, office_encrypted
from tests.samples.ole import native_stream, ole_bytes, word_stream, workbook_stream

ZH = "甲方与乙方签订合同"


def read(data, **limits):
    return read_ole(Source(data, "", "application/msword", Limits(**limits), Budget()))


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param({"WordDocument": word_stream(ZH)}, id="doc"),
        pytest.param({"WordDocument": word_stream("x"), "1Table": ZH.encode("gb18030")}, id="another stream, GB"),
        pytest.param({"Workbook": workbook_stream(ZH)}, id="xls"),
        pytest.param({"ObjectPool/_1/Ole": ("\0" + ZH).encode("utf-16-le")}, id="in a storage"),
        pytest.param({"a": b"x" * 9000 + ZH.encode("utf-16-le")}, id="long stream"),
        pytest.param({ZH: b"x"}, id="name of a stream"),
    ],
)
def test_text(streams):
    reading = read(memoryview(ole_bytes(streams)))
    assert any(ZH in text.text for text in reading.texts)
    assert reading.opaque is None


def test_cells_of_a_workbook():
    number = struct.pack("<2H3Hd", 0x203, 14, 0, 1, 0, 13800138000.0)
    label = struct.pack("<2H4HB", 0x204, 12, 0, 0, 0, 3, 0) + b"abc"
    reading = read(ole_bytes({"Workbook": struct.pack("<2H2H", 0x809, 4, 0x600, 5) + label + number}))
    assert [text.text for text in reading.texts if text.location == "cells"] == ["abc\t13800138000"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [(ole_bytes({"a": b"x"}), True), (ole_bytes({}), False), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), False)],
    ids=["with a stream", "with none", "mark only"],
)
def test_opens_as_ole(data, expected):
    assert opens_as_ole(data) is expected


def test_encrypted():
    reading = read(office_encrypted(docx_bytes("x")))
    assert (reading.encryption.scheme, reading.opaque.reason) == ("ooxml-agile", "encrypted")


def test_encrypted_with_a_default_password_is_read():
    document = docx_bytes("x")
    reading = read(office_encrypted(document, "VelvetSweatshop"))
    assert (reading.encryption.scheme, reading.encryption.grade, reading.opaque) == ("ooxml-agile", "none", None)
    assert [member.data for member in reading.members] == [document]


def test_encrypted_without_its_info_is_not_tried():
    streams = {"EncryptedPackage": os.urandom(900)}
    assert read(ole_bytes(streams)).opaque.reason == "encrypted"


ARCHIVE = zip_bytes({"a.txt": b"x"})


@pytest.mark.parametrize(
    ("streams", "members"),
    [
        pytest.param({"Package": ARCHIVE}, [("Package", ARCHIVE)], id="embedded package"),
        pytest.param({"x/CONTENTS": b"%PDF-1.4"}, [("x/CONTENTS", b"%PDF-1.4")], id="embedded PDF"),
        pytest.param(
            {"x/\x01Ole10Native": native_stream("名单.txt", b"words")}, [("名单.txt", b"words")], id="packaged file"
        ),
        pytest.param(
            {"\x01Ole10Native": b"too short"}, [("(packaged object)", b"too short")], id="damaged packaged file"
        ),
        pytest.param(
            {"\x01Ole10Native": native_stream("a", b"words")[:-2]},
            [("(packaged object)", native_stream("a", b"words")[:-2])],
            id="packaged file cut off",
        ),
        pytest.param(
            {
                "__attach_1/__substg1.0_37010102": b"words",
                "__attach_1/__substg1.0_3707001F": "附件.txt".encode("utf-16-le"),
            },
            [("附件.txt", b"words")],
            id="Outlook attachment",
        ),
        pytest.param(
            {
                "__attach_1/__substg1.0_37010102": b"words",
                "__attach_1/__substg1.0_3704001F": "A.TXT".encode("utf-16-le"),
            },
            [("A.TXT", b"words")],
            id="Outlook attachment, short name",
        ),
        pytest.param(
            {"__substg1.0_10130102": b"<p>words"}, [("__substg1.0_10130102", b"<p>words")], id="Outlook HTML body"
        ),
        pytest.param(
            {"__substg1.0_10090102": b"\x12\0\0\0\x06\0\0\0MELA\0\0\0\0{\\rtf}"},
            [("(body)", b"{\\rtf}")],
            id="Outlook RTF body",
        ),
        pytest.param({"a": b"words"}, [], id="nothing embedded"),
    ],
)
def test_members(streams, members):
    reading = read(ole_bytes(streams))
    assert [(member.name, bytes(member.data)) for member in reading.members] == members


def test_an_outlook_body_that_is_damaged():
    (body,) = read(ole_bytes({"__substg1.0_10090102": b"no compressed RTF"})).members
    assert (body.data, body.opaque.reason) == (b"no compressed RTF", "malformed")


def test_stream_that_is_cut_off():
    data = ole_bytes({"a": b"x" * 9000})
    with pytest.raises((ContentError, OSError)):
        read(data[:5000] + data[-1024:])


def test_stream_that_says_it_is_longer():
    data = bytearray(ole_bytes({"a": b"x" * 5000}))
    position = data.find("a\0\0".encode("utf-16-le")) + 120
    assert struct.unpack_from("<Q", data, position) == (5000,)
    data[position : position + 8] = struct.pack("<Q", 9_000)
    with pytest.raises(MalformedError, match="longer than the file"):
        read(bytes(data))


def test_streams_that_share_their_sectors():
    data = bytearray(ole_bytes({"a": b"x" * 800_000, **{f"b{n}": b"" for n in range(20)}}))
    for number in range(20):
        position = data.find(f"b{number}\0".encode("utf-16-le"))
        data[position + 116 : position + 128] = struct.pack("<LQ", 0, 800_000)
    with pytest.raises(LimitError, match="max_ole_bytes"):
        read(bytes(data))


@pytest.mark.parametrize(
    ("limits", "limit"), [({"max_members": 1}, "max_members"), ({"max_text_chars": 10}, "max_text_chars")]
)
def test_limits(limits, limit):
    with pytest.raises(LimitError, match=limit):
        read(ole_bytes({"a": b"words " * 20, "b": b"words " * 20}), **limits)
