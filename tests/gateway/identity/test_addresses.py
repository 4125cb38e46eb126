"""The addresses file: every entry, every mistake, and the end of an entry to the second."""

import ipaddress
import os
from datetime import UTC, datetime

import pytest

from gateway.errors import ConfigError
from gateway.identity.addresses import AddressFile, Held, load_addresses

param = pytest.param
END = datetime(2026, 12, 31, 10, 0, 0, tzinfo=UTC)

FILE = """addresses:
- address: 10.20.30.40
  user: chen.jing
- address: 2001:DB8::17
  user: zhang.wei
  expires: 2026-12-31T18:00:00+08:00
- address: "::ffff:10.20.30.41"
  user: li
  expires: 2020-01-01T00:00:00Z
"""


def ip(text):
    return ipaddress.ip_address(text)


def write(tmp_path, text):
    path = tmp_path / "addresses.yaml"
    path.write_text(text, "utf-8")
    return path


def test_entries(tmp_path):
    assert load_addresses(write(tmp_path, FILE)) == {
        ip("10.20.30.40"): Held("chen.jing", float("inf")),
        ip("2001:db8::17"): Held("zhang.wei", END.timestamp()),
        ip("10.20.30.41"): Held("li", 1577836800.0),
    }


def test_every_problem_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        """addresses:
- address: 10.0.0.0/8
  user: a
- address: fe80::1%eth0
  user: "a b"
- address: 10.0.0.1
  user: a
  expires: 2026-12-31T18:00:00
- adress: 10.0.0.2
  user: a
- address: 10.0.0.3
  user: a
  expires: tomorrow
- address: 3
  user: ""
""",
    )
    with pytest.raises(ConfigError) as caught:
        load_addresses("addresses.yaml")
    address = "not an address; allowed: one IPv4 or IPv6 address, without prefix or zone"
    time = "not a time; allowed: a date and time with its zone, such as 2026-12-31T18:00:00+08:00"
    assert [str(problem) for problem in caught.value.problems] == [
        f"addresses.yaml:2: addresses.0.address: {address}",
        f"addresses.yaml:4: addresses.1.address: {address}",
        "addresses.yaml:5: addresses.1.user: has a form that is not allowed here (pattern ^[^\\s:\\x00-\\x1f]+$)",
        f"addresses.yaml:8: addresses.2.expires: {time}",
        "addresses.yaml:9: addresses.3.address: is missing",
        "addresses.yaml:9: addresses.3.adress: unknown key; did you mean address? allowed: address, user, expires",
        f"addresses.yaml:13: addresses.4.expires: {time}",
        f"addresses.yaml:14: addresses.5.address: {address}",
        "addresses.yaml:15: addresses.5.user: must not be empty",
    ]


def test_two_holders_and_strangers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        "addresses:\n- {address: 10.0.0.1, user: li}\n- {address: '::ffff:10.0.0.1', user: li}\n"
        "- {address: 10.0.0.2, user: gone}\n",
    )
    with pytest.raises(ConfigError) as caught:
        load_addresses("addresses.yaml", {"li": None})
    assert [str(problem) for problem in caught.value.problems] == [
        "addresses.yaml:3: addresses.1.address: 10.0.0.1 is in line 2 already",
        "addresses.yaml:4: addresses.2.user: the user gone is not in the users file",
    ]


class Clock:
    now = END

    def __call__(self):
        return self.now


def test_an_entry_ends_at_its_second(tmp_path):
    clock = Clock()
    file = AddressFile(write(tmp_path, FILE), None, now=clock)
    assert file.user_of(ip("2001:db8::17")) is None
    clock.now = datetime(2026, 12, 31, 9, 59, 59, 999000, tzinfo=UTC)
    assert file.user_of(ip("2001:db8::17")) == "zhang.wei"
    assert [file.user_of(ip(text)) for text in ("10.20.30.40", "10.20.30.41", "10.0.0.1")] == ["chen.jing", None, None]


def test_a_changed_file_is_read_and_a_wrong_one_is_not(tmp_path):
    path = write(tmp_path, FILE)
    file = AddressFile(path, None)
    assert not file.look()
    write(tmp_path, "addresses: [{address: 10.20.30.40, user: li}]")
    assert file.look()
    assert file.user_of(ip("10.20.30.40")) == "li"
    write(tmp_path, "addresses: 3")
    with pytest.raises(ConfigError):
        file.look()
    assert (file.look(), file.user_of(ip("10.20.30.40"))) == (False, "li")
    os.unlink(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        file.look()
    assert (file.look(), file.user_of(ip("10.20.30.40"))) == (False, "li")


def test_read_again_for_other_users(tmp_path):
    file = AddressFile(write(tmp_path, "addresses: [{address: 10.0.0.1, user: li}]"), {"li": None})
    file.renew({"li": None, "zhang": None})
    with pytest.raises(ConfigError, match="the user li is not in the users file"):
        file.renew({"zhang": None})
    assert file.user_of(ip("10.0.0.1")) == "li"
