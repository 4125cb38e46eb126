"""Volumes: recognised, put together where all are there, and named where not."""

import os

import pytest

from gateway.content.reading import Budget, Member, Source
from gateway.content.types import MediaTypes
from gateway.content.unpack import unpack
from gateway.content.volumes import VOLUME_TYPE, Sets, assembled, is_lone_volume, joined, read_volume
from gateway.errors import MalformedError
from gateway.limits import Limits
from gateway.parts import Piece
from tests.samples.archives import seven_zip, tar_bytes, volumes, zip_bytes

NOISE = os.urandom(150_000)
WORDS = "合同编号 13800138000".encode()
FILES = {"noise.bin": NOISE, "words.txt": WORDS}
SEVEN = volumes(FILES, "a.7z", "7z", "a", "-bd", "-v64k", "a.7z")
PLAIN = seven_zip(FILES)
SPANNED = volumes(FILES, "a.z", "zip", "-s", "64k", "a.zip")
SLICED = volumes(FILES, "a.zip", "7z", "a", "-bd", "-v64k", "a.zip")
TYPES = MediaTypes()


def members(files):
    return [Member(name, content) for name, content in files.items()]


def told(found):
    return [(each.name, each.media_type, each.opaque.reason if each.opaque else "") for each in found]


def parts_of(data, name=""):
    return list(unpack(Piece(data, name), types=TYPES, limits=Limits(), budget=Budget()))


@pytest.mark.parametrize(
    ("files", "whole"),
    [
        pytest.param(SEVEN, "a.7z", id="7z"),
        pytest.param(SLICED, "a.zip", id="zip in slices"),
        pytest.param(SPANNED, "a.zip", id="zip by volumes"),
        pytest.param({"a.001": PLAIN[:9000], "a.002": PLAIN[9000:]}, "a", id="no suffix"),
    ],
)
def test_a_whole_set_in_an_archive_is_read(files, whole):
    assert len(files) > 1
    found = list(assembled([Member("b.txt", b"b"), *members(files)], Limits()))
    assert told(found) == [("b.txt", "", ""), *((name, VOLUME_TYPE, "") for name in files), (whole, "", "")]
    parts = parts_of(tar_bytes(files), "out.tar")
    assert [part.path for part in parts if part.opaque] == []
    assert any(part.data == WORDS and f"{whole}!/" in part.path for part in parts)
    assert any(part.data == NOISE for part in parts)


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("files", [SEVEN, SPANNED], ids=["7z", "zip by volumes"])
def test_a_set_with_a_volume_missing_is_refused_by_name(files, missing):
    some = {name: content for number, (name, content) in enumerate(files.items()) if number != missing}
    parts = parts_of(tar_bytes(some))
    assert {part.opaque.reason for part in parts if part.opaque} & {"unsupported", "malformed"}
    assert not any(part.data == WORDS for part in parts)


def test_two_sets_are_told_apart():
    found = list(assembled([Member("b.7z.002", b"x"), *members(SEVEN)], Limits()))
    assert told(found)[0] == ("b.7z.002", VOLUME_TYPE, "unsupported")
    assert told(found)[-1] == ("a.7z", "", "")


def test_a_number_twice_is_no_set():
    found = list(assembled([*members(SEVEN), *members(SEVEN)], Limits()))
    assert {each.opaque.reason for each in found} == {"unsupported"}


def test_a_set_over_the_limit_is_not_put_together():
    found = list(assembled(members(SEVEN), Limits(max_member_bytes=100_000)))
    assert {each.opaque.reason for each in found} == {"unsupported"}


