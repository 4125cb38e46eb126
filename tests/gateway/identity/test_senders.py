"""Who counts as the sender, in one order of precedence."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.logins import Login
from gateway.identity.senders import Senders
from gateway.identity.users import Directory, User
from gateway.transfer import Actor

CHEN = User(name="chen.jing", role="head", groups=["legal"], department="法务部")


def directory():
    networks = {ipaddress.ip_network("10.0.0.0/8"): "printer", ipaddress.ip_network("2001:db8::/32"): "chen.jing"}
    return Directory({"chen.jing": CHEN}, networks)


@pytest.fixture
def senders():
    first = {"10.1.1.1": "told", "10.1.1.2": "told"}
    second = {"10.1.1.1": "listed", "10.1.1.3": "listed"}
    return Senders(directory(), [lambda ip: first.get(str(ip)), lambda ip: second.get(str(ip))])


@pytest.mark.parametrize(
    ("ip", "user"),
    [
        pytest.param("10.1.1.1", "told", id="the first source"),
        pytest.param("10.1.1.3", "listed", id="the second source"),
        pytest.param("10.1.1.4", "printer", id="the network"),
        pytest.param("::ffff:10.1.1.2", "told", id="IPv4 written as IPv6"),
        pytest.param("2001:db8::1", "chen.jing", id="IPv6"),
        pytest.param("203.0.113.1", "", id="nobody"),
        pytest.param("nonsense", "", id="no address"),
        pytest.param("", "", id="unknown address"),
    ],
)
def test_by_address(senders, ip, user):
    actor = senders.by_address(ip)
    assert (actor.user, actor.ip, actor.authenticated_by) == (user, ip, "address" if user else "")


def test_by_login_before_any_address(senders):
    login = Login("chen.jing", ("board",))
    assert senders.by_login(login, "10.1.1.1") == Actor(
        "chen.jing", ("legal", "board"), "head", "法务部", "10.1.1.1", "proxy-auth"
    )
    assert senders.by_login(Login("visitor"), "10.1.1.1") == Actor(
        "visitor", ip="10.1.1.1", authenticated_by="proxy-auth"
    )


def test_a_login_that_is_listed_no_more_is_nobody():
    senders = Senders(directory(), [], only_listed=True)
    assert senders.by_login(Login("gone"), "10.1.1.1") == Actor(ip="10.1.1.1")
    assert senders.by_login(Login("chen.jing"), "10.1.1.1").user == "chen.jing"


@given(st.text())
def test_any_text_for_an_address(ip):
    assert Senders(Directory({}, {}), []).by_address(ip) == Actor(ip=ip)
