import ipaddress

import pytest
from argon2 import PasswordHasher

from gateway.errors import ConfigError
from gateway.identity.users import Directory, User, load_users
from gateway.transfer import Actor

param = pytest.param

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = CHEAP.hash("correct horse")

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
        "users.yaml:2: users.0.name: has a form that is not allowed here (pattern ^[^\\s:\\x00-\\x1f]+$)",
        "users.yaml:3: users.0.role: unknown word; allowed: (empty), staff, head, executive",
        "users.yaml:4: users.1.name: is missing",
        "users.yaml:4: users.1.nme: unknown key; did you mean name? allowed: name, display, role, groups, department, password_hash",
        "users.yaml:5: users.1.groups: must be a list",
        "users.yaml:7: users.2.password_hash: SHA-1 ({SHA}) is too weak; allowed: argon2 ($argon2id$) and bcrypt (htpasswd -B)",
    ]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("", "the document: must be a mapping of keys to values", id="empty"),
        param("users: {a: b}", "users: must be a list", id="mapping"),
        param(
            "users:\n- name: a\n- name: b\n- name: a",
            "users.2.name: the user a is in line 2 already; names must differ",
            id="one name twice",
        ),
        param(
            "users:\n- name: 'a:b'",
            "users.0.name: has a form that is not allowed here (pattern ^[^\\s:\\x00-\\x1f]+$)",
            id="colon in a name",
        ),
    ],
)
def test_refused(tmp_path, text, expected):
    with pytest.raises(ConfigError) as caught:
        load_users(write(tmp_path, text))

    assert [problem.message for problem in caught.value.problems] == [expected]


@pytest.fixture
def directory(tmp_path):
    networks = {"10.0.0.0/8": "printer", "10.1.0.0/16": "chen.jing", "2001:db8::/32": "chen.jing", "192.0.2.0/24": "x"}
    return Directory(
        load_users(write(tmp_path, FILE)),
        {ipaddress.ip_network(network): name for network, name in networks.items()},
    )


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        param("10.1.2.3", "chen.jing", id="longest prefix"),
        param("10.2.2.3", "printer", id="shorter prefix"),
        param("2001:db8::5", "chen.jing", id="IPv6"),
        param("192.0.2.1", "x", id="name without an entry"),
        param("203.0.113.1", None, id="nobody at that address"),
    ],
)
def test_networks(directory, ip, expected):
    assert directory.user_of(ipaddress.ip_address(ip)) == expected


def test_somebody_known_has_what_the_file_says(directory):
    assert directory.actor("chen.jing", "10.1.2.3", "address") == Actor(
        "chen.jing", ("legal", "board"), "head", "法务部", "10.1.2.3", "address"
    )
    assert directory.actor("visitor", "10.1.2.3", "proxy-auth") == Actor(
        "visitor", ip="10.1.2.3", authenticated_by="proxy-auth"
    )


def test_groups_of_a_directory_are_added(directory):
    known = directory.actor("chen.jing", "", "proxy-auth", ("board", "sales"))
    assert (known.groups, known.role) == (("legal", "board", "sales"), "head")
    assert directory.actor("visitor", "", "proxy-auth", ("sales",)).groups == ("sales",)


def test_someone_spoken_for_is_not_authenticated(directory):
    assert directory.find("chen.jing") == Actor("chen.jing", ("legal", "board"), "head", "法务部")
    assert directory.find("visitor") == Actor("visitor")


def test_names(directory):
    assert [directory.display(name) for name in ("chen.jing", "printer", "gone")] == ["陈静", "printer", "gone"]
    assert [name in directory for name in ("printer", "gone")] == [True, False]
