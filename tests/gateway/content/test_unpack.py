"""The tree of contents of a piece: whole, hostile, and always without raising."""

import base64
import gzip
import hashlib
import io
import os
import random
import zipfile
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.content.reading import Member, Source
from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, _guarded, _guarded_members, reader_for, unpack
from gateway.limits import MIB, Limits
from gateway.parts import Part, Piece
from tests.samples.archives import (
    Raw,
    ar_bytes,
    cab_bytes,
    cpio_bytes,
    deflated,
    gzip_bytes,
    iso_bytes,
    piped,
    raw_zip,
    seven_zip,
    streamed_zip,
    tar_bytes,
    zip_aes,
    zip_bytes,
    zip_crypto,
    zstd_bytes,
)
from tests.samples.office import (
    PNG,
    docx_bytes,
    office_encrypted,
    pdf_bytes,
    pdf_encrypted,
    pdf_with_files,
    pptx_bytes,
    xlsx_bytes,
)
from tests.samples.ole import ole_bytes, word_stream
from tests.samples.rar import rar5_bytes

TYPES = MediaTypes()
WORDS = "合同编号 13800138000".encode()
INFO_ZIP = base64.b64decode(
    "UEsDBAoAAAAAAMCddV0AAAAAAAAAAAAAAAACABwAZC9VVAkAA/f0AWv39AFrdXgLAAEEAAAAAAQAAAAAUEsDBAoAAAAAAMCddV2V"
    "Qw7UBgAAAAYAAAAMABwAZC/lkIjlkIwudHh0VVQJAAP39AFr9/QBa3V4CwABBAAAAAAEAAAAAOWuouaIt1BLAwQKAAAAAADAnXVd"
    "IDA6NgYAAAAGAAAABwAcAGQvYS50eHRVVAkAA/f0AWv39AFrdXgLAAEEAAAAAAQAAAAAaGVsbG8KUEsBAh4DCgAAAAAAwJ11XQAA"
    "AAAAAAAAAAAAAAIAGAAAAAAAAAAQAO1BAAAAAGQvVVQFAAP39AFrdXgLAAEEAAAAAAQAAAAAUEsBAh4DCgAAAAAAwJ11XZVDDtQG"
    "AAAABgAAAAwAGAAAAAAAAQAAAKSBPAAAAGQv5ZCI5ZCMLnR4dFVUBQAD9/QBa3V4CwABBAAAAAAEAAAAAFBLAQIeAwoAAAAAAMCd"
    "dV0gMDo2BgAAAAYAAAAHABgAAAAAAAEAAACkgYgAAABkL2EudHh0VVQFAAP39AFrdXgLAAEEAAAAAAQAAAAAUEsFBgAAAAADAAMA"
    "5wAAAM8AAAAAAA=="
)
"""What `zip -r` writes: a directory, a file, a file with a Chinese name."""
INFO_ZIP_PIPED = base64.b64decode(
    "UEsDBC0AAAAAAMCddV0gMDo2//////////8BABQALQEAEAAGAAAAAAAAAAYAAAAAAAAAaGVsbG8KUEsBAh4DLQAAAAAAwJ11XSAw"
    "OjYGAAAABgAAAAEAAAAAAAAAAQAAAIARAAAAAC1QSwYGLAAAAAAAAAAeAy0AAAAAAAAAAAABAAAAAAAAAAEAAAAAAAAALwAAAAAA"
    "AAA5AAAAAAAAAFBLBgcAAAAAaAAAAAAAAAABAAAAUEsFBgAAAAABAAEALwAAADkAAAAAAA=="
)
"""What `zip -` writes from a pipe."""
INFO_ZIP_CLOSED = base64.b64decode(
    "UEsDBAoACQAAAMCddV0gMDo2EgAAAAYAAAAHABwAZC9hLnR4dFVUCQAD9/QBa/f0AWt1eAsAAQQAAAAABAAAAABnpvEQaKu9c7/G"
    "Fl7kaQuK2GRQSwcIIDA6NhIAAAAGAAAAUEsBAh4DCgAJAAAAwJ11XSAwOjYSAAAABgAAAAcAGAAAAAAAAQAAAKSBAAAAAGQvYS50"
    "eHRVVAUAA/f0AWt1eAsAAQQAAAAABAAAAABQSwUGAAAAAAEAAQBNAAAAYwAAAAAA"
)
"""What `zip -P` writes."""
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043000101ffd9")


