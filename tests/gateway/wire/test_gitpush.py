"""What the real `git push` sends: every file with its name, every message, and what a thin pack adds."""

from __future__ import annotations

import pytest

from gateway.errors import MalformedError
from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.body import read_request
from gateway.wire.gitpack import BLOB, TREE
from gateway.wire.gitpush import PUSH, read_push
from tests.samples.git_packs import pack, packed
from tests.support.git import Repository, SmartServer, git

ID = b"11010519491231002X"
LIST = b"".join(b"line %d of a list of things\n" % number for number in range(400))

type Found = list[tuple[str, str, bool, bytes]]


def read(headers: dict[str, str], body: bytes) -> Found:
    pieces = read_request(Request(path="/origin.git/git-receive-pack", headers=headers), body, limits=Limits())
    return [(piece.field, piece.name, piece.is_file, bytes(piece.data)) for piece in pieces]


@pytest.fixture
def repository(tmp_path) -> Repository:
    made = Repository(tmp_path / "work")
    made.commit("a message", {"目录/list.txt": LIST, "b.bin": b"PK\x03\x04" + bytes(range(200))})
    return made


def test_push(tmp_path, repository) -> None:
    with SmartServer(tmp_path) as server:
        git("push", "-q", server.url, "main:refs/heads/main", folder=repository.folder)
        repository.commit("second", {"目录/list.txt": LIST.replace(b"line 7 of", b"id " + ID), "c.txt": b"clean"})
        git("push", "-q", server.url, "main", folder=repository.folder)
    first, second = (read(*one) for one in server.bodies if len(one[1]) > 4)
    assert {(name, data) for _, name, is_file, data in first if is_file} == {
        ("list.txt", LIST),
        ("b.bin", b"PK\x03\x04" + bytes(range(200))),
    }
    texts = {field: data for field, _, is_file, data in first if not is_file}
    assert b" refs/heads/main " in texts["git-commands"]
    assert b"zhang.san@example.com" in texts["git-messages"]
    assert b"\n\na message" in texts["git-messages"]
    assert sorted(texts["git-names"].decode().split("\n")) == ["b.bin", "list.txt", "目录"]
    contents = [data for field, _, _, data in second if field in {"git", "git-delta"}]
    assert any(ID in data for data in contents)
    assert b"clean" in contents


def test_push_options_and_deletion(tmp_path, repository) -> None:
    with SmartServer(tmp_path) as server:
        git("config", "receive.advertisePushOptions", "true", folder=tmp_path / "origin.git")
        git("push", "-q", "-o", "note " + ID.decode(), server.url, "main", "main:gone", folder=repository.folder)
        git("push", "-q", server.url, ":gone", folder=repository.folder)
    bodies = [read(*one) for one in server.bodies if len(one[1]) > 4]
    assert b"\nnote " + ID in bodies[0][1][3]
    assert [piece[0] for piece in bodies[1]] == ["path", "git-commands"]


def test_sha256(tmp_path) -> None:
    made = Repository(tmp_path / "work", "--object-format=sha256")
    made.commit("first", {"a.txt": b"content"})
    lines = b"0000"
    command = b"0" * 64 + b" " + b"1" * 64 + b" refs/heads/main\0 object-format=sha256"
    body = b"%04x" % (len(command) + 4) + command + lines + made.pack("main")
    assert ("git", "a.txt", True, b"content") in read({"content-type": PUSH}, body)


def test_a_pack_of_odd_objects() -> None:
    body = b"0000" + pack(packed(BLOB, b"abc"), packed(7, b"\3\5\x90\3\2de", base=bytes(20)))
    assert read({"content-type": PUSH}, body)[1:] == [("git", "", True, b"abc"), ("git-delta", "", True, b"de")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"no lines", id="no length"),
        pytest.param(b"0003", id="length too short"),
        pytest.param(b"0009a", id="line cut"),
        pytest.param(b"+004", id="sign"),
        pytest.param(b"0000PACK", id="pack cut"),
        pytest.param(b"00", id="length cut"),
        pytest.param(pack(packed(TREE, b"100644 a\0" + bytes(19))), id="tree cut"),
        pytest.param(pack(packed(TREE, b"x a\0" + bytes(20))), id="tree without a mode"),
    ],
)
def test_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        read_push(memoryview(body), limits=Limits())
