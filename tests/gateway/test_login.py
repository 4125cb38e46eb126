"""The login to the next proxy: where it may stand, and that no message shows it."""

import pytest

from gateway.errors import StartError
from gateway.login import MAX_BYTES, VARIABLE, read_login

param = pytest.param


@pytest.mark.parametrize(
    ("content", "environ", "login"),
    [
        param(None, {}, "", id="none"),
        param(None, {VARIABLE: ""}, "", id="empty variable"),
        param(b"gate:p:q\n", {}, "gate:p:q", id="file, colon in the password"),
        param(b"gate:\r\n", {}, "gate:", id="no password"),
        param("网关:口令".encode(), {}, "网关:口令", id="no line end"),
        param(b"gate:file", {VARIABLE: "gate:variable"}, "gate:variable", id="the variable goes first"),
    ],
)
def test_login(tmp_path, content, environ, login):
    path = None
    if content is not None:
        path = tmp_path / "login"
        path.write_bytes(content)
    assert read_login(path, environ) == login


@pytest.mark.parametrize(
    "content",
    [
        param(b"", id="empty"),
        param(b"hunter2", id="no colon"),
        param(b":hunter2", id="no name"),
        param(b"gate:hunter2\nmore", id="two lines"),
        param(b"gate:hunter2\0", id="NUL"),
        param(b"gate:hunter2\xff", id="no UTF-8"),
        param(b"gate:hunter2" + b"x" * MAX_BYTES, id="too long"),
    ],
)
def test_login_refused_and_not_shown(tmp_path, content):
    path = tmp_path / "login"
    path.write_bytes(content)
    with pytest.raises(StartError) as caught:
        read_login(path, {})
    assert str(caught.value).startswith(f"{path}: needs one line NAME:PASSWORD")
    assert "hunter2" not in str(caught.value)


def test_variable_refused_and_not_shown():
    with pytest.raises(StartError) as caught:
        read_login(None, {VARIABLE: "hunter2"})
    assert str(caught.value) == f"{VARIABLE}: needs one line NAME:PASSWORD"


def test_file_that_cannot_be_read(tmp_path):
    with pytest.raises(StartError, match=r"the login cannot be read \(Is a directory\)$"):
        read_login(tmp_path, {})
