import ipaddress
from datetime import UTC, datetime

import pytest

from gateway.destinations.geo import Geo, region
from gateway.errors import ConfigError
from gateway.transfer import Region
from tests.samples.mmdb import country_database

param = pytest.param

V4 = {
    "8.8.8.0/24": {"country_code": "US"},
    "223.5.0.0/16": {"country_code": "CN"},
    "202.181.0.0/16": {"country": {"iso_code": "hk"}},
    "9.0.0.0/8": {"country_code": "none"},
    "11.0.0.0/8": {"country": "US"},
    "12.0.0.0/8": "US",
    "13.0.0.0/8": {"city": "x"},
}
V6 = {"2400:3200::/32": {"country_code": "CN"}, "2001:4860::/32": {"country_code": "US"}}


@pytest.fixture
def database(tmp_path):
    (tmp_path / "v4.mmdb").write_bytes(country_database(V4, ip_version=4, built=1_750_000_000))
    (tmp_path / "v6.mmdb").write_bytes(country_database(V6, ip_version=6, built=1_760_000_000))
    return tmp_path


def networks(overrides):
    return {ipaddress.ip_network(network): country for network, country in overrides.items()}


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        param("8.8.8.8", "US", id="in the IPv4 file"),
        param("223.5.5.5", "CN", id="another"),
        param("202.181.7.1", "HK", id="MaxMind's form of a record"),
        param("2400:3200::1", "CN", id="in the IPv6 file"),
        param("::ffff:8.8.8.8", "US", id="IPv4 written as IPv6"),
        param("8.8.9.1", "", id="not in the file"),
        param("2a00::1", "", id="not in the IPv6 file"),
        param("9.1.1.1", "", id="record without a country code"),
        param("11.1.1.1", "", id="country that is no mapping"),
        param("12.1.1.1", "", id="record that is no mapping"),
        param("13.1.1.1", "", id="record without a country"),
        param("localhost", "", id="no address"),
        param("", "", id="nothing"),
    ],
)
def test_country(database, ip, country):
    assert Geo.open(database).country(ip) == country


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        param("8.8.8.8", "DE", id="before the database"),
        param("10.1.2.3", "CN", id="longest prefix"),
        param("10.9.9.9", "US", id="shorter prefix"),
        param("2001:db8::1", "JP", id="IPv6"),
        param("::ffff:10.1.2.3", "CN", id="IPv4 written as IPv6"),
        param("223.5.5.5", "CN", id="database where no override fits"),
    ],
)
def test_overrides(database, ip, country):
    overrides = {"10.0.0.0/8": "US", "10.1.0.0/16": "CN", "8.8.8.8/32": "DE", "2001:db8::/32": "JP"}

    assert Geo.open(database, networks(overrides)).country(ip) == country


def test_one_file_is_enough(database):
    geo = Geo.open(str(database / "v6.mmdb"))

    assert (geo.country("2400:3200::1"), geo.country("8.8.8.8")) == ("CN", "")
    assert Geo.open(database / "v4.mmdb").country("2400:3200::1") == ""


def test_age_is_that_of_the_oldest_file(database):
    geo = Geo.open(database)

    assert geo.is_loaded
    assert geo.built_at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["none", "empty folder"])
def test_without_a_database_only_overrides_know(tmp_path, kind):
    geo = Geo.open(None if kind == "none" else tmp_path, networks({"203.0.113.0/24": "US"}))

    assert (geo.is_loaded, geo.built_at) == (False, None)
    assert (geo.country("203.0.113.7"), geo.country("8.8.8.8")) == ("US", "")


def test_a_broken_database_is_named(database):
    (database / "broken.mmdb").write_bytes(b"not a database")
    (database / "short.mmdb").write_bytes(country_database(V4, ip_version=4)[:-40])

    with pytest.raises(ConfigError) as caught:
        Geo.open(database)

    assert [str(problem) for problem in caught.value.problems] == [
        f"{database}/broken.mmdb:0: is not a MaxMind database (InvalidDatabaseError)",
        f"{database}/short.mmdb:0: is not a MaxMind database (InvalidDatabaseError)",
    ]


def test_a_missing_database_is_named(tmp_path):
    with pytest.raises(ConfigError) as caught:
        Geo.open(tmp_path / "missing.mmdb")

    assert str(caught.value) == f"{tmp_path}/missing.mmdb:0: is not a MaxMind database (FileNotFoundError)"


PUBLIC, INSIDE = "203.0.113.9", "127.0.0.1"


@pytest.mark.parametrize(
    ("ip", "by_geo", "by_catalogue", "fixed", "expected"),
    [
        param(PUBLIC, "CN", "CN", False, Region.DOMESTIC, id="both domestic"),
        param(PUBLIC, "US", "US", False, Region.OVERSEAS, id="both abroad"),
        param(PUBLIC, "CN", "US", False, Region.OVERSEAS, id="catalogue is stricter"),
        param(PUBLIC, "US", "CN", False, Region.OVERSEAS, id="geo is stricter"),
        param(PUBLIC, "HK", "CN", False, Region.HK_MO_TW, id="Hong Kong is stricter than domestic"),
        param(PUBLIC, "HK", "US", False, Region.OVERSEAS, id="overseas is stricter than Hong Kong"),
        param(PUBLIC, "MO", "", False, Region.HK_MO_TW, id="Macao"),
        param(PUBLIC, "TW", "", False, Region.HK_MO_TW, id="Taiwan"),
        param(PUBLIC, "CN", "", False, Region.DOMESTIC, id="geo alone"),
        param(PUBLIC, "", "CN", False, Region.DOMESTIC, id="catalogue alone"),
        param(PUBLIC, "", "", False, Region.UNKNOWN, id="nobody knows"),
        param(PUBLIC, "", "", True, Region.UNKNOWN, id="nobody knows, fixed route"),
        param("", "", "US", False, Region.OVERSEAS, id="not resolved"),
        param("", "", "", False, Region.UNKNOWN, id="not resolved, not known"),
        param(INSIDE, "US", "CN", False, Region.OVERSEAS, id="override decides alone inside"),
        param("10.0.0.1", "CN", "US", True, Region.DOMESTIC, id="override decides alone, domestic"),
        param(INSIDE, "", "CN", True, Region.DOMESTIC, id="fixed route stands where the catalogue says"),
        param(INSIDE, "", "US", True, Region.OVERSEAS, id="fixed route abroad"),
        param(INSIDE, "", "US", False, Region.OVERSEAS, id="inside, but said to be abroad"),
        param("fd00::1", "", "CN", False, Region.PRIVATE, id="inside with a domestic name"),
        param("192.168.1.1", "", "", False, Region.PRIVATE, id="inside"),
        param("::ffff:10.0.0.1", "", "", True, Region.PRIVATE, id="inside, written as IPv6"),
        param("169.254.1.1", "", "", False, Region.PRIVATE, id="link-local"),
        param("0.0.0.0", "", "", False, Region.PRIVATE, id="this machine"),
    ],
)
def test_region(ip, by_geo, by_catalogue, fixed, expected):
    assert region(ip, by_geo, by_catalogue, fixed_route=fixed) is expected
    assert Geo.region(ip, by_geo, by_catalogue, fixed_route=fixed) is expected
