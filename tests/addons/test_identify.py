"""Who sends: a login to the proxy, or the address; the password never stays."""

import asyncio
import base64
import ipaddress
import time
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils
from pytest import param

from addons import identify as module
from addons.identify import ASK, Identify, credentials
from gateway.errors import ConfigError, Problem
from gateway.identity.addresses import AddressFile
from gateway.identity.backoff import Backoff
from gateway.identity.logins import DirectoryDownError
from gateway.identity.memory import LoginMemory
from gateway.identity.passwords import Passwords
from gateway.identity.senders import Senders
from gateway.identity.users import Directory, User
from gateway.identity.verifier import Verifier
from metrics import catalogue as metrics
from tests.support.waiting import eventually

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ZHANG = User(name="zhang", role="staff", groups=["sales"], department="华东", password_hash=HASHER.hash("p:q"))
FAR = "10.9.0.1"


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
        param(f"{basic('zhang:p:q')}, {basic('li:x')}", ("", ""), id="two logins"),
        param("", ("", ""), id="none"),
    ],
)
def test_credentials(header, expected):
    assert credentials(header) == expected


class Down:
    """A directory that does not answer."""

    def check(self, _name, _password):
        raise DirectoryDownError("test")

    def knows(self, _name):
        return True


def make(checker=None, *, asks=True, clear=("10.0.0.0/8",), suffices=(), file=None) -> Identify:
    networks = {ipaddress.ip_network("10.1.0.0/16"): "zhang"}
    memory = LoginMemory(key=b"k", ttl_s=60, clock=time.monotonic)
    checker = checker or Passwords({"zhang": ZHANG.password_hash}, key=b"k")
    verifier = Verifier(checker, memory=memory, backoff=Backoff(time.monotonic), threads=1) if asks else None
    return Identify(
        Senders(Directory({"zhang": ZHANG}, networks), [file.user_of] if file else []),
        verifier,
        clear_networks=tuple(ipaddress.ip_network(network) for network in clear),
        address_suffices=tuple(ipaddress.ip_network(network) for network in suffices),
        file=file,
    )


@pytest.fixture
def made():
    """`made(…)` like `make`, ended with the test."""
    all_of_them = []

    def build(*arguments, **options):
        all_of_them.append(make(*arguments, **options))
        return all_of_them[-1]

    yield build
    for identify in all_of_them:
        identify.done()


def flow(header: str = "", ip: str = FAR, *, method: bytes = b"GET", tls: bool = False, client=None):
    made = tflow.tflow(req=tutils.treq(method=method))
    if client is not None:
        made.client_conn = client
    else:
        made.client_conn.peername = (ip, 50000)
        made.client_conn.timestamp_tls_setup = 1.0 if tls else None
        made.client_conn.proxy_mode = ProxyMode.parse("regular")
    if header:
        made.request.headers["proxy-authorization"] = header
    return made


def counted(result: str) -> float:
    return metrics.LOGINS.labels(result=result)._value.get()


@pytest.mark.parametrize(
    ("header", "status", "result"),
    [
        param("", 407, "missing", id="none"),
        param(basic("zhang:wrong"), 407, "wrong", id="wrong password"),
        param(basic("gone:p:q"), 407, "wrong", id="nobody"),
        param(basic("zhang:"), 407, "wrong", id="empty password"),
        param("Bearer abc", 407, "wrong", id="other scheme"),
    ],
)
async def test_login_is_asked_for(made, header, status, result):
    before = counted(result)
    asked = flow(header)
    refusal = await made().authenticate(asked)
    assert (refusal.status_code, refusal.headers["proxy-authenticate"]) == (status, ASK)
    assert (refusal.headers["x-sluice-login"], counted(result)) == (result, before + 1)
    assert "proxy-authorization" not in asked.request.headers


async def test_login_counts_for_its_request_and_is_taken_out(made):
    identify = made()
    right = flow(basic("zhang:p:q"))
    assert await identify.authenticate(right) is None
    assert "proxy-authorization" not in right.request.headers
    actor = identify.actor(right)
    assert (actor.user, actor.groups, actor.authenticated_by) == ("zhang", ("sales",), "proxy-auth")
    assert "p:q" not in repr(right.metadata) + repr(right.get_state())
    # Another proxy may send somebody else's request over the same connection next.
    after = flow(client=right.client_conn)
    assert (await identify.authenticate(after)).status_code == 407


async def test_a_tunnel_is_logged_in_once(made):
    identify = made()
    refused = flow(method=b"CONNECT")
    refused.response = None
    await identify.http_connect(refused)
    assert refused.response.status_code == 407
    tunnel = flow(basic("zhang:p:q"), method=b"CONNECT")
    tunnel.response = None
    await identify.http_connect(tunnel)
    assert tunnel.response is None
    inside = flow(basic("gone:for the server"), client=tunnel.client_conn)
    assert await identify.authenticate(inside) is None
    assert "proxy-authorization" not in inside.request.headers
    assert identify.actor(inside).user == "zhang"


