"""The gateway as a destination: its own ports at every address of the machine, listed or not."""

import ipaddress
import socket

import pytest
from pytest import param

from addons.itself import Itself, is_here
from gateway.settings import Settings

EVERYTHING = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]


@pytest.fixture(scope="module")
def own_address():
    """An address of this machine that is not loopback; in a machine without a network there is none to test."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        param("127.0.0.1", True, id="loopback"),
        param("127.1.2.3", True, id="another loopback address"),
        param("::1", True, id="IPv6 loopback"),
        param("0.0.0.0", True, id="unspecified leads to loopback"),
        param("::ffff:127.0.0.1", True, id="IPv4 in IPv6"),
        param("203.0.113.1", False, id="elsewhere"),
        param("2001:db8::1", False, id="IPv6 elsewhere"),
        param("255.255.255.255", False, id="broadcast"),
        param("a.example", False, id="no address"),
    ],
)
def test_is_here(ip, expected):
    assert is_here(ip) is expected


def test_addresses_of_interfaces_are_here(own_address):
    assert is_here(own_address)
    assert is_here(f"::ffff:{own_address}")


@pytest.mark.parametrize(
    ("ip", "port", "allowed", "why"),
    [
        param("127.0.0.1", 8080, EVERYTHING, "the gateway's own", id="proxy, though listed"),
        param("::1", 8081, EVERYTHING, "the gateway's own", id="console, though listed"),
        param("127.8.8.8", 9464, EVERYTHING, "the gateway's own", id="exporter at another address"),
        param("127.0.0.1", 22, [], "this machine's", id="other port"),
        param("127.0.0.1", 22, EVERYTHING, "", id="other port, listed"),
        param("203.0.113.1", 8080, [], "", id="same port of another machine"),
        param("a.example", 8080, [], "", id="no address"),
    ],
)
def test_refuses(ip, port, allowed, why):
    assert Itself.of(Settings()).refuses(ip, port, allowed) == why


def test_own_ports_at_an_interface(own_address):
    assert Itself.of(Settings()).refuses(own_address, 8080, EVERYTHING) == "the gateway's own"
