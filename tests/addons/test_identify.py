"""Who sends: a login to the proxy, or the address; the password never stays."""

import base64
import ipaddress

import pytest
from argon2 import PasswordHasher
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.identify import ASK, Identify, credentials
from gateway.config import load_settings
from gateway.identity.users import Directory, User

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ZHANG = User(name="zhang", role="staff", groups=["sales"], department="华东", password_hash=HASHER.hash("p:q"))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        param(basic("zhang:p:q"), ("zhang", "p:q"), id="colon in the password"),
        param(basic("张三:密码"), ("张三", "密码"), id="UTF-8"),
        param(basic("zhang"), ("", ""), id="no colon"),
        param("Bearer abc", ("", ""), id="other scheme"),
        param("Basic ***", ("", ""), id="not base64"),
        param("Basic /w==", ("", ""), id="not UTF-8"),
        param("", ("", ""), id="none"),
    ],
)
def test_credentials(header, expected):
    assert credentials(header) == expected


def make(*, asks: bool) -> Identify:
    networks = {ipaddress.ip_network("10.1.0.0/16"): "zhang"}
    return Identify(Directory({"zhang": ZHANG}, networks, key=b"k"), asks=asks)


def flow(header: str = "", ip: str = "10.9.0.1"):
    made = tflow.tflow(req=tutils.treq())
    made.client_conn.peername = (ip, 50000)
    if header:
        made.request.headers["proxy-authorization"] = header
    return made


async def test_login_is_asked_for_checked_once_and_taken_out():
    identify = make(asks=True)
    nobody = flow()
    refusal = await identify.authenticate(nobody)
    assert (refusal.status_code, refusal.headers["proxy-authenticate"]) == (407, ASK)
    wrong = flow(basic("zhang:wrong"))
    assert (await identify.authenticate(wrong)).status_code == 407
    right = flow(basic("zhang:p:q"))
    assert await identify.authenticate(right) is None
    assert "proxy-authorization" not in right.request.headers
    actor = identify.actor(right)
    assert (actor.user, actor.groups, actor.authenticated_by) == ("zhang", ("sales",), "proxy-auth")
    # The connection is known now; its next request carries no login.
    assert await identify.authenticate(right) is None


async def test_connect_is_refused_without_a_login():
    identify = make(asks=True)
    tunnel = flow()
    await identify.http_connect(tunnel)
    assert tunnel.response.status_code == 407
    tunnel = flow(basic("zhang:p:q"))
    tunnel.response = None
    await identify.http_connect(tunnel)
    assert tunnel.response is None


async def test_without_asking_the_address_speaks():
    identify = make(asks=False)
    known = flow(basic("zhang:wrong"), ip="::ffff:10.1.2.3")
    assert await identify.authenticate(known) is None
    assert "proxy-authorization" not in known.request.headers
    assert (identify.actor(known).user, identify.actor(known).authenticated_by) == ("zhang", "address")
    assert identify.actor(flow()).user == ""
    nowhere = flow()
    nowhere.client_conn.peername = None
    assert identify.actor(nowhere).user == ""


def test_from_settings(tmp_path):
    users = tmp_path / "users.yaml"
    users.write_text("users:\n  - name: zhang\n    role: staff\n", "utf-8")
    config = tmp_path / "sluice.yaml"
    config.write_text("identity:\n  users: users.yaml\n  networks: {10.1.0.0/16: zhang}\n", "utf-8")
    identify = Identify.from_settings(load_settings(str(config), {}))
    assert (identify.asks, identify.actor(flow(ip="10.1.1.1")).role) == (False, "staff")
    assert Identify.from_settings(load_settings(None, {})).actor(flow()).user == ""
