"""Where a request goes: catalogue, address, country; private addresses only by a fixed route, its own ports never."""

import json
import socket

import pytest
from pytest import param

from addons import itself
from addons.names import Named
from addons.resolve import Resolver, Unreachable
from gateway.config import load_settings
from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.geo import Geo
from gateway.transfer import Category, Region, Request


def resolver(tmp_path, **settings) -> Resolver:
    config = tmp_path / "sluice.yaml"
    config.write_text(json.dumps(settings), "utf-8")
    made = load_settings(str(config), {})
    return Resolver(made, load_catalogue(made.catalogue), Geo.open(made.geo.database, made.geo.overrides))


async def locate(made, host, port=443, request=None, named=None):
    request = request or Request()
    return await made.locate(made.known(host, port, request), request, named or Named(host, host))


@pytest.fixture
def names(monkeypatch):
    """A name service of the test: name → addresses, each look-up counted."""
    table, asked = {}, []

    def getaddrinfo(host, port, *_, **__):
        asked.append(host)
        if not table.get(host):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in table[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    table["asked"] = asked
    return table


def test_catalogue_alone(tmp_path):
    found = resolver(tmp_path).known("API.Telegram.org.", 443, Request(path="/bot1:x/sendDocument"))
    assert (found.host, found.service, found.category) == ("api.telegram.org", "telegram", Category.MESSAGING)
    assert (found.region, found.ip) == (Region.OVERSEAS, "")


@pytest.mark.parametrize(
    ("host", "settings", "expected"),
    [
        param("203.0.113.9", {}, ("203.0.113.9", "", Region.UNKNOWN), id="unknown public address"),
        param("203.0.113.9", {"geo": {"overrides": {"203.0.113.0/24": "CN"}}}, ("203.0.113.9", "CN", Region.DOMESTIC), id="override"),
        param("2001:db8::9", {"geo": {"overrides": {"2001:db8::/32": "HK"}}}, ("2001:db8::9", "HK", Region.HK_MO_TW), id="IPv6"),
        param("10.1.2.3", {"upstream_private": ["10.0.0.0/8"]}, ("10.1.2.3", "", Region.PRIVATE), id="allowed private"),
        param("api.telegram.org", {"upstream": {"connect_to": {"*:443": "127.0.0.1:9"}}}, ("127.0.0.1", "RU", Region.OVERSEAS), id="fixed route"),
        param("files.example.com", {"upstream": {"connect_to": {"files.example.com:443": "localhost:9"}}}, ("127.0.0.1", "", Region.PRIVATE), id="fixed route by name"),
    ],
)  # fmt: skip
async def test_locate(tmp_path, host, settings, expected):
    made = resolver(tmp_path, **settings)
    located = await locate(made, host)
    found = located.destination
    assert (found.ip, found.region) == (expected[0], expected[2])
    assert found.country == expected[1] or host == "api.telegram.org"
    assert located.asked == (host, 443)
    assert located.target == (expected[0], 9 if "upstream" in settings else 443)
    assert located.claimed is None


OWN = {
    "listen": "127.0.0.1:18080",
    "console": {"listen": "127.0.0.1:18081"},
    "metrics": {"listen": "127.0.0.1:18082"},
}


@pytest.mark.parametrize(
    ("host", "port", "settings", "reason"),
    [
        param("127.0.0.1", 443, {}, "private-address", id="loopback"),
        param("localhost", 443, {}, "private-address", id="loopback by name"),
        param("169.254.169.254", 443, {}, "private-address", id="metadata"),
        param("100.100.100.200", 80, {}, "private-address", id="metadata of another cloud"),
        param("fe80::1", 443, {}, "private-address", id="link-local"),
        param("::ffff:10.0.0.1", 443, {}, "private-address", id="private in IPv6"),
        param("name.invalid", 443, {}, "unresolved", id="no such name"),
        param("a" * 300, 443, {}, "unresolved", id="name too long"),
        param("a\0b", 443, {}, "unresolved", id="NUL in the name"),
        param("127.0.0.1", 18080, OWN | {"upstream_private": ["127.0.0.0/8"]}, "private-address", id="proxy, though listed"),
        param("localhost", 18081, OWN | {"upstream_private": ["0.0.0.0/0", "::/0"]}, "private-address", id="console by name, though listed"),
        param("127.9.9.9", 18082, OWN | {"upstream_private": ["127.0.0.0/8"]}, "private-address", id="exporter at another loopback address"),
        param("0.0.0.0", 18080, OWN | {"upstream_private": ["0.0.0.0/0"]}, "private-address", id="proxy as no address"),
        param("::ffff:127.0.0.1", 18080, OWN | {"upstream_private": ["0.0.0.0/0"]}, "private-address", id="proxy in IPv6"),
        param("a.example", 443, OWN | {"upstream": {"connect_to": {"a.example:443": "127.0.0.1:18081"}}}, "private-address", id="console by a fixed route"),
        param("203.0.113.77", 22, OWN, "private-address", id="own public address"),
        param("203.0.113.77", 18080, OWN | {"upstream_private": ["203.0.113.0/24"]}, "private-address", id="proxy at the own public address"),
    ],
)  # fmt: skip
async def test_unreachable(tmp_path, monkeypatch, host, port, settings, reason):
    monkeypatch.setattr(itself, "is_here", lambda ip, stock=itself.is_here: ip == "203.0.113.77" or stock(ip))
    with pytest.raises(Unreachable) as refused:
        await locate(resolver(tmp_path, **settings), host, port)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("host", "port", "settings", "target"),
    [
        param("127.0.0.1", 18083, {"upstream_private": ["127.0.0.0/8"]}, ("127.0.0.1", 18083), id="listed"),
        param("a.example", 443, {"upstream": {"connect_to": {"a.example:443": "127.0.0.1:18083"}}}, ("127.0.0.1", 18083), id="fixed route"),
        param("203.0.113.78", 18080, {}, ("203.0.113.78", 18080), id="own port of another machine"),
    ],
)  # fmt: skip
async def test_other_ports_of_this_machine_where_listed(tmp_path, host, port, settings, target):
    assert (await locate(resolver(tmp_path, **OWN, **settings), host, port)).target == target