def parts_of(data, name="", **limits) -> list[Part]:
    return list(unpack(Piece(data, name), types=TYPES, limits=Limits(**limits), budget=Budget()))


def all_text(parts):
    return "\n".join(text.text for part in parts for text in part.texts)


def reasons(parts):
    return [part.opaque.reason if part.opaque else "" for part in parts]


def test_a_piece_is_its_own_first_part():
    piece = Piece(WORDS, "a.txt", "file", "text/csv", is_file=True)
    (part,) = unpack(piece, types=TYPES, limits=Limits(), budget=Budget())
    assert (part.path, part.name, part.declared_type, part.media_type) == ("a.txt", "a.txt", "text/csv", "text/plain")
    assert (part.is_file, part.depth, part.size_bytes, part.opaque) == (True, 0, len(WORDS), None)
    assert part.sha256 == hashlib.sha256(WORDS).hexdigest()
    assert [(text.text, text.location) for text in part.texts] == [("a.txt", "name"), (WORDS.decode(), "")]


@pytest.mark.parametrize(
    ("piece", "path", "name"),
    [
        pytest.param(Piece(b"x", "a.txt", "f"), "a.txt", "a.txt", id="name"),
        pytest.param(Piece(b"x", "", "header:x"), "header:x", "", id="field"),
        pytest.param(Piece(b"x"), "body", "", id="neither"),
    ],
)
def test_path_of_a_piece(piece, path, name):
    (part,) = unpack(piece, types=TYPES, limits=Limits(), budget=Budget())
    assert (part.path, part.name) == (path, name)


def test_depth_first_order_and_paths():
    inner = zip_bytes({"c.txt": b"c", "d.txt": b"d"})
    parts = parts_of(zip_bytes({"a.txt": b"a", "b.zip": inner, "e.txt": b"e"}), "out.zip")
    assert [(part.depth, part.path) for part in parts] == [
        (0, "out.zip"),
        (1, "out.zip!/a.txt"),
        (1, "out.zip!/b.zip"),
        (2, "out.zip!/b.zip!/c.txt"),
        (2, "out.zip!/b.zip!/d.txt"),
        (1, "out.zip!/e.txt"),
    ]
    assert [part.is_file for part in parts] == [False] * 6


def mailed(data):
    mail = EmailMessage()
    mail["From"] = "a@example.cn"
    mail.add_attachment(data, maintype="application", subtype="octet-stream", filename="m")
    return mail.as_bytes()


CONTAINERS = {
    "zip": lambda data: zip_bytes({"m": data}),
    "stored zip": lambda data: zip_bytes({"m": data}, method=zipfile.ZIP_STORED),
    "streamed zip": lambda data: streamed_zip({"m": data}),
    "tar": lambda data: tar_bytes({"m": data}),
    "gzip": gzip_bytes,
    "zstd": zstd_bytes,
    "tar.gz": lambda data: gzip_bytes(tar_bytes({"m": data})),
    "pdf": lambda data: pdf_with_files(pdf_bytes("page"), {"m": data}),
    "docx": lambda data: with_member(docx_bytes("x"), "word/embeddings/m", data),
    "ole": lambda data: ole_bytes({"Package": data, "__attach_1/__substg1.0_37010102": data}),
    "mail": mailed,
    "rich text": lambda data: b"{\\rtf1{\\*\\objdata " + data.hex().encode() + b"}}",
    "picture": lambda data: PNG + zip_bytes({"m": data}),
    "picture, more behind": lambda data: JPEG + zip_bytes({"m": data}) + b"tail",
    "pdf with a zip behind": lambda data: pdf_bytes("page") + zip_bytes({"m": data}),
    "zip with something before": lambda data: b"MZ stub" + zip_bytes({"m": data}),
}


