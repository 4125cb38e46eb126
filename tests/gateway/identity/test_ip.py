"""Addresses of clients in every spelling."""

import ipaddress

import pytest

from gateway.identity.ip import is_in, is_loopback, parse_ip

param = pytest.param


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("10.1.2.3", "10.1.2.3", id="IPv4"),
        param("::ffff:10.1.2.3", "10.1.2.3", id="IPv4 written as IPv6"),
        param("2001:DB8::1", "2001:db8::1", id="IPv6"),
        param("fe80::1%eth0", "fe80::1", id="zone"),
        param("010.1.2.3", None, id="leading zero"),
        param("10.1.2", None, id="short"),
        param("", None, id="empty"),
        param("::g", None, id="no address"),
    ],
)
def test_parsed(text, expected):
    assert parse_ip(text) == (expected and ipaddress.ip_address(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("127.0.0.1", True, id="IPv4"),
        param("127.9.9.9", True, id="IPv4, the whole network"),
        param("::1", True, id="IPv6"),
        param("::ffff:127.0.0.1", True, id="IPv4 written as IPv6"),
        param("localhost", True, id="name"),
        param("0.0.0.0", False, id="any address"),
        param("::", False, id="any IPv6 address"),
        param("10.0.0.1", False, id="private"),
        param("localhost.evil.example", False, id="another name"),
        param("", False, id="unknown"),
    ],
)
def test_loopback(text, expected):
    assert is_loopback(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("10.1.2.3", True, id="inside"),
        param("::ffff:10.1.2.3", True, id="written as IPv6"),
        param("2001:db8::1", True, id="IPv6"),
        param("11.0.0.1", False, id="outside"),
        param("", False, id="unknown"),
    ],
)
def test_networks(text, expected):
    networks = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")]
    assert is_in(text, networks) is expected
