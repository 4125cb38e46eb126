"""cpio archives of four kinds."""

import pytest

from gateway.content.cpio import read_cpio
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from tests.samples.archives import cpio_bytes

FILES = {"合同.txt": b"odd", "d/even": b"even", "empty": b""}
KINDS = ["newc", "crc", "odc", "bin"]


def read(data, **limits):
    return read_cpio(Source(data, "", "application/x-cpio", Limits(**limits), Budget()))


def entry(name, content=b"", *, mode=0o100644, name_bytes=None, size=None):
    told = len(name) + 1 if name_bytes is None else name_bytes
    numbers = [0, mode, 0, 0, 1, 0, len(content) if size is None else size, 0, 0, 0, 0, told, 0]
    head = b"070701" + b"".join(b"%08x" % number for number in numbers) + name + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


END = entry(b"TRAILER!!!")


@pytest.mark.parametrize("kind", KINDS)
def test_what_cpio_writes(kind):
    reading = read(cpio_bytes(FILES, kind))
    assert {member.name: bytes(member.data) for member in reading.members} == FILES
    assert "合同.txt" in reading.texts[0].text


def test_the_other_byte_order():
    words = [0o070707, 0, 0, 0o100644, 0, 0, 1, 0, 0, 0, 2, 0, 3]
    head = b"".join(word.to_bytes(2, "big") for word in words) + b"a\0" + b"xyz\0"
    words[10], words[12] = 11, 0
    data = head + b"".join(word.to_bytes(2, "big") for word in words) + b"TRAILER!!!\0\0"
    assert [(member.name, member.data) for member in read(data).members] == [("a", b"xyz")]


def test_directories_links_and_what_lies_behind():
    data = entry(b"d", mode=0o040755) + entry(b"l", b"target", mode=0o120777) + END + bytes(100) + b"tail"
    members = [(member.name.partition(",")[0], bytes(member.data).strip(b"\0")) for member in read(data).members]
    assert members == [("l", b"target"), (f"(bytes {len(data) - 104} to {len(data)}", b"tail")]


def test_a_directory_or_an_end_with_content_is_a_member():
    data = entry(b"d", b"hidden", mode=0o040755) + entry(b"TRAILER!!!", b"more")
    assert [bytes(member.data) for member in read(data).members] == [b"hidden", b"more"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(entry(b"a", b"xyz"), id="no end"),
        pytest.param(entry(b"a", b"xyz", size=99) + END, id="cut off"),
        pytest.param(entry(b"a", name_bytes=0) + END, id="no name"),
        pytest.param(entry(b"a", name_bytes=1) + END, id="name without its end"),
        pytest.param(entry(b"a", name_bytes=70_000) + END, id="endless name"),
        pytest.param(entry(b"a") + b"x" + END, id="damaged"),
    ],
)
def test_damage(data):
    with pytest.raises(MalformedError):
        read(data)


def test_members_are_limited():
    with pytest.raises(LimitError, match="max_members"):
        read(entry(b"a") * 3 + END, max_members=2)
