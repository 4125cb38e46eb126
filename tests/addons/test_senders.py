"""Settings → who sends: every back-end, and what a reload does."""

import ipaddress
import json

import pytest
from argon2 import PasswordHasher
from mitmproxy.test import tflow, tutils

from addons.senders import build_checker, build_identify
from gateway.config import load_settings
from gateway.errors import ConfigError
from gateway.identity.leases import Leases
from gateway.identity.logins import Login
from gateway.identity.passwords import Passwords
from gateway.identity_settings import Identity

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
OLD, NEW = HASHER.hash("old"), HASHER.hash("new")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "users.yaml").write_text(
        f"users:\n- {{name: zhang, role: staff, password_hash: '{OLD}'}}\n- name: li\n", "utf-8"
    )
    (tmp_path / "htpasswd").write_text(f"wang:{OLD}\n", "utf-8")
    (tmp_path / "token").write_text("t" * 32 + "\n", "utf-8")
    (tmp_path / "addresses.yaml").write_text("addresses:\n- {address: 10.1.1.1, user: li}\n", "utf-8")
    return tmp_path


@pytest.fixture
def build(folder):
    made = []

    def build(**identity):
        config = folder / "sluice.yaml"
        config.write_text(json.dumps({"state_dir": "state", "identity": identity}), "utf-8")
        made.append(build_identify(load_settings(str(config), {})))
        return made[-1]

    yield build
    for identify in made:
        identify.done()


def sender(identify, ip):
    flow = tflow.tflow(req=tutils.treq())
    flow.client_conn.peername = (ip, 50000)
    return identify.actor(flow).user


async def test_nobody_is_asked_without_a_way_to_check(build):
    assert build().verifier is None
    assert build_checker(Identity(), {}) is None


async def test_users_file(build, folder):
    identify = build(proxy_auth="users", users="users.yaml")
    assert (await identify.verify("zhang", "old", "")).role == "staff"
    assert await identify.verify("li", "", "") is None
    (folder / "users.yaml").write_text(f"users: [{{name: zhang, password_hash: '{NEW}'}}]", "utf-8")
    identify.reload()
    assert await identify.verify("zhang", "old", "") is None
    assert (await identify.verify("zhang", "new", "")).role == ""


async def test_somebody_taken_out_of_the_users_file_is_nobody_at_once(build, folder):
    identify = build(proxy_auth="users", users="users.yaml")
    assert identify.senders.by_login(Login("zhang"), "").user == "zhang"
    (folder / "users.yaml").write_text("users: [{name: li}]", "utf-8")
    identify.reload()
    assert identify.senders.by_login(Login("zhang"), "").user == ""


async def test_htpasswd_names_get_what_the_users_file_says(build, folder):
    identify = build(proxy_auth="htpasswd", htpasswd="htpasswd", users="users.yaml")
    assert (await identify.verify("wang", "old", "")).user == "wang"
    (folder / "htpasswd").write_text(f"zhang:{NEW}\n", "utf-8")
    identify.reload()
    assert await identify.verify("wang", "old", "") is None
    assert (await identify.verify("zhang", "new", "")).role == "staff"


async def test_a_bad_file_at_reload_leaves_all_as_it_was(build, folder):
    identify = build(proxy_auth="htpasswd", htpasswd="htpasswd")
    (folder / "htpasswd").write_text("wang:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "utf-8")
    identify.reload()
    assert (await identify.verify("wang", "old", "")).user == "wang"


async def test_addresses_by_precedence(build, folder):
    identify = build(
        addresses="addresses.yaml", api_token_file="token", users="users.yaml", networks={"10.1.0.0/16": "zhang"}
    )
    told = Leases(folder / "state" / "addresses.db", lambda: 0.0)
    told.put(ipaddress.ip_address("10.1.1.2"), "told", 4e9)
    told.put(ipaddress.ip_address("10.1.1.1"), "told", 4e9)
    assert [sender(identify, f"10.1.1.{n}") for n in (1, 2, 3)] == ["told", "told", "zhang"]
    told.delete(ipaddress.ip_address("10.1.1.1"))
    told.close()
    assert sender(identify, "10.1.1.1") == "li"
    (folder / "addresses.yaml").write_text("addresses:\n- {address: 10.1.1.1, user: zhang}\n", "utf-8")
    identify.reload()
    assert sender(identify, "10.1.1.1") == "zhang"


@pytest.mark.parametrize("key", ["users", "addresses", "htpasswd"])
async def test_a_bad_file_at_the_start_stops_it(build, folder, key):
    name = {"users": "users.yaml", "addresses": "addresses.yaml", "htpasswd": "htpasswd"}[key]
    (folder / name).write_text("wrong", "utf-8")
    identity = {key: name} | ({"proxy_auth": "htpasswd"} if key == "htpasswd" else {})
    with pytest.raises(ConfigError, match=name):
        build(**identity)


async def test_directory(build, folder):
    (folder / "secret").write_text("reader's own\n", "utf-8")
    ldap = {"url": "ldap://127.0.0.1:1", "base": "dc=example", "bind_dn": "cn=reader", "bind_password_file": "secret"}
    identify = build(proxy_auth="ldap", ldap=ldap)
    facts = identify.verifier.checker._facts
    assert (facts.host, facts.port, facts.is_ldaps, facts.start_tls, facts.base) == (
        "127.0.0.1", 1, False, True, "dc=example"
    )  # fmt: skip
    assert (facts.bind_dn, facts.bind_password, facts.ca) == ("cn=reader", "reader's own", None)
    assert await identify.verify("zhang", "old", "") is None
    assert not isinstance(identify.verifier.checker, Passwords)
