import ipaddress

import pytest
from argon2 import PasswordHasher, Type
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.identity import users
from gateway.identity.users import Directory, User, load_users
from gateway.transfer import Actor

param = pytest.param

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = CHEAP.hash("correct horse")
KEY = b"k" * 32

FILE = f"""users:
- name: chen.jing
  display: 陈静
  role: head
  groups: [legal, board]
  department: 法务部
  password_hash: "{HASH}"
- name: printer
"""


def write(tmp_path, text):
    path = tmp_path / "users.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_of_the_guide(tmp_path):
    found = load_users(write(tmp_path, FILE))

    assert found["chen.jing"] == User(
        name="chen.jing",
        display="陈静",
        role="head",
        groups=["legal", "board"],
        department="法务部",
        password_hash=HASH,
    )
    assert found["printer"] == User(name="printer")


def test_every_problem_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        """users:
- name: "a b"
  role: boss
- nme: c
  groups: legal
- name: d
  password_hash: "{SHA}secret-looking-text"
""",
    )

    with pytest.raises(ConfigError) as caught:
        load_users("users.yaml")

    assert [str(problem) for problem in caught.value.problems] == [
        "users.yaml:2: users.0.name: String should match pattern '^[^\\s:\\x00-\\x1f]+$'",
        "users.yaml:3: users.0.role: Input should be '', 'staff', 'head' or 'executive'",
        "users.yaml:4: users.1.name: Field required",
        "users.yaml:4: users.1.nme: unknown key; did you mean name? allowed: name, display, role, groups, department, password_hash",
        "users.yaml:5: users.1.groups: Input should be a valid list",
        "users.yaml:7: users.2.password_hash: not an argon2 hash; allowed: what `argon2` writes, starting with $argon2id$",
    ]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("", "the document: must be a mapping of keys to values", id="empty"),
        param("users: {a: b}", "users: Input should be a valid list", id="mapping"),
        param(
            "users:\n- name: a\n- name: b\n- name: a",
            "users.2.name: the user a is in line 2 already; names must differ",
            id="one name twice",
        ),
        param(
            "users:\n- name: 'a:b'",
            "users.0.name: String should match pattern '^[^\\s:\\x00-\\x1f]+$'",
            id="colon in a name",
        ),
    ],
)
def test_refused(tmp_path, text, expected):
    with pytest.raises(ConfigError) as caught:
        load_users(write(tmp_path, text))

    assert [problem.message for problem in caught.value.problems] == [expected]


@pytest.mark.parametrize(
    "costs",
    [param("m=1048576,t=1,p=1", id="a gibibyte"), param("m=8,t=1000,p=1", id="a thousand rounds")],
)
def test_a_hash_may_not_cost_the_machine(tmp_path, costs):
    dear = HASH.replace("m=8,t=1,p=1", costs)

    with pytest.raises(ConfigError, match="asks for more than 256 MiB or 20 rounds"):
        load_users(write(tmp_path, f"users: [{{name: a, password_hash: '{dear}'}}]"))


@pytest.fixture
def directory(tmp_path):
    networks = {"10.0.0.0/8": "printer", "10.1.0.0/16": "chen.jing", "2001:db8::/32": "chen.jing", "192.0.2.0/24": "x"}
    return Directory(
        load_users(write(tmp_path, FILE)),
        {ipaddress.ip_network(network): name for network, name in networks.items()},
        key=KEY,
    )


def chen(ip, how):
    return Actor("chen.jing", ("legal", "board"), "head", "法务部", ip, how)


