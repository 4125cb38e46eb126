"""`sluice pac`: a file that names a proxy clients can reach."""

import pytest


@pytest.mark.parametrize(
    ("listen", "proxy", "named", "note"),
    [
        ("127.0.0.1:8080", None, "127.0.0.1:8080", "note: no other machine can reach 127.0.0.1:8080"),
        ("0.0.0.0:3128", None, "0.0.0.0:3128", "note: no other machine can reach 0.0.0.0:3128"),
        ("192.0.2.1:8080", None, "192.0.2.1:8080", ""),
        ("127.0.0.1:8080", "gateway.example.com:8080", "gateway.example.com:8080", ""),
    ],
    ids=["loopback", "every address", "address of its own", "named"],
)
def test_file(sluice, config, listen, proxy, named, note):
    done = sluice("pac", "--config", config(listen=listen), *(["--proxy", proxy] if proxy else []))
    assert done.code == 0
    assert f'return "PROXY {named}";' in done.out
    assert done.err.startswith(note)
    assert bool(done.err) is bool(note)


def test_name_and_protocol_of_the_settings(sluice, config):
    done = sluice("pac", "--config", config(mode="socks5", listen="192.0.2.1:1080"))
    assert (done.code, done.err) == (0, "")
    assert 'return "SOCKS5 192.0.2.1:1080";' in done.out
    done = sluice("pac", "--config", config(tls={"proxy_name": "gw.example"}))
    assert (done.code, done.err) == (0, "")
    assert 'return "HTTPS gw.example:8080; PROXY gw.example:8080";' in done.out


def test_transparent_proxy_has_no_file(sluice, config):
    done = sluice("pac", "--config", config(mode="transparent"))
    assert (done.code, done.out) == (1, "")
    assert "mode transparent has no such file" in done.err


@pytest.mark.parametrize("proxy", ['x"; evil()', "gateway", ""], ids=["a program", "no port", "nothing"])
def test_wrong_proxy(sluice, config, proxy):
    done = sluice("pac", "--config", config(), "--proxy", proxy)
    assert (done.code, done.out) == (2, "")
    assert "the proxy must be HOST:PORT, for example gateway.example.com:8080" in done.err
