"""The section `identity`: what each key takes, and what keys forbid each other."""

from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from gateway.errors import ConfigError
from gateway.identity_settings import Identity, Ldap, check_files, contradictions, read_first_line, read_token
from gateway.setting_values import Address
from gateway.settings import Settings

param = pytest.param
LOOPBACK, OPEN = Address("127.0.0.1", 8080), Address("0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        param("ldaps://ldap.corp.example", "ldaps://ldap.corp.example:636", id="registered port of ldaps"),
        param("ldap://ldap.corp.example", "ldap://ldap.corp.example:389", id="registered port of ldap"),
        param("ldaps://LDAP.Corp.example:1636/", "ldaps://ldap.corp.example:1636", id="own port"),
        param("ldap://[::1]:3890", "ldap://[::1]:3890", id="IPv6"),
    ],
)
def test_directories(url, expected):
    ldap = Ldap(url=url)
    assert ldap.url == expected
    assert f"{expected.partition(':')[0]}://{ldap.address}" == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        param({"url": "http://ldap.example"}, "not a directory", id="other scheme"),
        param({"url": "ldaps://user:word@ldap.example"}, "not a directory", id="password in the URL"),
        param({"url": "ldaps://ldap.example/dc=example"}, "not a directory", id="base in the URL"),
        param({"url": "ldaps://ldap.example:0"}, "not a directory", id="port"),
        param({"url": 3}, "not a directory", id="number"),
        param({"user_filter": "uid={user}"}, "not a filter", id="no brackets"),
        param({"user_filter": "((uid={user})"}, "not a filter", id="brackets of one side"),
        param({"user_filter": "(uid=*)"}, "must hold {user} exactly once", id="anybody"),
        param({"user_filter": "(|(uid={user})(cn={user}))"}, "must hold {user} exactly once", id="twice"),
        param({"user_filter": "(uid={user}{0})"}, "no other braces", id="other braces"),
        param({"group_filter": "(member={user})"}, "must hold {dn} exactly once", id="name for DN"),
        param({"name_attribute": "uid)"}, "should match pattern", id="attribute"),
        param({"timeout_s": 0}, "greater than or equal to 1", id="no time"),
        param({"connections": 65}, "less than or equal to 64", id="connections"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ValidationError, match=message.replace("{", r"\{").replace("}", r"\}")):
        Ldap.model_validate(given)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file").touch()
    return str(tmp_path / "file")


def wrong(given, *, listen=LOOPBACK, mode="regular", speaks_tls=False):
    identity = Identity.model_validate(given)
    return contradictions(identity, listen=listen, mode=mode, speaks_tls=speaks_tls)


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        param({"proxy_auth": "users"}, ("proxy_auth",), "users needs the key identity.users", id="users"),
        param({"proxy_auth": "htpasswd"}, ("proxy_auth",), "htpasswd needs the key identity.htpasswd", id="htpasswd"),
        param({"proxy_auth": "ldap"}, ("proxy_auth",), "ldap needs the key identity.ldap.url", id="ldap"),
        param(
            {"required": True},
            ("required",),
            "nobody could be known; true needs proxy_auth, networks, addresses or api_token_file",
            id="required of nobody",
        ),
        param(
            {"address_suffices": ["10.0.0.0/8"]},
            ("address_suffices",),
            "nobody is known by address; needs networks, addresses or api_token_file",
            id="addresses of nobody",
        ),
        param(
            {"ldap": {"url": "ldap://ldap.example", "base": "dc=example", "start_tls": False}},
            ("ldap", "start_tls"),
            "passwords would cross the network unencrypted; false is for loopback only",
            id="clear LDAP",
        ),
        param(
            {"ldap": {"url": "ldaps://ldap.example"}},
            ("ldap", "base"),
            "missing; the entry under which users are, such as ou=people,dc=example,dc=com",
            id="no base",
        ),
        param(
            {"ldap": {"url": "ldaps://ldap.example", "base": "dc=example", "bind_dn": "cn=reader"}},
            ("ldap", "bind_dn"),
            "bind_dn and bind_password_file go together",
            id="account without password",
        ),
    ],
)
def test_contradictions(given, place, message):
    assert wrong(given) == [(("identity", *place), message)]


def test_nothing_is_wrong(file):
    assert wrong({}) == []
    assert wrong({"required": True, "api_token_file": file}) == []
    assert wrong({"required": True, "addresses": file, "address_suffices": ["10.0.0.0/8"]}) == []
    clear = {"url": "ldap://127.0.0.1", "base": "dc=example", "start_tls": False}
    assert wrong({"proxy_auth": "ldap", "ldap": clear}) == []


