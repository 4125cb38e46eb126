"""Where a request goes: catalogue, address, country; private addresses only by a fixed route."""

import json

import pytest
from pytest import param

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
    found, target = await made.locate(made.known(host, 443, Request()))
    assert (found.ip, found.region) == (expected[0], expected[2])
    assert found.country == expected[1] or host == "api.telegram.org"
    assert target == (expected[0], 9 if "upstream" in settings else 443)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "private-address"),
        ("localhost", "private-address"),
        ("169.254.169.254", "private-address"),
        ("::ffff:10.0.0.1", "private-address"),
        ("name.invalid", "unresolved"),
        ("a" * 300, "unresolved"),
    ],
)
async def test_unreachable(tmp_path, host, reason):
    made = resolver(tmp_path)
    with pytest.raises(Unreachable) as refused:
        await made.locate(made.known(host, 443, Request()))
    assert refused.value.reason == reason


async def test_names_are_kept_for_a_while(tmp_path, monkeypatch):
    made = resolver(tmp_path, upstream={"connect_to": {"*:443": "localhost:9"}})
    first, _ = await made.locate(made.known("a.example", 443, Request()))
    monkeypatch.setattr("addons.resolve.RESOLVE_S", -1)
    second, _ = await made.locate(made.known("a.example", 443, Request()))
    assert first.ip == second.ip
    monkeypatch.setattr("addons.resolve.MAX_NAMES", 0)
    monkeypatch.setattr("addons.resolve.RESOLVE_S", 10)
    await made._resolve("localhost", 10)
    assert list(made._names) == [("localhost", 10)]
