"""A real directory: who is let in, with which groups, and what no login name can make it do."""

import socket
import threading
import time
from dataclasses import replace

import pytest

from gateway.errors import ConfigError
from gateway.identity import ldap
from gateway.identity.ldap import DirectoryFacts, LdapDirectory
from gateway.identity.logins import DirectoryDownError, Login
from tests.support.directory import READER, READER_PASSWORD, SUFFIX, Slapd

param = pytest.param
PEOPLE = {
    "zhang": "correct horse",
    "li": "battery",
    "o'neil": "staple",
    "star*": "wild",
    "a(b)": "brackets",
    "back\\slash": "slash",
    "wang": "p:q*)(",
}
GROUPS = {"sales": ["zhang", "li"], "board": ["zhang"], "odd": ["a(b)", "back\\slash"]}
DNS = {
    "a(b)": f"uid=a(b),ou=people,{SUFFIX}",
    "back\\slash": f"uid=back\\\\slash,ou=people,{SUFFIX}",
    "star*": f"uid=star*,ou=people,{SUFFIX}",
}


@pytest.fixture(scope="module")
def slapd(tmp_path_factory):
    with Slapd(tmp_path_factory.mktemp("slapd"), PEOPLE, GROUPS, DNS) as running:
        yield running


def facts(slapd, **changes) -> DirectoryFacts:
    usual = DirectoryFacts(
        host="localhost",
        port=slapd.tls_port,
        is_ldaps=True,
        start_tls=True,
        ca=str(slapd.ca),
        bind_dn=READER,
        bind_password=READER_PASSWORD,
        base=f"ou=people,{SUFFIX}",
        user_filter="(&(objectClass=person)(uid={user}))",
        name_attribute="uid",
        group_base=f"ou=groups,{SUFFIX}",
        group_filter="(&(objectClass=groupOfNames)(member={dn}))",
        group_attribute="cn",
        timeout_s=3,
        connections=2,
    )
    return replace(usual, **changes)


@pytest.fixture
def connect(slapd):
    made = []

    def connect(**changes):
        made.append(LdapDirectory(facts(slapd, **changes)))
        return made[-1]

    yield connect
    for directory in made:
        directory.close()


@pytest.fixture
def directory(connect):
    return connect()


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        param("zhang", "correct horse", Login("zhang", ("board", "sales")), id="right, with groups"),
        param("ZHANG", "correct horse", Login("zhang", ("board", "sales")), id="recorded as the directory spells it"),
        param("li", "battery", Login("li", ("sales",)), id="another"),
        param("o'neil", "staple", Login("o'neil"), id="apostrophe, no groups"),
        param("star*", "wild", Login("star*"), id="star in the name"),
        param("a(b)", "brackets", Login("a(b)", ("odd",)), id="brackets in the name and in the DN"),
        param("back\\slash", "slash", Login("back\\slash", ("odd",)), id="backslash in the name and in the DN"),
        param("wang", "p:q*)(", Login("wang"), id="special characters in the password"),
        param("zhang", "wrong", None, id="wrong password"),
        param("zhang", "", None, id="empty password"),
        param("zhang", "Correct horse", None, id="case of the password"),
        param("gone", "correct horse", None, id="nobody"),
        param("", "correct horse", None, id="no name"),
    ],
)
def test_logins(directory, name, password, expected):
    assert directory.check(name, password) == expected


@pytest.mark.parametrize(
    "name",
    [
        param("*", id="anybody"),
        param("zhan*", id="a beginning"),
        param("zhang)(uid=*", id="a second condition"),
        param("*)(uid=zhang", id="another condition first"),
        param("zhang)(|(uid=*", id="a way out of the brackets"),
        param("*))(|(objectClass=*", id="the whole filter"),
        param("zhang)(!(userPassword=x)", id="a question about the password"),
        param("\\2a", id="an escaped star"),
        param("zhang\\29\\28uid=\\2a", id="escaped brackets"),
        param("{dn}", id="the other placeholder"),
        param("{user}", id="the placeholder itself"),
        param("zhang,ou=people", id="part of a DN"),
        param(f"uid=zhang,ou=people,{SUFFIX}", id="a whole DN"),
        param("\uff0a", id="full-width star"),
    ],
)
def test_a_name_is_never_part_of_the_question(directory, name):
    """CVE-2026-40606: a login name went into the filter as it was, so that `*` found somebody."""
    for password in PEOPLE.values():
        assert directory.check(name, password) is None


def test_start_tls(connect, slapd):
    directory = connect(port=slapd.port, is_ldaps=False)
    assert directory.check("zhang", "correct horse") == Login("zhang", ("board", "sales"))


def test_clear_is_possible_on_loopback_only_and_works_there(connect, slapd):
    directory = connect(port=slapd.port, is_ldaps=False, start_tls=False)
    assert directory.check("li", "battery") == Login("li", ("sales",))


def test_without_groups(connect):
    assert connect(group_base=None).check("zhang", "correct horse") == Login("zhang")


def test_two_entries_for_one_name_are_nobody(connect):
    everybody = connect(user_filter="(|(objectClass=person)(uid={user}))")
    assert everybody.check("zhang", "correct horse") is None


