"""Passwords against a file of hashes; the cost of a check does not tell whether a name exists."""

import bcrypt
import pytest
from argon2 import PasswordHasher

from gateway.identity import passwords
from gateway.identity.hashes import ABSENT_HASH
from gateway.identity.logins import Login
from gateway.identity.passwords import Passwords

param = pytest.param
ARGON2 = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
BCRYPT = bcrypt.hashpw(b"battery", bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        param("chen.jing", "correct horse", Login("chen.jing"), id="argon2"),
        param("li.wei", "battery", Login("li.wei"), id="bcrypt"),
        param("chen.jing", "battery", None, id="of somebody else"),
        param("chen.jing", ARGON2, None, id="hash as password"),
        param("gone", "correct horse", None, id="no such user"),
        param("CHEN.JING", "correct horse", None, id="case of the name"),
        param("\ud800", "\ud800", None, id="half a surrogate pair"),
    ],
)
def test_check(name, password, expected):
    assert Passwords({"chen.jing": ARGON2, "li.wei": BCRYPT}, key=b"k").check(name, password) == expected


def test_names():
    known = Passwords({"chen.jing": ARGON2}, key=b"k")
    assert [known.knows(name) for name in ("chen.jing", "gone")] == [True, False]


@pytest.fixture
def checked(monkeypatch):
    """Hashes that were computed against, in order."""
    seen = []

    def fits(stored, _secret):
        seen.append(stored)
        return True

    monkeypatch.setattr(passwords, "fits", fits)
    return seen


def test_an_unknown_name_costs_what_a_known_one_costs(checked):
    known = Passwords({"chen.jing": ARGON2, "li.wei": BCRYPT}, key=b"k")
    for number in range(40):
        assert known.check(f"gone{number}", "x") is None
    assert set(checked) == {ARGON2, BCRYPT}
    del checked[:]
    for _ in range(3):
        known.check("gone1", "x")
    assert len(checked) == 3
    assert len(set(checked)) == 1


def test_without_anybody_a_check_costs_too(checked):
    assert Passwords({}, key=b"k").check("gone", "x") is None
    assert checked == [ABSENT_HASH]
