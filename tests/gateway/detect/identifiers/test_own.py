"""A login is no leak; the same words in a file or inside a message are."""

import json
import re

import pytest

from gateway.detect.detector import Document
from gateway.detect.identifiers.own import is_own
from gateway.parts import Part

LOGIN = json.dumps({"username": "zhang", "password": "abc12345"})


def document(*, is_file: bool = False, depth: int = 0, path: str = "json") -> Document:
    return Document(Part(path, "", 0, "", "", "text/plain", b"", is_file=is_file, depth=depth), ())


@pytest.mark.parametrize(
    ("text", "own"),
    [
        pytest.param(LOGIN, True, id="JSON"),
        pytest.param(LOGIN.replace(" ", ""), True, id="JSON without blanks"),
        pytest.param("username: zhang\npassword: abc12345", True, id="JSON as lines"),
        pytest.param('{"user_password": "abc12345"}', True, id="longer key"),
        pytest.param("text: 数据库 password=abc12345", False, id="inside a message"),
        pytest.param(json.dumps({"text": LOGIN}), False, id="JSON inside a message"),
        pytest.param('{"text": "the password: abc12345"}', False, id="words before it"),
    ],
)
def test_is_own(text, own):
    found = re.search("password", text)
    assert is_own(found, document()) is own
    assert not is_own(found, document(is_file=True))
    assert not is_own(found, document(depth=1))


def test_settings_in_a_field_are_not_a_login():
    assert not is_own(re.search("password", 'password = "hunter2-Blue"'), document(path="note"))


def test_value_of_a_key():
    text = '{"refresh_token": "eyJabc"}'
    assert is_own(re.search("eyJ", text), document())
    assert not is_own(re.search("eyJ", '{"text": "see eyJabc"}'), document())
