"""ar archives and Debian packages."""

import pytest

from gateway.content.ar import read_ar
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from tests.samples.archives import ar_bytes

FILES = {"合同.txt": b"odd", "even": b"even", "a-name-of-more-than-15-letters.txt": b"long"}


def read(data, **limits):
    return read_ar(Source(data, "", "application/x-archive", Limits(**limits), Budget()))


def contents(data):
    return [(member.name, bytes(member.data)) for member in read(data).members]


def entry(name, content, *, size=None, end=b"`\n"):
    told = str(len(content) if size is None else size).encode()
    return name.ljust(16) + b"0".ljust(32) + told.ljust(10) + end + content + b"\n" * (len(content) % 2)


def test_what_ar_writes():
    found = dict(contents(ar_bytes(FILES)))
    assert {name: found[name] for name in FILES} == FILES
    assert "合同.txt" in read(ar_bytes(FILES)).texts[0].text


@pytest.mark.parametrize(
    ("data", "members"),
    [
        pytest.param(b"!<arch>\n", [], id="nothing"),
        pytest.param(b"!<arch>\n" + entry(b"a/", b"xyz"), [("a", b"xyz")], id="GNU"),
        pytest.param(b"!<arch>\n" + entry(b"a", b"xyz")[:-1], [("a", b"xyz")], id="no padding at the end"),
        pytest.param(b"!<arch>\n" + entry(b"#1/8", b"name.txtxyz"), [("name.txt", b"xyz")], id="BSD"),
        pytest.param(b"!<arch>\n" + entry(b"#1/99", b"name"), [("name", b"")], id="BSD, name longer than all"),
        pytest.param(b"!<arch>\n" + entry(b"/", b"ab"), [("/", b"ab")], id="index"),
        pytest.param(b"!<arch>\n" + entry(b"/99", b"ab"), [("(index)", b"ab")], id="name that is not there"),
    ],
)
def test_members(data, members):
    assert contents(data) == members


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"!<arch>\n" + entry(b"a", b"xyz", size=9), id="cut off"),
        pytest.param(b"!<arch>\n" + entry(b"a", b"xyz", end=b"  "), id="no end of the header"),
        pytest.param(b"!<arch>\n" + entry(b"a", b"xyz", size="0x3"), id="size"),
        pytest.param(b"!<arch>\n" + entry(b"a", b"xy") + b"tail", id="something behind"),
    ],
)
def test_damage(data):
    with pytest.raises(MalformedError):
        read(data)


def test_members_are_limited():
    with pytest.raises(LimitError, match="max_members"):
        read(b"!<arch>\n" + entry(b"a", b"") * 3, max_members=2)