def with_member(document, name, content):
    target = io.BytesIO(document)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, content)
    return target.getvalue()


SAMPLES = {
    "text": WORDS,
    "gb18030": WORDS.decode().encode("gb18030"),
    "utf-16": WORDS.decode().encode("utf-16"),
    "html": b"<p>" + WORDS + b"</p>",
    "docx": docx_bytes(WORDS.decode()),
    "xlsx": xlsx_bytes(["a", WORDS.decode()]),
    "pptx": pptx_bytes(WORDS.decode()),
    "pdf": pdf_bytes(WORDS.decode()),
    "doc": ole_bytes({"WordDocument": word_stream(WORDS.decode())}),
    "zip": zip_bytes({"a.txt": WORDS}),
    "tar": tar_bytes({"a.txt": WORDS}),
    "gzip": gzip_bytes(WORDS),
    "7z": seven_zip({"a.txt": WORDS}),
    "cab": cab_bytes({"a.txt": WORDS}, "-z"),
    "cpio": cpio_bytes({"a.txt": WORDS}, "newc"),
    "deb": ar_bytes({"debian-binary": b"2.0\n", "data.tar.gz": gzip_bytes(tar_bytes({"a.txt": WORDS}))}),
    "iso": iso_bytes({"a.txt": WORDS}, "-J"),
    "lz4": piped(WORDS, "lz4", "-c"),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_is_found_in_every_container(container, sample):
    data = CONTAINERS[container](SAMPLES[sample])
    parts = parts_of(memoryview(data), "a.bin")
    assert "13800138000" in all_text(parts)
    assert set(reasons(parts)) == {""}


BENIGN = {
    **SAMPLES,
    "empty": b"",
    "plain zip of many": zip_bytes({f"f{n}.txt": WORDS for n in range(300)}),
    "zip of nothing": zip_bytes({}),
    "zip with a comment": zip_bytes({"a": b"x"}, comment="备注".encode()),
    "zip, bzip2": zip_bytes({"a": WORDS}, method=zipfile.ZIP_BZIP2),
    "zip, lzma": zip_bytes({"a": WORDS}, method=zipfile.ZIP_LZMA),
    "Info-ZIP": INFO_ZIP,
    "Info-ZIP from a pipe": INFO_ZIP_PIPED,
    "zip with GBK names": raw_zip(Raw("合同.txt".encode("gbk"), b"x")),
    "zip with folders": raw_zip(Raw(b"a/"), Raw(b"a/b/"), Raw(b"a/b/c.txt", b"x")),
    "docx with a picture, header and table": docx_bytes("x", table=[["a", "b"]], header="h", picture=PNG, comment="c"),
    "empty docx": docx_bytes(),
    "empty xlsx": xlsx_bytes(),
    "xlsx of numbers": xlsx_bytes(*[[n, n * 2.5] for n in range(50)]),
    "pptx with notes": pptx_bytes("t", notes="n", table=[["a"]]),
    "pdf with a form": pdf_bytes("x", field="v"),
    "pdf with a picture": pdf_bytes("x", picture=PNG),
    "pdf of a drawing": pdf_bytes("", drawing=True),
    "pdf with permissions": pdf_encrypted(pdf_bytes("x"), 6, user=""),
    "png": PNG,
    "jpeg": JPEG,
    "gif": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    "mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + os.urandom(5000),
    "program": b"\x7fELF" + os.urandom(5000) + b"PK\x03\x04 %PDF-1.4 7z\xbc\xaf\x27\x1c Rar!\x1a\x07\x00 constants",
    "noise": os.urandom(50_000),
    "white bitmap in a zip": zip_bytes({"a.bmp": b"BM" + b"\xff" * 6_000_000}),
    "json": b'{"a": [1, 2]}',
    "svg": b"<svg><text>x</text></svg>",
    "csv in GBK": "姓名,电话\n张三,1\n".encode("gbk") * 100,
    "latin-1": "Größe und Gewicht, café".encode("latin-1"),
    "log with colours": b"\x1b[31mERROR\x1b[0m something\n" * 100,
    "text with one bad byte": b"words " * 50 + b"\xff" + b" words" * 50,
    "gzip in a row": gzip.compress(b"a") + gzip.compress(b"b"),
}


@pytest.mark.parametrize("sample", BENIGN)
def test_the_benign_is_read_in_full(sample):
    parts = parts_of(BENIGN[sample], "file")
    assert [(part.path, part.opaque) for part in parts if part.opaque] == []
    assert {part.encryption.grade for part in parts} == {"none"}


ENCRYPTED = {
    "Info-ZIP": (INFO_ZIP_CLOSED, "zip-crypto", "weak"),
    "ZipCrypto": (zip_crypto({"a.txt": WORDS}), "zip-crypto", "weak"),
    "AES": (zip_aes({"a.txt": WORDS}), "zip-aes-256", "strong"),
    "partial": (zip_aes({"a.txt": WORDS}, clear={"b.txt": b"x"}), "zip-aes-256", "partial"),
    "docx": (office_encrypted(docx_bytes("x")), "ooxml-agile", "strong"),
    "pdf": (pdf_encrypted(pdf_bytes("x"), 6), "pdf-r6", "strong"),
    "old pdf": (pdf_encrypted(pdf_bytes("x"), 3), "pdf-r3", "weak"),
    "7z": (seven_zip({"a": WORDS}, password="p"), "7z-aes", "strong"),
    "rar": (rar5_bytes({"a": True}), "rar5-aes-256", "strong"),
}


@pytest.mark.parametrize("sample", ENCRYPTED)
@pytest.mark.parametrize("container", ["", "zip", "tar", "pdf", "docx"])
def test_encryption_is_graded_wherever_it_lies(sample, container):
    data, scheme, grade = ENCRYPTED[sample]
    parts = parts_of(CONTAINERS[container](data) if container else data)
    graded = [part for part in parts if part.encryption.scheme == scheme]
    assert graded[0].encryption.grade == grade
    assert "encrypted" in reasons(parts)
    for part in parts:
        if part.encryption.grade in {"weak", "strong"} and not part.path.endswith((".zip", "m", "body")):
            assert part.opaque.reason == "encrypted"


def test_encrypted_member_is_a_leaf_with_its_ciphertext():
    archive, entry, _ = parts_of(zip_aes({"a.txt": WORDS}, clear={"b.txt": b"x"}), "a.zip")
    assert (archive.encryption.grade, archive.encryption.names_visible, archive.opaque) == ("partial", True, None)
    assert (entry.media_type, entry.encryption.scheme) == ("application/octet-stream", "zip-aes-256")
    assert entry.size_bytes == len(entry.data) == len(deflated(WORDS)) + 28
    assert entry.texts == ()


def test_password_document_with_an_archive_behind_is_read_too():
    parts = parts_of(pdf_encrypted(pdf_bytes("x"), 6) + zip_bytes({"a.txt": WORDS}))
    assert "13800138000" in all_text(parts)
    assert parts[0].opaque.reason == "encrypted"


def nested(depth, data=WORDS):
    for _ in range(depth):
        data = zip_bytes({"m.zip": data})
    return data


@pytest.mark.parametrize(
    ("depth", "opaque"), [(9, False), (10, False), (11, True), (20, True)], ids=["nine", "ten", "eleven", "twenty"]
)
def test_nesting(depth, opaque):
    parts = parts_of(nested(depth))
    if not opaque:
        assert "13800138000" in all_text(parts)
        assert set(reasons(parts)) == {""}
        return
    assert (parts[-1].depth, parts[-1].opaque.limit, parts[-1].opaque.actual) == (11, "max_depth", 11)
    assert parts[-1].sha256 == hashlib.sha256(parts[-1].data).hexdigest()
    assert len(parts) == 12


def test_members_are_counted_over_all_containers():
    inner = zip_bytes({f"{n}": b"x" for n in range(6)})
    parts = parts_of(zip_bytes({"a.zip": inner, "b.zip": inner}), max_members=10)
    assert [part.opaque.limit for part in parts if part.opaque] == ["max_members"]
    assert len(parts) == 12
    parts = parts_of(zip_bytes({"a.zip": inner, "b.zip": inner}), max_members=14)
    assert set(reasons(parts)) == {""}


def test_ten_thousand_members_are_read_and_one_more_is_not():
    assert len(parts_of(raw_zip(*(Raw(b"%d" % n) for n in range(10_000))))) == 10_001
    (part,) = parts_of(raw_zip(*(Raw(b"%d" % n) for n in range(10_001))))
    assert part.opaque.limit == "max_members"


def test_bombs_end_soon_and_are_opaque():
    bomb = zip_bytes({"zeros": bytes(40 * MIB)})
    parts = parts_of(bomb)
    assert parts[1].opaque.limit == "max_decode_ratio"
    assert parts[1].size_bytes <= 9 * MIB
    many = zip_bytes({f"b{n}.zip": zip_bytes({"zeros": bytes(6 * MIB)}) for n in range(4)})
    assert "max_unpacked_bytes" in {
        part.opaque.limit for part in parts_of(many, max_unpacked_bytes=20 * MIB) if part.opaque
    }


def test_billion_laughs_in_a_document():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l9;</a>'.encode()
    source = zipfile.ZipFile(io.BytesIO(docx_bytes("x")))
    data = zip_bytes({name: source.read(name) for name in source.namelist()} | {"word/document.xml": xml})
    assert parts_of(data)[0].opaque.reason == "malformed"


def test_one_member_lives_at_a_time():
    source = unpack(
        Piece(zip_bytes({f"{n}": os.urandom(1000) for n in range(3)})), types=TYPES, limits=Limits(), budget=Budget()
    )
    budgets = Budget()
    lazy = unpack(Piece(zip_bytes({"a": WORDS * 50, "b": WORDS * 50})), types=TYPES, limits=Limits(), budget=budgets)
    next(lazy)
    assert budgets.unpacked_bytes == 0
    next(lazy)
    assert budgets.unpacked_bytes == len(WORDS) * 50
    assert len(list(source)) == 4


def test_readers_that_fail_say_only_the_kind_of_error():
    (part,) = parts_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 2000)
    assert str(part.opaque) == "application/x-ole-storage: ValueError"


