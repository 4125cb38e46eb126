import pytest

from gateway.destinations.pac import pac


@pytest.mark.parametrize("proxy", ["127.0.0.1:8080", "gateway.corp.example:3128", "[2001:db8::1]:8080"])
def test_names_the_proxy_and_no_way_around_it(proxy):
    text = pac(proxy)

    assert f'return "PROXY {proxy}";' in text
    assert "; DIRECT" not in text


@pytest.mark.parametrize(
    ("kinds", "ways"),
    [
        ((), "PROXY a.example:1"),
        (("SOCKS5",), "SOCKS5 a.example:1"),
        (("HTTPS", "PROXY"), "HTTPS a.example:1; PROXY a.example:1"),
    ],
)
def test_ways_to_speak_to_it(kinds, ways):
    assert f'return "{ways}";' in pac("a.example:1", *kinds)


@pytest.mark.parametrize("proxy", ["", "host", "host:", "host:port", 'a:1"; DIRECT', "a:1\n", "a b:1", "[::1:80"])
def test_refused(proxy):
    with pytest.raises(ValueError, match="HOST:PORT"):
        pac(proxy)