def test_an_entry_without_the_name_is_nobody(connect):
    assert connect(name_attribute="mail").check("zhang", "correct horse") is None
    assert connect(name_attribute="UID").check("zhang", "correct horse").name == "zhang"


@pytest.mark.parametrize(
    "changes",
    [
        param({"ca": None}, id="certificate nobody here trusts"),
        param({"host": "127.0.0.1"}, id="certificate of another name"),
        param({"bind_password": "wrong"}, id="wrong password of our account"),
        param({"bind_dn": None}, id="a directory that answers nobody unknown"),
        param({"base": "ou=none,dc=example,dc=org"}, id="entry that is not there"),
        param({"user_filter": "(uid={user})))"}, id="filter that is none"),
    ],
)
def test_what_decides_nothing_lets_nobody_in(connect, changes):
    with pytest.raises(DirectoryDownError) as caught:
        connect(**changes).check("zhang", "correct horse")
    assert "horse" not in str(caught.value)
    assert "zhang" not in str(caught.value)


def test_a_file_without_a_ca_is_told(connect, tmp_path):
    (tmp_path / "ca.pem").write_text("none", "ascii")
    for ca in (tmp_path / "ca.pem", tmp_path / "gone.pem"):
        with pytest.raises(ConfigError, match=r"identity\.ldap\.ca cannot be used"):
            connect(ca=str(ca))


def test_start_tls_that_is_refused_is_the_end(tmp_path, connect):
    """Nothing is said on a connection that was to be encrypted and is not."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            own, _ = listener.accept()
            with own:
                heard.append(own.recv(4096))
                # An extended response (RFC 4511, 4.12) with the result "protocol error".
                own.sendall(bytes.fromhex("300c02010178070a010204000400"))
                heard.append(own.recv(4096))

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DirectoryDownError):
            connect(host="127.0.0.1", port=listener.getsockname()[1], is_ldaps=False).check("zhang", "correct horse")
        thread.join(10)
    assert b"1.3.6.1.4.1.1466.20037" in heard[0]
    assert b"horse" not in b"".join(heard)
    assert b"reader" not in b"".join(heard)


def test_a_directory_that_says_nothing_is_given_up(connect):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        directory = connect(
            host="127.0.0.1", port=listener.getsockname()[1], is_ldaps=False, start_tls=False, timeout_s=1
        )
        began = time.monotonic()
        with pytest.raises(DirectoryDownError):
            directory.check("zhang", "correct horse")
        assert 0.5 < time.monotonic() - began < 10
        # The next one is not kept waiting.
        began = time.monotonic()
        with pytest.raises(DirectoryDownError, match="down a moment ago"):
            directory.check("zhang", "correct horse")
        assert time.monotonic() - began < 0.5


def test_down_and_up_again(tmp_path, monkeypatch):
    with Slapd(tmp_path, {"zhang": "secret"}) as slapd:
        now = [0.0]
        directory = LdapDirectory(facts(slapd), lambda: now[0])
        assert directory.check("zhang", "secret") == Login("zhang")
        slapd.stop()
        with pytest.raises(DirectoryDownError):
            directory.check("zhang", "secret")
        slapd.start()
        with pytest.raises(DirectoryDownError, match="a moment ago"):
            directory.check("zhang", "secret")
        now[0] = 2.1
        assert directory.check("zhang", "secret") == Login("zhang")
        # A connection that was closed in between is replaced without a word.
        slapd.stop()
        slapd.start()
        assert directory.check("zhang", "secret") == Login("zhang")
        directory.close()


def test_connections_are_used_again_and_bounded(connect, slapd):
    directory = connect()
    for _ in range(5):
        assert directory.check("zhang", "correct horse")
    assert directory._idle.qsize() == 1
    threads = [threading.Thread(target=directory.check, args=("li", "battery")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert 1 <= directory._idle.qsize() <= 2
    assert directory.knows("li")


def test_every_login_makes_the_same_steps(connect, monkeypatch):
    steps = []
    own_bind, own_search = LdapDirectory._bind, LdapDirectory._search

    def bind(self, connection, dn, *rest, **named):
        steps.append("bind")
        return own_bind(self, connection, dn, *rest, **named)

    def search(self, *rest):
        steps.append("search")
        return own_search(self, *rest)

    monkeypatch.setattr(LdapDirectory, "_bind", bind)
    monkeypatch.setattr(LdapDirectory, "_search", search)
    directory = connect()
    for name, password in (("zhang", "correct horse"), ("zhang", "wrong"), ("gone", "x")):
        steps.clear()
        directory.check(name, password)
        assert steps == ["bind", "search", "search", "bind"]


def test_groups_are_bounded(connect, monkeypatch):
    monkeypatch.setattr(ldap, "MAX_GROUPS", 1)
    assert len(connect().check("zhang", "correct horse").groups) == 1


def test_password_is_not_in_memory_of_the_object(directory):
    directory.check("zhang", "correct horse")
    assert "correct horse" not in repr(vars(directory))
