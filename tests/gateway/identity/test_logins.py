"""What can be a name and password at all."""

import pytest

from gateway.identity.logins import DirectoryDownError, LoginResult, is_possible

param = pytest.param


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        param("chen.jing", "secret", True, id="usual"),
        param("张三", "密码", True, id="Chinese"),
        param("o'neil@corp.example", "p:q r", True, id="colon and blank in the password"),
        param("x" * 128, "y" * 1024, True, id="longest"),
        param("x" * 129, "y", False, id="name too long"),
        param("x", "y" * 1025, False, id="password too long"),
        param("", "y", False, id="no name"),
        param("x", "", False, id="no password is a login as nobody in LDAP"),
        param("a:b", "y", False, id="colon"),
        param("a b", "y", False, id="blank"),
        param("a\0", "y", False, id="NUL in the name"),
        param("a", "y\0z", False, id="NUL in the password"),
        param("\ud800", "y", False, id="half a surrogate pair"),
        param("a\u202eb", "y", False, id="turns the text around"),
    ],
)
def test_possible(name, password, expected):
    assert is_possible(name, password) is expected


def test_results_are_few():
    assert {result.value for result in LoginResult} == {
        "checked", "remembered", "missing", "wrong", "clear", "throttled", "busy", "directory-down"
    }  # fmt: skip


def test_error_carries_its_kind():
    assert DirectoryDownError("timeout").kind == "timeout"
