"""The example settings, users and policy: loaded as they are, under the names they are copied to."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from gateway.cli.main import main
from gateway.config import load_settings
from gateway.findings import Action
from gateway.identity.senders import Senders
from gateway.identity.users import Directory, load_users
from gateway.policy.cases import run_policy_cases
from gateway.policy.load import load_policy
from gateway.yamlfile import load_yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
POLICY = DEPLOY / "policy.example.yaml"
SHIPPED = ROOT / "gateway" / "policy" / "data" / "default.yaml"


@pytest.fixture
def folder(tmp_path):
    for name in ("sluice", "policy", "users"):
        shutil.copy(DEPLOY / f"{name}.example.yaml", tmp_path / f"{name}.yaml")
    return tmp_path


@pytest.fixture
def settings(folder):
    return load_settings(str(folder / "sluice.yaml"), {})


def test_everything_is_right_together(folder, capsys):
    assert main(["check", "--config", str(folder / "sluice.yaml")]) == 0
    assert f"{len(load_policy(str(POLICY)).rules)} rules" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("sluice", "10.20.40.7/32: zhang.wei", "10.20.40.7/32: nobody"),
        ("policy", "doc.technical-drawing, min", "doc.technical-drawings, min"),
        ("policy", "parts: {bytes: 209715201}", "parts: {bytes: 209715200}"),
        ("users", "role: head ", "role: king "),
    ],
)
def test_a_mistake_in_any_of_them_is_found(folder, capsys, name, old, new):
    file = folder / f"{name}.yaml"
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")

    assert main(["check", "--config", str(folder / "sluice.yaml")]) == 2
    assert f"{name}.yaml:" in capsys.readouterr().err


def test_nobody_unknown_sends_and_nothing_inside_is_open_to_all(settings):
    assert settings.identity.required
    assert settings.identity.proxy_auth == "users"
    assert (settings.listen.host, settings.listen.port) == ("0.0.0.0", 8080)
    assert settings.console.listen.host == settings.metrics.listen.host == "127.0.0.1"
    assert settings.upstream_private == ()
    assert settings.upstream.connect_to == {}
    assert settings.state_dir == Path("/var/lib/sluice")
    assert settings.tls.ca_dir == Path("/var/lib/sluice/ca")


def test_known_by_address_when_no_login_is_asked_for(folder):
    """The other way of knowing senders, that the comment in the file names."""
    settings = load_settings(str(folder / "sluice.yaml"), {"SLUICE__IDENTITY__PROXY_AUTH": "'off'"})
    senders = Senders(Directory(load_users(settings.identity.users), settings.identity.networks), [])

    assert senders.by_address("10.20.30.5").user == "build-server"
    assert senders.by_address("10.20.40.7").groups == ("video-team",)
    assert senders.by_address("10.20.40.8").user == ""


def test_users_of_every_kind():
    users = load_users(DEPLOY / "users.example.yaml")

    assert {user.role for user in users.values()} == {"head", "staff", ""}
    assert users["build-server"].password_hash is None
    assert all(user.display and user.department for user in users.values())


@pytest.mark.parametrize("name", ["chen.jing", "zhang.wei"])
@pytest.mark.parametrize("password", ["", "password", "sluice", "admin", "123456"])
def test_example_users_have_no_password_that_anybody_would_try(name, password):
    stored = load_users(DEPLOY / "users.example.yaml")[name].password_hash

    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(stored, password)


RESULTS = run_policy_cases(load_policy(str(POLICY)))


@pytest.mark.parametrize("result", RESULTS, ids=[result.name for result in RESULTS])
def test_a_case_of_the_policy(result):
    assert result.passed, str(result)


def test_the_policy_holds_what_it_is_an_example_of():
    policy = load_policy(str(POLICY))
    rules = {rule.id: rule for rule in policy.rules}
    (exception,) = policy.exceptions
    (authorised,) = policy.authorised

    assert rules["size.messaging-file"].route == "https://drive.example.com/"
    assert rules["contact.few"].mode == "off"
    assert (rules["drawings.webmail"].mode, rules["drawings.webmail"].action) == ("monitor", Action.BLOCK)
    assert (exception.id, exception.up_to_bytes, exception.expires) == (
        "EX-2026-014",
        200 * 1024 * 1024,
        date(2027, 3, 31),
    )
    assert authorised.expires == date(2027, 12, 31)


def test_the_policy_is_the_shipped_one_but_for_what_it_says():
    """Copy gateway/policy/data/default.yaml again and redo the changes when this fails after a change of it."""
    shipped, example = (load_yaml(str(path)).value for path in (SHIPPED, POLICY))
    for section in ("version", "settings", "sensitive", "failures"):
        assert example[section] == shipped[section]
    ours = {rule["id"]: rule for rule in example["rules"]}
    own = ours.pop("drawings.webmail")
    assert own["mode"] == "monitor"
    assert ours.pop("contact.few") == {**next(r for r in shipped["rules"] if r["id"] == "contact.few"), "mode": "off"}
    assert list(ours.values()) == [rule for rule in shipped["rules"] if rule["id"] != "contact.few"]
    assert (shipped["exceptions"], shipped["authorised"]) == ([], [])
    cases = [case["name"] for case in example["cases"]]
    assert [case["name"] for case in shipped["cases"] if case["name"] not in cases] == ["one phone number is logged"]


def test_every_change_is_marked():
    assert POLICY.read_text("utf-8").count("CHANGED:") == 5