async def test_names_are_kept_for_a_while(tmp_path, monkeypatch):
    made = resolver(tmp_path, upstream={"connect_to": {"*:443": "localhost:9"}})
    first = await locate(made, "a.example")
    monkeypatch.setattr("addons.resolve.RESOLVE_S", -1)
    second = await locate(made, "a.example")
    assert first.destination.ip == second.destination.ip
    monkeypatch.setattr("addons.resolve.MAX_NAMES", 0)
    monkeypatch.setattr("addons.resolve.RESOLVE_S", 10)
    await made._resolve("localhost", 10)
    assert list(made._names) == [("localhost", 10)]


async def test_name_that_changes_its_mind_is_judged_and_connected_to_at_one_address(tmp_path, names):
    """DNS rebinding: what was judged is what is connected to; the next judgement sees the next address."""
    made = resolver(tmp_path)
    names["rebind.example"] = ["203.0.113.9"]
    first = await locate(made, "rebind.example")
    names["rebind.example"] = ["10.0.0.1"]
    assert (first.destination.ip, first.target) == ("203.0.113.9", ("203.0.113.9", 443))
    made._names.clear()
    with pytest.raises(Unreachable, match="private"):
        await locate(made, "rebind.example")
    assert names["asked"] == ["rebind.example", "rebind.example"]


async def test_name_with_a_private_address_among_others_is_refused(tmp_path, names):
    names["mixed.example"] = ["203.0.113.9", "10.0.0.1"]
    with pytest.raises(Unreachable, match="private"):
        await locate(resolver(tmp_path), "mixed.example")


GEO = {"geo": {"overrides": {"203.0.113.0/24": "CN", "198.51.100.0/24": "US"}}}
WECOM = "qyapi.weixin.qq.com"


