import os
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.errors import ConfigError
from gateway.limits import Limits
from gateway.settings import Address

param = pytest.param

ADDRESS = "not an address; allowed: HOST:PORT with a port of 1 to 65535, IPv6 in brackets"
TOP_KEYS = (
    "listen, mode, workers, http2, state_dir, policy, signatures, catalogue, store, upstream, upstream_private, tls, "
    "geo, identity, tenants, requests, limits, inspectors, evidence, retention, metrics, console, events"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(path, environ=None):
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ or {})
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_the_embedded_default_holds(folder):
    settings = load_settings(None, {})

    assert settings.listen == Address("127.0.0.1", 8080)
    assert settings.state_dir == folder / "var"
    assert settings.policy is None
    assert settings.limits == Limits()
    assert not settings.identity.required


def test_the_file_of_the_folder_is_read_when_none_is_named(folder):
    (folder / "sluice.yaml").write_text("workers: 3", encoding="utf-8")

    assert load_settings(None, {}).workers == 3


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"], ids=["empty", "comment", "empty mapping"])
def test_an_empty_file_is_the_default(folder, text):
    (folder / "sluice.yaml").write_text(text, encoding="utf-8")

    assert load_settings(None, {}) == load_settings(None, {})
    assert load_settings(None, {}).workers == "auto"


def test_the_example_of_the_interface(folder):
    for name in ("policy.yaml", "ca.pem", "country.mmdb"):
        (folder / name).touch()
    for name in ("signatures", "destinations"):
        (folder / name).mkdir()
    (folder / "users.yaml").write_text("users: [{name: li.wei, role: staff}]", encoding="utf-8")
    (folder / "own.yaml").write_text(
        """
listen: 127.0.0.1:8080
mode: regular
workers: auto
state_dir: ./var
policy: policy.yaml
signatures: [signatures]
catalogue: [destinations]
store: sqlite
upstream:
  trusted_ca: [ca.pem]
  connect_to: {"qyapi.weixin.qq.com:443": "127.0.0.1:9443", "*:443": "127.0.0.1:9443", "*:80": "127.0.0.1:9080"}
tls: {ca_dir: ./var/ca, passthrough: []}
geo: {database: country.mmdb, overrides: {"203.0.113.0/24": US}}
identity: {required: true, proxy_auth: users, users: users.yaml, networks: {"192.0.2.0/24": li.wei}}
limits: {max_depth: 5, inspect_s: 12.5}
inspectors: {workers: auto, memory_mb: 1024, timeout_s: 30}
evidence: {}
retention: {}
metrics: {listen: 127.0.0.1:9464}
console: {listen: 127.0.0.1:8081}
events: {jsonl: out/events.jsonl, syslog: null, webhook: null}
http2: false
upstream_private: [10.20.0.0/16]
""",
        encoding="utf-8",
    )

    settings = load_settings("own.yaml", {})

    assert settings.policy == folder / "policy.yaml"
    assert settings.upstream.connect_to[Address("*", 80)] == Address("127.0.0.1", 9080)
    assert settings.limits == Limits(max_depth=5, inspect_s=12.5)
    assert settings.events.jsonl == folder / "out/events.jsonl"
    assert {str(network): country for network, country in settings.geo.overrides.items()} == {"203.0.113.0/24": "US"}


def test_paths_are_relative_to_the_file_not_to_the_current_folder(folder):
    (folder / "etc").mkdir()
    (folder / "etc/policy.yaml").touch()
    (folder / "etc/sluice.yaml").write_text("policy: policy.yaml\nstate_dir: ../state", encoding="utf-8")

    settings = load_settings("etc/sluice.yaml", {})

    assert settings.policy == folder / "etc/policy.yaml"
    assert settings.state_dir == folder / "etc/../state"