@pytest.mark.parametrize(
    ("ip", "tls", "clear", "is_taken"),
    [
        param(FAR, False, (), False, id="clear from elsewhere"),
        param("::ffff:10.9.0.1", False, (), False, id="the same written as IPv6"),
        param(FAR, True, (), True, id="over TLS"),
        param("127.0.0.1", False, (), True, id="this machine"),
        param("::1", False, (), True, id="this machine, IPv6"),
        param("::ffff:127.0.0.1", False, (), True, id="this machine written as IPv6"),
        param(FAR, False, ("10.9.0.0/16",), True, id="network that may"),
        param(FAR, False, ("10.8.0.0/16",), False, id="network that may not"),
    ],
)
async def test_passwords_do_not_cross_the_network_unencrypted(made, ip, tls, clear, is_taken):
    identify = made(clear=clear)
    answer = await identify.authenticate(flow(basic("zhang:p:q"), ip, tls=tls))
    unasked = await identify.authenticate(flow("", ip, tls=tls))
    if is_taken:
        assert (answer, unasked.status_code) == (None, 407)
        return
    assert (answer.status_code, answer.headers["x-sluice-login"]) == (403, "clear")
    assert b"https://" in answer.content
    # An answer of 407 would make the client send its password.
    assert (unasked.status_code, "proxy-authenticate" in unasked.headers) == (403, False)


async def test_a_clear_password_is_not_even_looked_at(made):
    identify = made(Down(), clear=())
    assert (await identify.authenticate(flow(basic("zhang:p:q")))).status_code == 403


async def test_directory_down_is_a_refusal(made):
    refusal = await made(Down()).authenticate(flow(basic("zhang:p:q")))
    assert (refusal.status_code, refusal.headers["x-sluice-login"]) == (503, "directory-down")


async def test_guessing_is_told_to_wait(made):
    identify = made()
    for number in range(6):
        await identify.authenticate(flow(basic(f"zhang:{number}")))
    refusal = await identify.authenticate(flow(basic("zhang:p:q")))
    assert (refusal.status_code, refusal.headers["retry-after"]) == (429, "2")


async def test_where_the_address_suffices_a_login_still_goes_before(made):
    identify = made(suffices=("10.1.0.0/16",))
    known = flow(ip="10.1.2.3")
    assert await identify.authenticate(known) is None
    assert (identify.actor(known).user, identify.actor(known).authenticated_by) == ("zhang", "address")
    login = flow(basic("zhang:p:q"), "10.1.2.3")
    assert await identify.authenticate(login) is None
    assert identify.actor(login).authenticated_by == "proxy-auth"
    assert (await identify.authenticate(flow(basic("zhang:wrong"), "10.1.2.3"))).status_code == 407
    assert (await identify.authenticate(flow(ip="10.2.0.1"))).status_code == 407


async def test_a_transparent_client_cannot_be_asked(made):
    identify = made()
    sent = flow(ip="10.1.2.3")
    sent.client_conn.proxy_mode = ProxyMode.parse("transparent")
    assert await identify.authenticate(sent) is None
    assert identify.actor(sent).user == "zhang"


async def test_without_asking_the_address_speaks(made):
    identify = made(asks=False)
    known = flow(basic("zhang:wrong"), ip="::ffff:10.1.2.3")
    assert (await identify.authenticate(known), identify.asks) == (None, False)
    assert "proxy-authorization" not in known.request.headers
    assert (identify.actor(known).user, identify.actor(known).authenticated_by) == ("zhang", "address")
    assert identify.actor(flow()).user == ""
    nowhere = flow()
    nowhere.client_conn.peername = None
    assert identify.actor(nowhere).user == ""


async def test_a_connection_that_logs_in_by_itself(made):
    identify = made()
    own = flow().client_conn
    assert not await identify.log_in(own, "zhang", "wrong")
    assert identify.actor(flow(client=own)).user == ""
    assert await identify.log_in(own, "zhang", "p:q")
    assert identify.actor(flow(client=own)).authenticated_by == "proxy-auth"
    far = flow(ip="203.0.113.9").client_conn
    assert not await identify.log_in(far, "zhang", "p:q")
    assert not await made(asks=False).log_in(own, "zhang", "p:q")


async def test_verify_for_other_ways_in(made):
    identify = made()
    actor = await identify.verify("zhang", "p:q", "127.0.0.1")
    assert (actor.user, actor.ip, actor.authenticated_by) == ("zhang", "127.0.0.1", "proxy-auth")
    assert await identify.verify("zhang", "wrong", "127.0.0.1") is None
    assert await made(asks=False).verify("zhang", "p:q", "127.0.0.1") is None


def failures() -> float:
    return metrics.FAILURES.labels(part="identity")._value.get()


def raising():
    raise ConfigError([Problem("users.yaml", 3, "wrong")])


async def test_a_bad_reload_is_counted_and_told(made, capsys):
    identify = made()
    before = failures()
    identify.renew = raising
    identify.reload()
    assert failures() == before + 1
    assert "users.yaml:3: wrong" in str(capsys.readouterr())
    identify.renew = lambda: None
    identify.reload()
    assert failures() == before + 1


async def test_the_addresses_file_is_watched(made, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    path = tmp_path / "addresses.yaml"
    path.write_text("addresses: []", "utf-8")
    identify = made(asks=False, file=AddressFile(path, None, now=lambda: datetime.now(UTC)))
    identify.running()
    path.write_text(f"addresses: [{{address: {FAR}, user: li}}]", "utf-8")
    await asyncio.to_thread(eventually, lambda: identify.actor(flow()).user == "li")
    before = failures()
    path.write_text("addresses: wrong", "utf-8")
    await asyncio.to_thread(eventually, lambda: failures() == before + 1)
    assert identify.actor(flow()).user == "li"


async def test_without_a_file_there_is_nothing_to_watch(made):
    identify = made()
    identify.running()
    await identify.look()
    assert identify._watching is None