def test_members_that_fail_late_end_their_container():
    pdf = pdf_with_files(pdf_bytes("words"), {"a.txt": b"x" * 500})
    parts = parts_of(pdf, max_unpacked_bytes=100)
    assert [(part.name, part.opaque.limit) for part in parts if part.opaque] == [
        ("", "max_unpacked_bytes"),
        ("(unread)", "max_unpacked_bytes"),
    ]


def test_members_that_fail_in_any_way_end_their_container():
    def failing():
        yield Member("a")
        raise ValueError("bytes of the payload")

    first, last = _guarded_members(failing())
    assert (first.name, first.opaque) == ("a", None)
    assert (last.name, str(last.opaque)) == ("(unread)", "members: ValueError")


def test_lack_of_memory_is_passed_on():
    def members():
        raise MemoryError
        yield

    def reader(_):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(_guarded_members(members()))
    with pytest.raises(MemoryError):
        _guarded(reader, Source(b"", "", "", Limits(), Budget()))


@pytest.mark.parametrize(
    ("media_type", "is_read"),
    [
        ("application/zip", True),
        ("application/vnd.oasis.opendocument.text", True),
        ("text/x-anything", True),
        ("video/mp4", False),
        ("application/octet-stream", True),
    ],
)
def test_reader_for(media_type, is_read):
    assert (reader_for(media_type) is not None) is is_read


