import ipaddress
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway import setting_values as values
from gateway.setting_values import Address, parse_address

param = pytest.param

NOT_AN_ADDRESS = "not an address; allowed: HOST:PORT with a port of 1 to 65535, IPv6 in brackets"
NOT_A_MODE = (
    "not a mode; allowed: regular, transparent, socks5, upstream:http://HOST:PORT or upstream:https://HOST:PORT"
)
NETWORK_FORM = "allowed: ADDRESS/PREFIX such as 10.0.0.0/8 or 2001:db8::/32"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        param("127.0.0.1:8080", Address("127.0.0.1", 8080), id="IPv4"),
        param("[::1]:1", Address("::1", 1), id="IPv6"),
        param("[2001:DB8:0::1]:65535", Address("2001:db8::1", 65535), id="IPv6 in its short form"),
        param("API.Example.com.:443", Address("api.example.com", 443), id="name in lower case"),
        param("例子.example:443", Address("xn--fsqu00a.example", 443), id="A-label"),
        param("my_host-1:80", Address("my_host-1", 80), id="underscore and hyphen"),
    ],
)
def test_address(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["8080", ":8080", "host", "host:", "host:0", "host:65536", "host:999999", "host:٣", "host:+1", "a b:80", "::1:80",
     "[::1:80", "[x]:80", "[127.0.0.1]:80", "*:80", "-a:80", "a" * 300 + ":80", 8080, None, ["a:1"]],
    ids=repr,
)  # fmt: skip
def test_address_refused(text):
    with pytest.raises(ValueError) as caught:
        parse_address(text)

    assert str(caught.value) == NOT_AN_ADDRESS


def test_address_is_written_as_it_is_read():
    assert str(Address("::1", 80)) == "[::1]:80"
    assert str(parse_address("a.example:80")) == "a.example:80"
    assert parse_address(Address("a", 1)) == Address("a", 1)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        param(values.RouteKey, "*:443", Address("*", 443), id="any host"),
        param(values.RouteKey, "a.example:443", Address("a.example", 443), id="one host"),
        param(values.NetworkKey, "10.0.0.0/8", ipaddress.ip_network("10.0.0.0/8"), id="network"),
        param(values.NetworkKey, "192.0.2.1", ipaddress.ip_network("192.0.2.1/32"), id="one address"),
        param(
            values.NetworkKey, ipaddress.ip_network("2001:db8::/32"), ipaddress.ip_network("2001:db8::/32"), id="object"
        ),
        param(values.Country, "CN", "CN", id="country"),
        param(values.PathField, "a/b", Path("a/b"), id="path"),
        param(values.ExistingPath, "/", Path("/"), id="path that exists"),
        param(values.Count, "auto", "auto", id="auto"),
        param(values.Count, 1024, 1024, id="count"),
        param(values.Mode, "regular", "regular", id="mode"),
        param(values.Mode, "transparent", "transparent", id="transparent"),
        param(values.Mode, "socks5", "socks5", id="socks5"),
        param(values.Mode, "upstream:http://Proxy.Example:3128/", "upstream:http://proxy.example:3128", id="parent"),
        param(
            values.Mode, "upstream:https://[2001:DB8::1]:3129", "upstream:https://[2001:db8::1]:3129", id="TLS parent"
        ),
        param(values.Store, "sqlite", "sqlite", id="store"),
        param(values.NotAvailable, None, None, id="null"),
    ],
)
def test_accepted(kind, given, expected):
    assert TypeAdapter(kind).validate_python(given) == expected


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        param(values.RouteKey, "*", NOT_AN_ADDRESS, id="route without port"),
        param(values.AddressField, "*:443", NOT_AN_ADDRESS, id="any host where one is needed"),
        param(values.NetworkKey, "10.0.0.1/8", f"has host bits set; {NETWORK_FORM}", id="host bits"),
        param(values.NetworkKey, "10.0.0.0/33", f"is not a network; {NETWORK_FORM}", id="prefix"),
        param(values.NetworkKey, 10, f"is not a network; {NETWORK_FORM}", id="number as network"),
        param(
            values.Country,
            "cn",
            "not a country; allowed: two capital letters of ISO 3166-1, such as CN",
            id="lower case country",
        ),
        param(
            values.Country,
            None,
            "not a country; allowed: two capital letters of ISO 3166-1, such as CN",
            id="no country",
        ),
        param(
            values.PathField,
            "",
            "not a path; allowed: a path, relative to the folder of the settings file",
            id="empty path",
        ),
        param(
            values.PathField,
            "a\0b",
            "not a path; allowed: a path, relative to the folder of the settings file",
            id="NUL in path",
        ),
        param(
            values.PathField,
            3,
            "not a path; allowed: a path, relative to the folder of the settings file",
            id="number as path",
        ),
        param(values.ExistingPath, "/nonexistent/x", "the path does not exist", id="missing path"),
        param(values.Count, 0, "not a count; allowed: auto, or a whole number of 1 to 1024", id="zero"),
        param(values.Count, 1025, "not a count; allowed: auto, or a whole number of 1 to 1024", id="too many"),
        param(values.Count, True, "not a count; allowed: auto, or a whole number of 1 to 1024", id="true as count"),
        param(values.Count, "many", "not a count; allowed: auto, or a whole number of 1 to 1024", id="word as count"),
        param(values.Mode, "reglar", NOT_A_MODE, id="no mode"),
        param(values.Mode, 1, NOT_A_MODE, id="number as mode"),
        param(values.Mode, "upstream:", NOT_A_MODE, id="upstream without URL"),
        param(values.Mode, "upstream:http://proxy.example", NOT_A_MODE, id="upstream without port"),
        param(values.Mode, "upstream:http://proxy.example:3128/path", NOT_A_MODE, id="upstream with path"),
        param(values.Mode, "upstream:ftp://proxy.example:3128", NOT_A_MODE, id="upstream over another scheme"),
        param(values.Mode, "transparent@8080", NOT_A_MODE, id="port in the mode"),
        param(
            values.Mode,
            "upstream:http://u:p@proxy.example:3128",
            "no login in the URL; it belongs in upstream.login_file",
            id="upstream with login",
        ),
        param(
            values.Store,
            "postgresql://u@h/d",
            "postgresql is not available in this version; allowed: sqlite",
            id="postgresql",
        ),
        param(values.Store, "mysql", "not a store; allowed: sqlite", id="other store"),
        param(values.Store, None, "not a store; allowed: sqlite", id="no store"),
        param(values.NotAvailable, "x", "not available in this version; allowed: null", id="not available"),
    ],
)
def test_refused(kind, given, message):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)

    assert caught.value.errors()[0]["msg"] == f"Value error, {message}"


def test_paths_are_relative_to_the_folder_given():
    adapter = TypeAdapter(values.PathField)

    assert adapter.validate_python("a", context={"base": Path("/etc/sluice")}) == Path("/etc/sluice/a")
    assert adapter.validate_python("/a", context={"base": Path("/etc/sluice")}) == Path("/a")
