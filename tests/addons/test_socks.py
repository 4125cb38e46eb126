"""Logins of SOCKS5 clients are those of the proxy; a wrong one, or an error, leaves the client out."""

import json

import pytest
from argon2 import PasswordHasher
from mitmproxy.master import Master
from mitmproxy.options import Options
from mitmproxy.proxy.layers.modes import Socks5AuthData
from mitmproxy.test import tflow
from pytest import param

from addons.identify import Identify
from addons.senders import build_identify
from addons.socks import Socks
from gateway.config import load_settings
from metrics import catalogue as metrics


def made(tmp_path, proxy_auth) -> Identify:
    users = [{"name": "li.wei", "password_hash": PasswordHasher().hash("p:q")}]
    (tmp_path / "users.yaml").write_text(json.dumps({"users": users}), "utf-8")
    given = {"mode": "socks5", "identity": {"users": "users.yaml", "proxy_auth": proxy_auth}}
    (tmp_path / "sluice.yaml").write_text(json.dumps(given), "utf-8")
    return build_identify(load_settings(str(tmp_path / "sluice.yaml"), {}))


@pytest.fixture
def identify(tmp_path):
    return made(tmp_path, "users")


@pytest.mark.parametrize(
    ("name", "password", "is_right"),
    [
        param("li.wei", "p:q", True, id="right"),
        param("li.wei", "p", False, id="wrong password"),
        param("nobody", "p:q", False, id="unknown name"),
        param("", "", False, id="empty"),
        param("li.wei:p", "q", False, id="colon in the name would move into the password"),
    ],
)
async def test_login(identify, name, password, is_right):
    client = tflow.tclient_conn()
    data = Socks5AuthData(client, name, password)
    before = metrics.REFUSED_CONNECTIONS.labels(reason="socks-login")._value.get()
    await Socks(identify).socks5_auth(data)
    assert data.valid is is_right
    assert metrics.REFUSED_CONNECTIONS.labels(reason="socks-login")._value.get() - before == (not is_right)
    flow = tflow.tflow(client_conn=client)
    assert identify.actor(flow).user == ("li.wei" if is_right else "")


@pytest.mark.parametrize(("proxy_auth", "value"), [("users", "users"), ("off", None)])
async def test_layer_asks_when_the_proxy_does(tmp_path, proxy_auth, value):
    master = Master(Options())
    try:
        master.addons.add(Socks(made(tmp_path, proxy_auth)))
        assert master.options.proxyauth == value
    finally:
        master._legacy_log_events.uninstall()