def test_every_problem_at_once_with_file_and_line(folder):
    (folder / "sluice.yaml").write_text(
        """
listen: 127.0.0.1:99999
mode: transparently
polcy: x
policy: nope.yaml
limits: {max_depth: three}
identity:
  requird: true
tls: {passthrough: [a.example]}
store: postgresql://u@h/d
events: {webhook: "https://hook.example"}
workers: "2"
""",
        encoding="utf-8",
    )

    assert problems("sluice.yaml") == [
        f"sluice.yaml:2: listen: {ADDRESS}",
        "sluice.yaml:3: mode: not a mode; allowed: regular, transparent, socks5, upstream:http://HOST:PORT or upstream:https://HOST:PORT",
        f"sluice.yaml:4: polcy: unknown key; did you mean policy? allowed: {TOP_KEYS}",
        "sluice.yaml:5: policy: the path does not exist",
        "sluice.yaml:6: limits.max_depth: must be a whole number",
        "sluice.yaml:8: identity.requird: unknown key; did you mean required? allowed: required, proxy_auth, users, htpasswd, ldap, login_ttl_s, clear_login_networks, address_suffices, networks, addresses, api_token_file",
        "sluice.yaml:9: tls.passthrough.0: not an entry; allowed: a mapping with host, reason, owner, expires and perhaps ticket",
        "sluice.yaml:10: store: postgresql is not available in this version; allowed: sqlite",
        "sluice.yaml:11: events.webhook: not available in this version; allowed: null",
        "sluice.yaml:12: workers: not a count; allowed: auto, or a whole number of 1 to 1024",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param("- a", ["sluice.yaml:1: the document must be a mapping of settings"], id="list"),
        param("just text", ["sluice.yaml:1: the document must be a mapping of settings"], id="text"),
        param("a: [", ["sluice.yaml:2: YAML: did not find expected node content"], id="syntax"),
        param("workers: 1\nworkers: 2", ["sluice.yaml:2: duplicate key 'workers'"], id="duplicate key"),
        param("7: x", ["sluice.yaml:1: 7: is no text, and a key must be"], id="number as key"),
        param(
            "console: {listen: 127.0.0.1:8080}\nmetrics: {listen: 127.0.0.1:8080}",
            [
                "sluice.yaml:1: console.listen: the same address as listen; allowed: one address each",
                "sluice.yaml:2: metrics.listen: the same address as listen; allowed: one address each",
            ],
            id="one address for three",
        ),
        param(
            "metrics: {listen: 127.0.0.1:8081}",
            ["sluice.yaml:1: console.listen: the same address as metrics.listen; allowed: one address each"],
            id="one address for two",
        ),
        param(
            "identity: {proxy_auth: users}",
            ["sluice.yaml:1: identity.proxy_auth: users needs the key identity.users"],
            id="passwords of nobody",
        ),
        param(
            "identity:\n  required: true",
            [
                "sluice.yaml:2: identity.required: nobody could be known; true needs proxy_auth, networks, addresses or api_token_file"
            ],
            id="required of nobody",
        ),
        param(
            "identity:\n  users: users.yaml\n  networks:\n    192.0.2.0/24: li.wei\n    198.51.100.0/24: nobody",
            ["sluice.yaml:5: identity.networks.198.51.100.0/24: the user nobody is not in FOLDER/users.yaml"],
            id="network of a stranger",
        ),
        param(
            "identity: {users: broken.yaml}\nconsole: {listen: 127.0.0.1:8080}",
            [
                "FOLDER/broken.yaml:1: users.0.name: is missing",
                "sluice.yaml:2: console.listen: the same address as listen; allowed: one address each",
            ],
            id="problems of the users file too",
        ),
        param(
            "upstream: {connect_to: {a: 'b:1', 'c:2': d}}",
            [
                f"sluice.yaml:1: upstream.connect_to.a: {ADDRESS}",
                f"sluice.yaml:1: upstream.connect_to.c:2: {ADDRESS}",
            ],
            id="routes",
        ),
        param(
            "upstream: {login_file: login}",
            ["sluice.yaml:1: upstream.login_file: only the mode upstream:URL has a proxy to log in to"],
            id="login to no proxy",
        ),
        param(
            "mode: upstream:http://127.0.0.1:8081\nupstream:\n  connect_to: {'*:443': 'b:1'}\n  login_file: login",
            [
                "sluice.yaml:1: mode: 127.0.0.1:8081 is this gateway; allowed: another proxy",
                "sluice.yaml:3: upstream.connect_to: the proxy of mode upstream:URL connects to servers; allowed with it: {}",
                "sluice.yaml:4: upstream.login_file: FOLDER/login: needs one line NAME:PASSWORD",
            ],
            id="next proxy is this one",
        ),
    ],
)
def test_refused(folder, text, expected):
    (folder / "sluice.yaml").write_text(text, encoding="utf-8")
    (folder / "users.yaml").write_text("users: [{name: li.wei}]", encoding="utf-8")
    (folder / "broken.yaml").write_text("users: [{role: staff}]", encoding="utf-8")
    (folder / "login").write_text("hunter2", encoding="utf-8")

    assert problems("sluice.yaml") == [line.replace("FOLDER", str(folder)) for line in expected]


