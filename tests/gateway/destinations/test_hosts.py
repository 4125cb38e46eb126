import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.destinations.hosts import HostIndex, normal_host

param = pytest.param


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        param("a.example", "a.example", id="as it is"),
        param("A.Example", "a.example", id="lower case"),
        param("a.example.", "a.example", id="trailing dot"),
        param("[2001:DB8::1]", "2001:db8::1", id="brackets"),
        param("例子.example", "xn--fsqu00a.example", id="A-label"),
        param("ａ．example", "a.example", id="full-width"),
        param("a。example", "a.example", id="ideographic dot"),
        param("ａ.example。", "a.example", id="trailing ideographic dot"),
        param("\ud800.Example", "\ud800.example", id="no name in IDNA"),
        param("☃☃☃" * 30, "☃☃☃" * 30, id="too long for IDNA"),
        param("", "", id="empty"),
    ],
)
def test_normal_host(host, expected):
    assert normal_host(host) == expected


@given(st.text())
def test_normal_host_never_raises(host):
    assert normal_host(host) == normal_host(host).lower()


def index(*patterns):
    found = HostIndex()
    for pattern in patterns:
        found.add(pattern, pattern)
    return found


@pytest.mark.parametrize(
    ("patterns", "host", "found"),
    [
        param(["a.example"], "a.example", ["a.example"], id="exact"),
        param(["a.example"], "b.a.example", [], id="exact is not a suffix"),
        param(["*.a.example"], "b.a.example", ["*.a.example"], id="below"),
        param(["*.a.example"], "c.b.a.example", ["*.a.example"], id="deep below"),
        param(["*.a.example"], "a.example", [], id="below is not the domain itself"),
        param(["*.a.example"], "ba.example", [], id="below needs a dot"),
        param(["x-*.a.example"], "x-1.a.example", ["x-*.a.example"], id="star in a label"),
        param(["x-*.a.example"], "y-1.a.example", [], id="star in another label"),
        param(["*.s3.*.a.example"], "b.s3.eu.a.example", ["*.s3.*.a.example"], id="star in the middle"),
        param(["*.s3.*.a.example"], "s3.eu.a.example", [], id="star in the middle, too short"),
        param(
            ["*.example", "*.a.example", "b.a.example"],
            "b.a.example",
            ["b.a.example", "*.a.example", "*.example"],
            id="most specific first",
        ),
        param(
            ["*.example", "*.o-*.example", "*.o-cn-*.example", "x-*.o-*.example"],
            "x-1.o-cn-2.example",
            ["x-*.o-*.example", "*.o-cn-*.example", "*.o-*.example", "*.example"],
            id="most letters first",
        ),
        param(["*"], "a.example", [], id="every host is asked for apart"),
        param(["a.example"], "", [], id="no host"),
    ],
)
def test_find(patterns, host, found):
    assert index(*patterns).find(host) == found


def test_every_host():
    assert index("*", "a.example").every_host == ["*"]


def test_an_entry_is_found_once():
    hosts = HostIndex()
    entry = object()
    for pattern in ("a.example", "*.example", "a*.example"):
        hosts.add(pattern, entry)

    assert hosts.find("a.example") == [entry]


@pytest.mark.parametrize(
    "pattern",
    ["", "A.example", "a..example", ".a", "a.", "a/b", "例子.example", "a.example:443", "a" * 64 + ".example", "a b",
     "a.b.c.d.e.f.g.h.i.j.k"],
)  # fmt: skip
def test_no_host_pattern(pattern):
    with pytest.raises(ValueError, match="not a host; allowed"):
        index(pattern)


@pytest.mark.parametrize("pattern", ["a.*", "**", "a*", "*a"])
def test_a_star_needs_a_domain_behind_it(pattern):
    with pytest.raises(ValueError, match="must stand before a whole domain"):
        index(pattern)
