"""Which proxy the file names: by name, by the one address it listens on, or by the one the client has reached."""

import pytest
from pytest import param

from gateway.autoconfig import autoconfig
from gateway.settings import Settings


@pytest.mark.parametrize(
    ("settings", "arrived_at", "way"),
    [
        param({}, "192.0.2.1", "PROXY 127.0.0.1:8080", id="loopback listens on loopback"),
        param({"listen": "192.0.2.7:3128"}, "192.0.2.1", "PROXY 192.0.2.7:3128", id="one address"),
        param({"listen": "0.0.0.0:3128"}, "192.0.2.1", "PROXY 192.0.2.1:3128", id="all addresses"),
        param({"listen": "[::]:3128"}, "2001:db8::1", "PROXY [2001:db8::1]:3128", id="all addresses, IPv6"),
        param({"listen": "[::]:3128"}, "::ffff:192.0.2.1", "PROXY 192.0.2.1:3128", id="IPv4 on an IPv6 socket"),
        param({"listen": "0.0.0.0:3128"}, "", "PROXY 0.0.0.0:3128", id="nobody asked"),
        param({"tls": {"proxy_name": "gw.example"}}, "192.0.2.1", "HTTPS gw.example:8080; PROXY gw.example:8080", id="name with TLS"),
        param({"mode": "socks5", "listen": "192.0.2.7:1080"}, "", "SOCKS5 192.0.2.7:1080", id="SOCKS5"),
        param({"mode": "upstream:http://p.example:1", "listen": "192.0.2.7:3128"}, "", "PROXY 192.0.2.7:3128", id="upstream"),
    ],
)  # fmt: skip
def test_way(settings, arrived_at, way):
    assert f'return "{way}";' in autoconfig(Settings.model_validate(settings), arrived_at=arrived_at)


def test_transparent_has_none():
    with pytest.raises(ValueError, match="mode transparent has no such file"):
        autoconfig(Settings(mode="transparent"))


@pytest.mark.parametrize("arrived_at", ['x"; evil()', "a b", "1.2.3.4\n"])
def test_odd_address_is_refused_for_the_text_is_a_program(arrived_at):
    with pytest.raises(ValueError, match="HOST:PORT"):
        autoconfig(Settings.model_validate({"listen": "0.0.0.0:1"}), arrived_at=arrived_at)