def check(data):
    """Everything that must hold whatever the bytes."""
    parts = parts_of(data, "a.bin", max_members=200, max_unpacked_bytes=20 * MIB)
    assert parts[0].depth == 0
    assert parts[0].sha256 == hashlib.sha256(data).hexdigest()
    assert all(part.size_bytes == len(part.data) for part in parts)
    return parts


FRAGILE = {
    **SAMPLES,
    "aes": zip_aes({"a.txt": WORDS}),
    "streamed": streamed_zip({"a.txt": WORDS}),
    "rar": rar5_bytes({"a": True, "b": False}),
    "encrypted pdf": pdf_encrypted(pdf_bytes("x"), 6),
    "picture and zip": PNG + zip_bytes({"a.txt": WORDS}),
    "zstd": zstd_bytes(WORDS),
}


@pytest.mark.parametrize("sample", FRAGILE)
def test_truncated_anywhere_it_never_raises(sample):
    data = FRAGILE[sample]
    step = max(1, len(data) // 60)
    for length in {*range(0, len(data), step), *range(max(0, len(data) - 24), len(data))}:
        check(data[:length])


CHECKED = ["7z", "cab", "zip", "docx", "xlsx", "gzip", "streamed", "zstd"]


@pytest.mark.parametrize("sample", CHECKED)
def test_truncated_anywhere_it_is_not_taken_for_whole(sample):
    data = FRAGILE[sample]
    step = max(1, len(data) // 60)
    for length in range(20, len(data), step):
        assert any(part.opaque for part in check(data[:length])), length


@pytest.mark.parametrize("sample", FRAGILE)
def test_with_bits_flipped_it_never_raises(sample):
    data = FRAGILE[sample]
    step = max(1, len(data) * 8 // 120)
    for bit in range(0, len(data) * 8, step):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        check(bytes(flipped))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=600))
def test_arbitrary_bytes(data):
    check(data)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(magic for magic in FRAGILE)), st.binary(max_size=80), st.data())