@pytest.mark.parametrize(
    ("ip", "login", "expected"),
    [
        param("10.1.2.3", None, chen("10.1.2.3", "address"), id="longest prefix"),
        param("10.2.2.3", None, Actor("printer", ip="10.2.2.3", authenticated_by="address"), id="shorter prefix"),
        param("::ffff:10.1.2.3", None, chen("::ffff:10.1.2.3", "address"), id="IPv4 written as IPv6"),
        param("2001:db8::5", None, chen("2001:db8::5", "address"), id="IPv6"),
        param("192.0.2.1", None, Actor("x", ip="192.0.2.1", authenticated_by="address"), id="name without an entry"),
        param("203.0.113.1", None, Actor(ip="203.0.113.1"), id="nobody at that address"),
        param("nonsense", None, Actor(ip="nonsense"), id="no address"),
        param("203.0.113.1", "chen.jing", chen("203.0.113.1", "proxy-auth"), id="login"),
        param("10.2.2.3", "chen.jing", chen("10.2.2.3", "proxy-auth"), id="login before address"),
        param("10.1.2.3", "gone", Actor(ip="10.1.2.3"), id="login that is not known is nobody"),
        param("10.1.2.3", "", Actor(ip="10.1.2.3"), id="empty login is nobody"),
    ],
)
def test_identify(directory, ip, login, expected):
    assert directory.identify(ip, login) == expected


@given(st.text(), st.none() | st.text())
def test_identify_never_raises(ip, login):
    assert Directory({}, {}, key=KEY).identify(ip, login) == Actor(ip=ip)


def test_someone_spoken_for_is_not_authenticated(directory):
    assert directory.find("chen.jing") == chen("", "")
    assert directory.find("visitor") == Actor("visitor")


def test_names_people_read(directory):
    assert [directory.display(name) for name in ("chen.jing", "printer", "gone")] == ["陈静", "printer", "gone"]


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        param("chen.jing", "correct horse", True, id="right"),
        param("chen.jing", "correct horse ", False, id="wrong"),
        param("chen.jing", "", False, id="empty"),
        param("chen.jing", "x" * 1025, False, id="too long"),
        param("chen.jing", "\ud800", False, id="half a surrogate"),
        param("printer", "", False, id="user without a password"),
        param("printer", HASH, False, id="hash as password"),
        param("gone", "correct horse", False, id="no such user"),
        param("\ud800", "x", False, id="no name"),
    ],
)
def test_passwords(directory, name, password, expected):
    assert directory.verify_password(name, password) is expected
    assert directory.verify_password(name, password) is expected


class Counting(PasswordHasher):
    """Counts the checks that cost something."""

    checks = 0

    def verify(self, stored, password):
        type(self).checks += 1
        return super().verify(stored, password)


@pytest.fixture
def checks(monkeypatch):
    monkeypatch.setattr(users, "PasswordHasher", Counting)
    Counting.checks = 0
    return lambda: Counting.checks


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        param([("a", "right")] * 3, 1, id="a right one is remembered"),
        param([("a", "wrong")] * 3, 3, id="a wrong one costs every time"),
        param([("a", "right"), ("b", "right")], 2, id="not for another user"),
        param([("nobody", "right")] * 2, 2, id="an unknown user costs as much"),
        param([("a", "x" * 2000)], 0, id="an endless one costs nothing"),
    ],
)
def test_what_is_remembered(checks, attempts, expected):
    known = {name: User(name=name, password_hash=CHEAP.hash("right")) for name in ("a", "b")}
    directory = Directory(known, {}, key=KEY)

    for name, password in attempts:
        directory.verify_password(name, password)

    assert checks() == expected


def test_memory_of_credentials_is_bounded(checks, monkeypatch):
    monkeypatch.setattr(users, "MAX_REMEMBERED", 1)
    known = {name: User(name=name, password_hash=CHEAP.hash("right")) for name in ("a", "b")}
    directory = Directory(known, {}, key=KEY)

    for name in ("a", "b", "b", "a"):
        assert directory.verify_password(name, "right")

    assert checks() == 3


def test_a_damaged_hash_lets_nobody_in():
    damaged = User.model_construct(name="a", password_hash="$argon2id$v=19$m=8,t=1,p=1$x$y")

    assert not Directory({"a": damaged}, {}, key=KEY).verify_password("a", "right")


def test_other_kinds_of_argon2_are_checked_too():
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.I).hash("right")

    assert Directory({"a": User(name="a", password_hash=old)}, {}, key=KEY).verify_password("a", "right")


def test_no_credential_is_kept_in_clear(directory):
    directory.verify_password("chen.jing", "correct horse")

    assert "correct horse" not in repr(vars(directory))