def test_members_that_are_no_volumes_pass():
    others = [Member("a.7z.001", b"", opaque=MalformedError("x", "y")), Member("a.7z.002", b"", media_type="x/y")]
    assert list(assembled(others, Limits())) == others


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        pytest.param("a.7z.001", b"", True, id="first of a 7z"),
        pytest.param("a.tar.gz.017", b"words", True, id="any of a tar"),
        pytest.param("A.ZIP.002", b"\x00", True, id="capital letters"),
        pytest.param("a.001", seven_zip({"a": b"x"}), True, id="opens as an archive"),
        pytest.param("a.002", seven_zip({"a": b"x"}), False, id="second without a first"),
        pytest.param("scan.001", b"II*\x00", False, id="picture"),
        pytest.param("app.log.001", b"words", False, id="log"),
        pytest.param("a.z01", b"\x00\x01", True, id="zip by volumes"),
        pytest.param("story.z05", b"a game in words", False, id="text"),
        pytest.param("a.zip", zip_bytes({}), False, id="plain zip"),
        pytest.param("a.7z", b"", False, id="plain 7z"),
    ],
)
def test_lone_volumes(name, data, expected):
    assert is_lone_volume(name, data) is expected
    (part, *_) = parts_of(data, name)
    assert (part.media_type == VOLUME_TYPE, bool(part.opaque)) == (expected, expected)


def test_pieces_of_one_upload_are_put_together():
    pieces = [Piece(b"x", "note.txt", "f"), *(Piece(data, name, "f", is_file=True) for name, data in SEVEN.items())]
    note, whole = joined(pieces, Limits())
    assert (note, whole.name, whole.is_file) == (pieces[0], "a.7z", True)
    assert any(part.data == WORDS for part in parts_of(whole.data, whole.name))
    (spanned,) = joined([Piece(data, name) for name, data in SPANNED.items()], Limits())
    assert spanned.name == "a.zip"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([Piece(b"", "a.7z.001"), Piece(b"", "b.7z.002")], id="two sets"),
        pytest.param(
            [Piece(b"a", "a.7z.001", is_fragment=True), Piece(b"", "a.7z.002", is_fragment=True)], id="slices"
        ),
        pytest.param([Piece(b""), Piece(b"x", "a.txt")], id="no volumes"),
    ],
)
def test_pieces_that_stay_as_they_are(pieces):
    assert joined(pieces, Limits()) == tuple(pieces)


def changed(files, name, old, new):
    assert old in files[name]
    return {**files, name: files[name].replace(old, new, 1)}


END = SPANNED["a.zip"].rindex(b"PK\x05\x06")


def end_with(at, raw):
    last = bytearray(SPANNED["a.zip"])
    last[END + at : END + at + len(raw)] = raw
    return {**SPANNED, "a.zip": bytes(last)}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({**SPANNED, "a.zip": b"words"}, id="no end record"),
        pytest.param({**SPANNED, "a.zip": SPANNED["a.zip"][: END + 10]}, id="end record cut off"),
        pytest.param(end_with(6, b"\x63\x00"), id="directory in no volume"),
        pytest.param(end_with(10, b"\xff\xff"), id="zip64"),
        pytest.param(end_with(10, b"\x09\x00"), id="too many entries"),
        pytest.param(changed(SPANNED, "a.zip", b"PK\x01\x02", b"PK\x01\x03"), id="damaged directory"),
    ],
)
def test_zips_by_volumes_that_do_not_fit(files):
    assert {each.opaque.reason for each in assembled(members(files), Limits())} == {"unsupported"}


def test_a_zip_by_volumes_without_the_mark():
    first = {**SPANNED, "a.z01": bytes(4) + SPANNED["a.z01"][4:]}
    assert len(list(assembled(members(first), Limits()))) == len(SPANNED) + 1


def test_a_volume_itself_has_no_text():
    reading = read_volume(Source(NOISE, "a.7z.001", VOLUME_TYPE, Limits(), Budget()))
    assert (reading.texts, list(reading.members)) == ((), [])


def test_sets_are_told_apart_by_their_stem():
    sets = Sets()
    assert sets.take("a.7z.001", b"") is sets.take("a.7z.002", b"")
    assert sets.take("a.7z.001", b"") is not sets.take("b.7z.001", b"")