def test_a_named_file_must_exist(folder):
    assert problems("missing.yaml") == ["missing.yaml:0: cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("environ", "check"),
    [
        param({"SLUICE__LISTEN": "127.0.0.1:1"}, lambda s: s.listen == Address("127.0.0.1", 1), id="over the file"),
        param({"SLUICE__LIMITS__MAX_DEPTH": "4"}, lambda s: s.limits.max_depth == 4, id="number in a section"),
        param({"SLUICE__LIMITS__MAX_DEPTH": "4"}, lambda s: s.limits.max_parts == 7, id="rest of the section stays"),
        param({"SLUICE__HTTP2": "false"}, lambda s: s.http2 is False, id="truth"),
        param(
            {"SLUICE__UPSTREAM__CONNECT_TO": '{"*:443": "127.0.0.1:9443"}'},
            lambda s: s.upstream.connect_to == {Address("*", 443): Address("127.0.0.1", 9443)},
            id="mapping",
        ),
        param(
            {"SLUICE__GEO": "{overrides: {192.0.2.0/24: CN}}", "SLUICE__GEO__DATABASE": "d.mmdb"},
            lambda s: s.geo.database.name == "d.mmdb" and len(s.geo.overrides) == 1,
            id="section and key",
        ),
        param({"SLUICE__GEO__DATABASE": ""}, lambda s: s.geo.database is None, id="nothing"),
        param({"SLUICE__CONSOLE__LISTEN": "127.0.0.1:3"}, lambda s: s.console.listen.port == 3, id="empty section"),
        param({"SLUICE_HOME": "x", "OTHER__LISTEN": "y"}, lambda s: s.workers == 2, id="other variables"),
    ],
)
def test_variables(folder, environ, check):
    (folder / "d.mmdb").touch()
    (folder / "sluice.yaml").write_text(
        "listen: 127.0.0.1:2\nworkers: 2\nlimits: {max_parts: 7}\nconsole:", encoding="utf-8"
    )

    assert check(load_settings(None, environ))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        param(
            {"SLUICE__LISTEN": "8080"},
            [f"<environment>:0: SLUICE__LISTEN: listen: {ADDRESS}"],
            id="wrong value",
        ),
        param(
            {"SLUICE__LIMITS__MAX_DEPTH": "x"},
            ["<environment>:0: SLUICE__LIMITS__MAX_DEPTH: limits.max_depth: must be a whole number"],
            id="wrong type",
        ),
        param(
            {"SLUICE__LISTN": "127.0.0.1:1"},
            [f"<environment>:0: SLUICE__LISTN: listn: unknown key; did you mean listen? allowed: {TOP_KEYS}"],
            id="unknown key",
        ),
        param(
            {"SLUICE__NEW__KEY": "1"},
            [f"<environment>:0: SLUICE__NEW__KEY: new: unknown key; allowed: {TOP_KEYS}"],
            id="unknown section",
        ),
        param(
            {"SLUICE__WORKERS__X": "1"},
            ["<environment>:0: SLUICE__WORKERS__X: a key above it has a value and takes no keys"],
            id="key in what is no section",
        ),
        param(
            {"SLUICE__MODE": "upstream:http://proxy.example:3128", "SLUICE_UPSTREAM_LOGIN": "hunter2"},
            ["./sluice.yaml:1: upstream.login_file: SLUICE_UPSTREAM_LOGIN: needs one line NAME:PASSWORD"],
            id="login in no form",
        ),
        param(
            {"SLUICE__LISTEN": "[", "SLUICE__WORKERS": "0"},
            [
                "<environment>:0: SLUICE__LISTEN: YAML: did not find expected node content",
                "<environment>:0: SLUICE__WORKERS: workers: not a count; allowed: auto, or a whole number of 1 to 1024",
            ],
            id="syntax and value",
        ),
        param(
            {"SLUICE__MODE": "["},
            ["<environment>:0: SLUICE__MODE: YAML: did not find expected node content"],
            id="syntax alone",
        ),
        param(
            {"SLUICE__LIMITS": "{max_depth: x, max_parts: y}"},
            [
                "<environment>:0: SLUICE__LIMITS: limits.max_depth: must be a whole number",
                "<environment>:0: SLUICE__LIMITS: limits.max_parts: must be a whole number",
            ],
            id="section",
        ),
        param(
            {"SLUICE__CONSOLE__LISTEN": "127.0.0.1:8080"},
            [
                "<environment>:0: SLUICE__CONSOLE__LISTEN: console.listen: the same address as listen; allowed: one address each",
            ],
            id="contradiction",
        ),
    ],
)
def test_variables_refused(folder, environ, expected):
    (folder / "sluice.yaml").write_text("workers: 2", encoding="utf-8")

    assert problems(None, environ) == expected


def test_problems_of_file_and_variables_come_together(folder):
    (folder / "sluice.yaml").write_text("mode: x\nlimits: 3", encoding="utf-8")

    assert problems(None, {"SLUICE__STORE": "x"}) == [
        "./sluice.yaml:1: mode: not a mode; allowed: regular, transparent, socks5, upstream:http://HOST:PORT or upstream:https://HOST:PORT",
        "./sluice.yaml:2: limits: must be a mapping of keys to values",
        "<environment>:0: SLUICE__STORE: store: not a store; allowed: sqlite",
    ]


@pytest.mark.parametrize("value", ["hunter2-hunter2", "[hunter2-hunter2", "{a: hunter2-hunter2}"])
@pytest.mark.parametrize("name", ["SLUICE__LISTEN", "SLUICE__IDENTITY__REQUIRED", "SLUICE__STORE"])
def test_no_message_repeats_a_value(folder, name, value):
    assert "hunter2" not in "".join(problems(None, {name: value}))


def test_the_environment_of_the_process_is_not_looked_at(folder, monkeypatch):
    monkeypatch.setenv("SLUICE__WORKERS", "9")

    assert load_settings(None, {}).workers == "auto"
    assert load_settings(None, os.environ).workers == 9
    assert Path.cwd() == folder
