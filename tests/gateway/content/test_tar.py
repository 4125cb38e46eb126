"""Tar archives."""

import io
import tarfile

import pytest

from gateway.content.reading import Budget, Source
from gateway.content.tar import read_tar
from gateway.limits import Limits
from tests.samples.archives import tar_bytes

FORMATS = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}
LONG = "folder/" * 12 + "name.txt"
DEEP = "d" * 60 + "/" + "e" * 60


def read(data, **limits):
    return read_tar(Source(data, "", "application/x-tar", Limits(**limits), Budget()))


def header(name=b"a", size=0, kind=b"0", *, size_field=None, sparse=b"", magic=b"ustar\x0000"):
    block = bytearray(512)
    block[0 : len(name)] = name
    block[124:136] = size_field or b"%011o\x00" % size
    block[156:157] = kind
    block[257 : 257 + len(magic)] = magic
    block[482 : 482 + len(sparse)] = sparse
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block)
    return bytes(block)


def padded(content):
    return content + bytes(-len(content) % 512)


def pax(*records):
    lines = b""
    for record in records:
        length = len(record) + 2
        while len(b"%d %s\n" % (length, record)) != length:
            length += 1
        lines += b"%d %s\n" % (length, record)
    return header(b"pax", len(lines), b"x") + padded(lines)


END = bytes(1024)


@pytest.mark.parametrize("kind", FORMATS)
def test_members_of_each_format(kind):
    data = tar_bytes({"a.txt": b"hello", LONG: b"x" * 700, "empty": b""}, kind=FORMATS[kind])
    reading = read(memoryview(data))
    assert [(member.name, bytes(member.data)) for member in reading.members] == [
        ("a.txt", b"hello"),
        (LONG, b"x" * 700),
        ("empty", b""),
    ]
    assert reading.opaque is None
    assert "a.txt" in reading.texts[0].text


@pytest.mark.parametrize("kind", ["pax", "gnu"])
def test_chinese_and_very_long_names(kind):
    name = "客户合同" * 40
    (member,) = read(tar_bytes({name: b"x"}, kind=FORMATS[kind])).members
    assert member.name == name


def test_ustar_prefix_and_old_archives_without_magic():
    (member,) = read(tar_bytes({DEEP: b"x"}, kind=tarfile.USTAR_FORMAT)).members
    assert member.name == DEEP
    (member,) = read(header("名单".encode("gb18030"), 1, b"\x00", magic=b"") + padded(b"x") + END).members
    assert member.name == "名单"


def test_links_and_directories_are_names_only():
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind, link in (
            ("dir", tarfile.DIRTYPE, ""),
            ("sym", tarfile.SYMTYPE, "目标"),
            ("l", tarfile.LNKTYPE, "t" * 200),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            archive.addfile(info)
    reading = read(target.getvalue())
    assert list(reading.members) == []
    assert {"dir/", "sym", "目标", "t" * 200} <= set(reading.texts[0].text.split("\n"))


@pytest.mark.parametrize(
    ("data", "members"),
    [
        pytest.param(pax(b"path=b", b"comment=words") + header(b"a", 1) + padded(b"x") + END, [("b", b"x")], id="path"),
        pytest.param(pax(b"size=2") + header(b"a", 0) + padded(b"xy") + END, [("a", b"xy")], id="size"),
        pytest.param(pax(b"size=2") + pax(b"path=b") + header(b"a", 0) + padded(b"xy") + END, [("b", b"xy")], id="two"),
        pytest.param(header(b"g", 10, b"g") + padded(b"9 size=5\n\x00") + header(b"a", 1) + padded(b"x") + END, [("a", b"x")], id="global"),
        pytest.param(header(b"L", 2, b"L") + padded(b"n\x00") + header(b"a", 1) + padded(b"x") + END, [("n", b"x")], id="long name"),
        pytest.param(header(b"K", 2, b"K") + padded(b"n\x00") + header(b"a", 1) + padded(b"x") + END, [("a", b"x")], id="long link"),
        pytest.param(header(b"a", size_field=b"\x80" + bytes(10) + b"\x01") + padded(b"x") + END, [("a", b"x")], id="base 256"),
        pytest.param(header(b"a", 1, b"S") + padded(b"x") + END, [("a", b"x")], id="sparse"),
        pytest.param(
            header(b"a", 1, b"S", sparse=b"\x01") + bytes(504) + b"\x01" + bytes(7) + bytes(512) + padded(b"x") + END, [("a", b"x")], id="sparse, long map"
        ),
        pytest.param(header(b"a", 1, b"9") + padded(b"x") + END, [("a", b"x")], id="unknown kind is a file"),
        pytest.param(header(b"a", 1) + padded(b"x"), [("a", b"x")], id="no end mark"),
        pytest.param(header(b"a", 1) + padded(b"x") + bytes(10240), [("a", b"x")], id="padding"),
        pytest.param(
            header(b"a", 1) + padded(b"x") + END + b"hidden", [("a", b"x"), ("(trailing data)", bytes(1024) + b"hidden")], id="something behind"
        ),
    ],
)  # fmt: skip
def test_members(data, members):
    reading = read(data)
    assert [(member.name, bytes(member.data)) for member in reading.members] == members
    assert reading.opaque is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(header(b"a", 600) + bytes(512), "cut off", id="member cut off"),
        pytest.param(header(b"a", 1) + padded(b"x") + b"garbage" * 80, "header is damaged", id="garbage between"),
        pytest.param(header(b"a", 1) + padded(b"x") + header(b"b")[:300], "header is damaged", id="header cut off"),
        pytest.param(header(b"a", 1, b"5") + padded(b"x"), "with data", id="directory with data"),
        pytest.param(header(b"a", size_field=b"12x4567890 \x00"), "not a number", id="size"),
        pytest.param(header(b"p", 5, b"x") + padded(b"9 a=b") + END, "extended header", id="pax too long"),
        pytest.param(header(b"p", 5, b"x") + padded(b"x a=b") + END, "extended header", id="pax without length"),
        pytest.param(header(b"p", 5, b"x") + padded(b"1 a=b") + END, "extended header", id="pax too short"),
        pytest.param(pax(b"size=abc") + END, "not a number", id="pax size"),
        pytest.param(header(b"a", 1, b"S", sparse=b"\x01") + (bytes(504) + b"\x01" + bytes(7)) * 3, "cut off", id="sparse map"),
    ],
)  # fmt: skip
def test_damage_makes_the_archive_opaque(data, why):
    reading = read(data)
    assert why in str(reading.opaque)
    list(reading.members)


def test_what_came_before_the_damage_is_there():
    reading = read(header(b"a", 1) + padded(b"x") + b"garbage" * 80)
    assert [bytes(member.data) for member in reading.members] == [b"x"]


def test_members_are_limited():
    reading = read(tar_bytes({"a": b"", "b": b""}), max_members=1)
    assert reading.opaque.limit == "max_members"
    assert len(list(reading.members)) == 1


@pytest.mark.parametrize("length", [513, 600, 1111, 1537, 2047, 2048])
def test_truncated_inside_a_header_or_a_member(length):
    data = tar_bytes({"a": b"x" * 600, "b": b"y"}, kind=tarfile.USTAR_FORMAT)
    assert read(data[:length]).opaque.reason == "malformed"