@pytest.mark.parametrize(
    ("named", "addresses", "host", "region", "claimed"),
    [
        param(Named(WECOM, "203.0.113.9"), [], WECOM, Region.DOMESTIC, None, id="certificate will prove it"),
        param(Named(WECOM, "198.51.100.9"), [], WECOM, Region.OVERSEAS, None, id="proven name, server abroad"),
        param(Named(WECOM, "203.0.113.9", False), ["203.0.113.8", "203.0.113.9"], WECOM, Region.DOMESTIC, None, id="name resolves to it"),
        param(Named(WECOM, "198.51.100.9", False), ["203.0.113.9"], "198.51.100.9", Region.OVERSEAS, WECOM, id="name resolves elsewhere"),
        param(Named(WECOM, "192.0.2.9", False), [], "192.0.2.9", Region.UNKNOWN, WECOM, id="name resolves to nothing"),
        param(Named("203.0.113.9", "203.0.113.9"), [], "203.0.113.9", Region.DOMESTIC, None, id="no name"),
    ],
)  # fmt: skip
async def test_dialled_address_counts_and_a_claimed_name_lends_it_nothing(
    tmp_path, names, named, addresses, host, region, claimed
):
    names[WECOM] = addresses
    made = resolver(tmp_path, mode="transparent", **GEO)
    request = Request(path="/cgi-bin/media/upload")
    located = await made.locate(made.known(named.host, 443, request), request, named)
    assert (located.destination.host, located.destination.region) == (host, region)
    assert located.destination.service == ("wecom" if host == WECOM else "")
    assert (located.asked, located.target) == ((named.dialled, 443), (named.dialled, 443))
    assert located.destination.ip == named.dialled
    assert (located.claimed and located.claimed.host) == claimed


async def test_names_that_fail_to_prove_anything_are_remembered(tmp_path, names):
    made = resolver(tmp_path, mode="transparent")
    for _ in range(3):
        await locate(made, WECOM, named=Named(WECOM, "203.0.113.9", False))
    assert names["asked"] == [WECOM]


async def test_dialled_private_address_is_refused_whatever_the_name(tmp_path, names):
    names["public.example"] = ["203.0.113.9"]
    made = resolver(tmp_path, mode="transparent")
    for dialled in ("10.0.0.1", "127.0.0.1", "169.254.169.254"):
        for certified in (True, False):
            with pytest.raises(Unreachable, match="the server's address is"):
                await locate(made, "public.example", named=Named("public.example", dialled, certified))


PARENT = {"mode": "upstream:http://proxy.example:3128"} | GEO


@pytest.mark.parametrize(
    ("host", "addresses", "ip", "region"),
    [
        param("a.example", ["203.0.113.9"], "203.0.113.9", Region.DOMESTIC, id="resolved here"),
        param("a.example", [], "", Region.UNKNOWN, id="unknown here and to the catalogue"),
        param(WECOM, [], "", Region.DOMESTIC, id="unknown here, known to the catalogue"),
        param("203.0.113.9", [], "203.0.113.9", Region.DOMESTIC, id="address"),
    ],
)
async def test_next_proxy_alone_is_connected_to(tmp_path, names, host, addresses, ip, region):
    names[host], names["proxy.example"] = addresses, ["10.9.9.9"]
    located = await locate(resolver(tmp_path, **PARENT), host)
    assert (located.destination.host, located.destination.ip, located.destination.region) == (host, ip, region)
    assert (located.asked, located.target) == (("proxy.example", 3128), ("10.9.9.9", 3128))


@pytest.mark.parametrize(
    ("host", "addresses", "proxy", "reason"),
    [
        param("a.example", ["10.0.0.1"], ["10.9.9.9"], "private-address", id="private server"),
        param("169.254.169.254", [], ["10.9.9.9"], "private-address", id="metadata by the next proxy"),
        param("a.example", ["203.0.113.9"], [], "unresolved", id="next proxy unknown"),
        param("a.example", ["203.0.113.9"], ["127.0.0.1"], "private-address", id="next proxy is the gateway"),
    ],
)
async def test_refused_before_the_next_proxy(tmp_path, names, host, addresses, proxy, reason):
    names["a.example"], names["proxy.example"] = addresses, proxy
    made = resolver(tmp_path, **PARENT | {"listen": "127.0.0.1:3128"})
    with pytest.raises(Unreachable) as refused:
        await locate(made, host)
    assert refused.value.reason == reason