SOCKS = (
    "no client could log in: SOCKS5 is never encrypted, and passwords in the clear are taken from this machine only; "
    "listen on loopback, or name the networks in identity.clear_login_networks"
)


def test_passwords_need_a_way_in(file):
    asks = {"proxy_auth": "htpasswd", "htpasswd": file}
    assert wrong(asks) == wrong(asks, listen=OPEN, speaks_tls=True) == []
    assert wrong(asks | {"clear_login_networks": ["10.0.0.0/8"]}, listen=OPEN) == []
    ((place, message),) = wrong(asks, listen=OPEN)
    assert place == ("identity", "proxy_auth")
    assert "no client could log in" in message
    # SOCKS5 is never encrypted.
    assert wrong(asks, listen=OPEN, mode="socks5", speaks_tls=True) == [(place, SOCKS)]


def test_a_transparent_gateway_asks_nobody(file):
    asks = {"proxy_auth": "htpasswd", "htpasswd": file}
    ((place, message),) = wrong(asks, mode="transparent")
    assert (place, message) == (
        ("identity", "proxy_auth"),
        "a transparent gateway cannot ask for a login; allowed: off",
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        param("Proxy.Corp.example", "proxy.corp.example", id="name"),
        param("10.0.0.1", "10.0.0.1", id="address"),
        param("a b", None, id="blank"),
        param("", None, id="empty"),
        param("*.corp.example", None, id="star"),
        param(3, None, id="number"),
    ],
)
def test_name_of_the_proxy(name, expected):
    if expected is None:
        with pytest.raises(ValidationError, match="not a name"):
            Settings.model_validate({"tls": {"proxy_name": name}})
    else:
        settings = Settings.model_validate({"tls": {"proxy_name": name}})
        assert (settings.tls.proxy_name, settings.tls.to_proxy) == (expected, True)
        assert not Settings().tls.to_proxy


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        param(b"secret\n", "secret", id="usual"),
        param(b"secret\r\nmore", "secret", id="the first line only"),
        param("密码 with blanks ".encode(), "密码 with blanks ", id="as it is"),
        param(b"", None, id="empty"),
        param(b"\nsecret", None, id="empty line"),
        param(b"x" * 1025, None, id="endless"),
        param(b"\xff", None, id="not UTF-8"),
    ],
)
def test_secrets_in_files(tmp_path, content, expected):
    path = tmp_path / "secret"
    path.write_bytes(content)
    if expected is None:
        with pytest.raises(ConfigError):
            read_first_line(path)
    else:
        assert read_first_line(path) == expected
    with pytest.raises(ConfigError, match="cannot be read"):
        read_first_line(tmp_path / "gone")


@pytest.mark.parametrize("token", ["t" * 31, "é" * 32, "t" * 16 + " " + "t" * 16])
def test_tokens_that_could_be_guessed(tmp_path, token):
    path = tmp_path / "token"
    path.write_text(token, "utf-8")
    with pytest.raises(ConfigError, match="at least 32 ASCII characters") as caught:
        read_token(path)
    assert token not in str(caught.value)
    path.write_text("t" * 32, "utf-8")
    assert read_token(path) == "t" * 32


def test_every_file_is_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("htpasswd", "addresses", "token", "secret", "ca", "certificate")
    for name in names:
        Path(name).write_text("", "utf-8")
    Path("users").write_text("users: [{name: li}]", "utf-8")
    ldap = {"bind_password_file": "secret", "ca": "ca"}
    given = {"htpasswd": "htpasswd", "addresses": "addresses", "api_token_file": "token", "users": "users"}
    identity = Identity.model_validate({**given, "ldap": ldap})
    with pytest.raises(ConfigError) as caught:
        check_files(identity, Path("certificate"))
    assert [problem.file for problem in caught.value.problems] == ["addresses", "ca", "certificate", "secret", "token"]

    authority = trustme.CA()
    authority.cert_pem.write_to_path("ca")
    authority.issue_cert("proxy.example").private_key_and_cert_chain_pem.write_to_path("certificate")
    Path("addresses").write_text("addresses: [{address: 10.0.0.1, user: li}]", "utf-8")
    Path("token").write_text("t" * 32, "utf-8")
    Path("secret").write_text("s", "utf-8")
    check_files(identity, Path("certificate"))
    Path("users").write_text("users: [{name: zhang}]", "utf-8")
    with pytest.raises(ConfigError, match="the user li is not in the users file"):
        check_files(identity, None)
    Path("users").write_text("broken", "utf-8")
    check_files(identity, None)
    check_files(Identity(), None)