def test_arbitrary_bytes_written_over_a_sample(sample, patch, data):
    whole = bytearray(FRAGILE[sample])
    start = data.draw(st.integers(0, len(whole)))
    whole[start : start + len(patch)] = patch
    check(bytes(whole))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(FRAGILE)), st.sampled_from(sorted(FRAGILE)), st.binary(max_size=20))
def test_one_sample_behind_another(first, second, between):
    check(FRAGILE[first] + between + FRAGILE[second])


@pytest.mark.parametrize(
    ("data", "media_type", "texts"),
    [
        pytest.param(zip_bytes({"a.txt": b"hello"})[:-4], "application/zip", [], id="archive"),
        pytest.param(random.Random(3).randbytes(900), "application/octet-stream", [], id="noise"),
        pytest.param("合同编号".encode("gbk") * 9, "text/plain", ["合同编号" * 9], id="GBK"),
        pytest.param(b"\xff\xfe" + "合同".encode("utf-16-le"), "text/plain", ["合同"], id="UTF-16"),
        pytest.param(
            base64.b64encode(b"PK\x03\x04" * 30), "text/plain", ["UEsDBFBLAwRQSwME" * 10], id="base64 of an archive"
        ),
        pytest.param(b"<html><p>a</p>", "text/html", ["<html><p>a</p>", "a"], id="HTML"),
        pytest.param(b"", "application/x-empty", [], id="nothing"),
    ],
)
def test_a_slice_of_a_file_gives_its_text_and_nothing_below(data, media_type, texts):
    piece = Piece(data, "a.x", "f", "x/y", is_file=True, is_fragment=True)
    (part,) = unpack(piece, types=TYPES, limits=Limits(), budget=Budget())
    assert (part.path, part.name, part.declared_type, part.is_file) == ("a.x (piece)", "a.x", "x/y", True)
    assert (part.opaque, part.encryption.scheme, part.depth, part.media_type) == (None, "", 0, media_type)
    assert (part.size_bytes, part.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert [one.text.strip() for one in part.texts] == ["a.x", *texts]


def test_a_slice_with_more_text_than_allowed_is_opaque():
    piece = Piece(b"hello", is_fragment=True)
    (part,) = unpack(piece, types=TYPES, limits=Limits(max_text_chars=4), budget=Budget())
    assert part.opaque.reason == "too-large"
