"""Archives and documents inside other contents."""

import os
import struct

import pytest

from gateway.content.embedded import MAX_MARKS, Marks, behind, embedded
from gateway.content.reading import Budget, Source
from gateway.limits import MIB, Limits
from tests.samples.archives import Raw, deflated, raw_zip, seven_zip, zip_bytes, zip_crypto
from tests.samples.office import PNG, docx_bytes, pdf_bytes, pdf_encrypted
from tests.samples.ole import ole_bytes
from tests.samples.rar import rar4_bytes, rar5_bytes

MARKS = Marks()
ARCHIVE = zip_bytes({"secret.txt": b"words " * 20})
PDF = pdf_bytes("words")
NOISE = os.urandom(5000)
HIDDEN = deflated(b"hidden words")
LOCAL = struct.Struct("<4s5H3L2H")


def found(data, **limits):
    source = Source(data, "", "application/octet-stream", Limits(**limits), Budget())
    return list(embedded(source, MARKS))


def local(name=b"a.txt", *, packed=HIDDEN, method=8, flags=0, version=20):
    return LOCAL.pack(b"PK\x03\x04", version, flags, method, 0, 0, 0, 0, 0, len(name), 0) + name + packed


@pytest.mark.parametrize(
    ("data", "members"),
    [
        pytest.param(PNG, [], id="nothing"),
        pytest.param(b"", [], id="empty"),
        pytest.param(NOISE, [], id="noise"),
        pytest.param(PNG + ARCHIVE, [("(archive at the end)", "application/zip")], id="zip behind a picture"),
        pytest.param(PNG + ARCHIVE + b"tail", [("(zip at 67)", "application/zip")], id="zip in the middle"),
        pytest.param(
            PNG + ARCHIVE + PNG + ARCHIVE + b"tail", [("(zip at 67)", "application/zip"), ("", "")], id="two zips"
        ),
        pytest.param(
            PNG + docx_bytes("x") + b"tail",
            [("(zip at 67)", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")],
            id="docx in the middle",
        ),
        pytest.param(PNG + PDF, [("(PDF at 67)", "application/pdf")], id="PDF behind a picture"),
        pytest.param(PNG + pdf_encrypted(PDF, 6), [("(PDF at 67)", "application/pdf")], id="encrypted PDF"),
        pytest.param(PNG + b"%PDF-1.4 as a constant", [], id="mark of a PDF"),
        pytest.param(PNG + seven_zip({"a": b"x"}), [("(7z at 67)", "application/x-7z-compressed")], id="7z"),
        pytest.param(PNG + b"7z\xbc\xaf\x27\x1c as a constant", [], id="mark of 7z"),
        pytest.param(PNG + rar5_bytes({"a": False}), [("(RAR at 67)", "application/vnd.rar")], id="RAR 5"),
        pytest.param(PNG + rar4_bytes({"a": True}), [("(RAR at 67)", "application/vnd.rar")], id="RAR 4"),
        pytest.param(PNG + b"Rar!\x1a\x07 as a constant", [], id="mark of RAR"),
        pytest.param(PNG + ole_bytes({"WordDocument": b"x"}), [("(OLE at 67)", "application/msword")], id="OLE"),
        pytest.param(PNG + b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 as a constant", [], id="mark of OLE"),
        pytest.param(PNG + b"PK\x03\x04 as a constant, long enough", [], id="mark of zip"),
        pytest.param(PNG + b"PK\x03\x04", [], id="mark of zip at the end"),
        pytest.param(PNG + local() + b"tail", [("a.txt", "")], id="entry without a directory"),
        pytest.param(PNG + local(packed=b"\xff\xff\xff"), [], id="entry that does not unpack"),
        pytest.param(PNG + local(packed=deflated(b"")), [], id="entry of nothing"),
        pytest.param(PNG + local(method=0), [], id="stored entry: its bytes are seen anyway"),
        pytest.param(PNG + local(flags=1), [], id="encrypted entry without a directory"),
        pytest.param(PNG + local(name=b"a\x00b"), [], id="impossible name"),
        pytest.param(PNG + local(method=77), [], id="impossible method"),
        pytest.param(PNG + b"PK\x05\x06" + bytes(18), [], id="end record without an archive"),
        pytest.param(
            PNG + raw_zip(Raw(b"inner.zip", ARCHIVE)) + b"tail", [("(zip at 67)", "application/zip")], id="zip in a zip"
        ),
    ],
)
def test_members(data, members):
    got = found(memoryview(data))
    if members and members[-1] == ("", ""):
        assert len(got) == len(members)
        members = members[:-1]
        got = got[: len(members)]
    assert [(member.name, member.media_type) for member in got] == members
    assert all(member.opaque is None for member in got)


def test_entry_without_a_directory_gives_its_content():
    (member,) = found(PNG + local() + b"tail")
    assert member.data == b"hidden words"


def test_zip_in_the_middle_is_cut_where_it_ends():
    (member,) = found(PNG + ARCHIVE + b"tail")
    assert bytes(member.data) == ARCHIVE


def test_end_record_cut_off_is_no_end():
    (member,) = found(PNG + ARCHIVE[:-5])
    assert (member.name, member.data) == ("secret.txt", b"words " * 20)


def test_bomb_without_a_directory_is_over_a_limit():
    (member,) = found(PNG + local(packed=deflated(bytes(20 * MIB))))
    assert member.opaque.limit == "max_decode_ratio"


def test_too_many_trials_and_marks_count_as_unread():
    many = found(PNG + local(packed=b"\xff\xff") * 70)
    assert [member.opaque.limit for member in many] == ["max_embedded_trials"]
    more = found(b"PK\x05\x06" * (MAX_MARKS + 10) + b"x")
    assert [member.opaque.limit for member in more] == ["max_embedded_marks"]


def test_marks_are_found_in_order():
    assert MARKS.of(b"%PDF-..PK\x03\x04%PDF-") == [(0, b"%PDF-"), (7, b"PK\x03\x04"), (11, b"%PDF-")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PDF, []),
        (PDF + b"\n\0\0", []),
        (PDF.replace(b"%%EOF", b""), []),
        (PDF + ARCHIVE, [("(archive at the end)", "application/zip")]),
        (PDF + ARCHIVE + b"x", [("(behind the end)", "")]),
        (b"words\n" + PDF, [("(before the start)", "")]),
        (PDF + zip_crypto({"a": b"x"}), [("(archive at the end)", "application/zip")]),
    ],
    ids=[
        "document",
        "padding",
        "no end",
        "archive behind",
        "not at the end",
        "words before",
        "encrypted archive behind",
    ],
)
def test_behind(data, expected):
    members = list(behind(Source(data, "", "application/pdf", Limits(), Budget())))
    assert [(member.name, member.media_type) for member in members] == expected
