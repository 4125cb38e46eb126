"""Packs that git itself made, and packs that git would not read."""

from __future__ import annotations

import hashlib

import pytest

from gateway.errors import ContentError, LimitError, MalformedError
from gateway.limits import MIB, Limits
from gateway.wire.gitpack import BLOB, COMMIT, TAG, TREE, GitObject, read_pack
from tests.samples.git_packs import head, pack, packed
from tests.support.git import Repository, git

LIST = b"".join(b"line %d of a list of things\n" % number for number in range(400))


def read(pack: bytes, id_bytes: int = 20, **limits: int) -> list[GitObject]:
    return read_pack(memoryview(pack), id_bytes=id_bytes, limits=Limits(**limits))


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("git"))
    made.commit("first", {"list.txt": LIST, "dir/b.bin": bytes(range(256)) * 40})
    made.commit("second", {"list.txt": LIST.replace(b"line 7 ", b"id 11010519491231002X ")})
    git("tag", "-a", "v1", "-m", "a tag", folder=made.folder)
    return made


def test_all_objects_of_a_real_pack(repository: Repository) -> None:
    pack = repository.pack("v1")
    assert any(pack[position] >> 4 & 7 == 6 for position in range(12, len(pack))), "no delta in it"
    found = read(pack)
    ids = git("rev-list", "--objects", "v1", folder=repository.folder).split()
    assert {one.id.hex().encode() for one in found} <= {*ids, git("rev-parse", "v1", folder=repository.folder).strip()}
    assert sorted(one.kind for one in found) == sorted([COMMIT] * 2 + [TREE] * 3 + [BLOB] * 3 + [TAG])
    blobs = {bytes(one.data) for one in found if one.kind == BLOB}
    assert blobs == {LIST, LIST.replace(b"line 7 ", b"id 11010519491231002X "), bytes(range(256)) * 40}


def test_thin_pack_has_a_delta_left(repository: Repository) -> None:
    found = read(repository.pack("main", "^main~1", thin=True))
    assert [one.is_delta for one in found if one.kind not in {COMMIT, TREE}] == [True]


def test_sha256(tmp_path) -> None:
    made = Repository(tmp_path / "r", "--object-format=sha256")
    made.commit("first", {"a.txt": b"content"})
    pack = made.pack("main")
    assert [bytes(one.data) for one in read(pack, 32) if one.kind == BLOB] == [b"content"]
    with pytest.raises(MalformedError):
        read(pack, 20)


BLOB_ID = hashlib.sha1(b"blob 3\0abc").digest()
DELTA = b"\3\5\x90\3\2de"


@pytest.mark.parametrize(
    ("data", "contents"),
    [
        pytest.param(pack(), [], id="nothing"),
        pytest.param(pack(packed(BLOB, b"")), [b""], id="empty object"),
        pytest.param(pack(packed(BLOB, b"abc"), version=3), [b"abc"], id="version 3"),
        pytest.param(pack(packed(BLOB, b"abc"), packed(7, DELTA, base=BLOB_ID)), [b"abc", b"abcde"], id="by id"),
        pytest.param(pack(packed(7, DELTA, base=BLOB_ID), packed(BLOB, b"abc")), [b"abcde", b"abc"], id="base later"),
        pytest.param(
            pack(packed(BLOB, b"abc"), packed(6, DELTA, base=bytes([len(packed(BLOB, b"abc"))]))),
            [b"abc", b"abcde"],
            id="by offset",
        ),
        pytest.param(pack(packed(7, DELTA, base=bytes(20))), [DELTA], id="base is elsewhere"),
    ],
)
def test_read(data: bytes, contents: list[bytes]) -> None:
    assert [bytes(one.data) for one in read(data)] == contents


def test_offset_of_two_bytes() -> None:
    filler = packed(BLOB, bytes(range(256)))
    distance = len(packed(BLOB, b"abc")) + len(filler)
    assert distance >= 128
    offset = bytes([(distance >> 7) - 1 | 0x80, distance & 127])
    found = read(pack(packed(BLOB, b"abc"), filler, packed(6, DELTA, base=offset)))
    assert bytes(found[2].data) == b"abcde"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"PACK\0\0\0\2\0\0", id="head cut"),
        pytest.param(b"PACX" + pack()[4:], id="no pack"),
        pytest.param(pack(version=4), id="version 4"),
        pytest.param(pack()[:-1] + b"x", id="wrong sum"),
        pytest.param(pack() + b"x", id="bytes behind"),
        pytest.param(pack(packed(BLOB, b"abc"), count=0), id="object not counted"),
        pytest.param(pack(packed(BLOB, b"abc"), count=2), id="object missing"),
        pytest.param(pack(packed(0, b"abc")), id="type 0"),
        pytest.param(pack(packed(5, b"abc")), id="type 5"),
        pytest.param(pack(packed(BLOB, b"abc", size=4)), id="shorter than it says"),
        pytest.param(pack(packed(BLOB, b"abc", size=2)), id="longer than it says"),
        pytest.param(pack(head(BLOB, 3) + b"no zlib"), id="damaged"),
        pytest.param(b"PACK\0\0\0\2\0\0\0\1" + packed(BLOB, b"abc")[:-6], id="cut"),
        pytest.param(pack(b"\xb0" + b"\x80" * 9), id="head without end"),
        pytest.param(pack(b"\x60" + b"\x80" * 10), id="offset without end"),
        pytest.param(pack(packed(BLOB, b"abc"), packed(6, DELTA, base=b"\1")), id="offset to no object"),
        pytest.param(pack(packed(BLOB, b"ab"), packed(7, DELTA, base=hashlib.sha1(b"blob 2\0ab").digest())), id="base of another size"),
    ],
)  # fmt: skip
def test_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read(data)


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        pytest.param({"max_member_bytes": 4}, "max_member_bytes", id="one object"),
        pytest.param({"max_unpacked_bytes": 9}, "max_unpacked_bytes", id="all objects"),
        pytest.param({"max_members": 1}, "max_members", id="files"),
    ],
)
def test_limits(limits: dict[str, int], limit: str) -> None:
    with pytest.raises(LimitError) as caught:
        read(pack(packed(BLOB, b"abcde"), packed(BLOB, b"fghij")), **limits)
    assert caught.value.limit == limit


def test_objects_are_limited() -> None:
    with pytest.raises(LimitError):
        read(pack(count=11), max_members=1)


def test_bomb_is_stopped() -> None:
    with pytest.raises(LimitError) as caught:
        read(pack(packed(BLOB, bytes(64 * MIB))))
    assert caught.value.limit == "max_decode_ratio"


def test_every_flipped_byte_is_refused(repository: Repository) -> None:
    data = repository.pack("main")
    for position in range(0, len(data), 7):
        with pytest.raises(ContentError):
            read(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])


def test_an_object_of_several_steps() -> None:
    content = b"".join(b"%d" % number + b"-" * 500 for number in range(12_000))
    assert [bytes(one.data) for one in read(pack(packed(BLOB, content)))] == [content]
