"""`sluice run` from its first look to its last word; the processes it starts are real."""

import os
import signal
import socket
import threading
from pathlib import Path

import pytest
import structlog

from gateway.cli.main import main
from gateway.cli.options import settings_of
from gateway.cli.run import announce, keep_policy, near, prepare
from gateway.errors import StartError
from gateway.policy.kept import Kept
from gateway.policy.load import load_policy
from gateway.process import PARENT
from gateway.settings import Settings
from metrics import catalogue as metrics
from tests.support.gateway import free_port
from tests.support.pool import in_child
from tests.support.waiting import eventually


@pytest.fixture
def start(config):
    """Settings with free ports, one process of each kind, and what else is given."""

    def write(**settings) -> Path:
        ports = {key: {"listen": f"127.0.0.1:{free_port()}"} for key in ("console", "metrics")}
        own = {"listen": f"127.0.0.1:{free_port()}", "state_dir": "state", "workers": 1, "inspectors": {"workers": 1}}
        return config(**(own | ports | settings))

    return write


@pytest.fixture
def _own_metrics(folder, monkeypatch):
    """Metrics of this process stay in memory, and the variable that `run` sets is taken back."""
    assert metrics.CATALOGUE
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    yield
    structlog.reset_defaults()


def test_from_start_to_stop(start, capfd, folder, _own_metrics):  # noqa: PT019 - for its effect
    path = start()
    said = []

    def stop():
        try:
            eventually(lambda: said.append(capfd.readouterr().out) or "Try it:" in "".join(said), 60)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    code = main(["run", "--config", str(path)])
    thread.join()
    assert code == 0
    assert "Sluice is running" in "".join(said)
    assert (folder / "state" / "ca" / "sluice-ca.pem").exists()


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        pytest.param({"workrs": 1}, 2, "workrs: unknown key", id="settings"),
        pytest.param({"policy": "policy.yaml"}, 2, "policy.yaml:1: ", id="policy"),
        pytest.param({"state_dir": "policy.yaml"}, 1, "the state directory cannot be written", id="state"),
        pytest.param(
            {"policy": "policy.yaml", "state_dir": "policy.yaml"}, 2, "policy.yaml:1: ", id="configuration comes first"
        ),
    ],
)
def test_refused_start_says_why(start, capfd, folder, settings, code, told):
    (folder / "policy.yaml").write_text("version: one\n")
    assert main(["run", "--config", str(start(**settings))]) == code
    out, err = capfd.readouterr()
    assert (out, len([line for line in err.splitlines() if told in line])) == ("", 1)
    structlog.reset_defaults()


def test_started_by_the_demonstration_it_ends_with_it(start, monkeypatch):
    path = start(workrs=1)
    monkeypatch.setenv(PARENT, str(os.getpid()))
    assert in_child(lambda: main(["run", "--config", str(path)])) == 2


@pytest.mark.parametrize("key", ["listen", "console", "metrics"])
def test_every_port_is_looked_at(start, folder, key):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        settings = settings_of(str(start(**{key: address if key == "listen" else {"listen": address}})))
        with pytest.raises(StartError, match=rf"{address}: .* set another address as {key}"):
            prepare(settings)
    assert not (folder / "state").exists()


@pytest.mark.parametrize(
    ("settings", "notes"),
    [
        pytest.param({}, 2, id="default"),
        pytest.param(
            {"identity": {"required": True, "networks": {"10.0.0.0/8": "li"}}}, 1, id="nobody unknown may send"
        ),
        pytest.param({"geo": {"database": "."}}, 1, id="with a database"),
    ],
)
def test_announcement(capsys, folder, settings, notes):
    settings = Settings.model_validate({"state_dir": str(folder / "state"), **settings})
    announce(settings, folder / "state" / "ca" / "sluice-ca.pem")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Sluice is running: what leaves through it is read first."
    assert lines[1:6] == [
        "  proxy    http://127.0.0.1:8080",
        "  console  http://127.0.0.1:8081/",
        "  metrics  http://127.0.0.1:9464/metrics",
        "  CA       state/ca/sluice-ca.pem",
        "  state    state",
    ]
    assert sum(line.startswith("  note ") for line in lines) == notes
    assert lines[-1].startswith("  curl -x http://127.0.0.1:8080 --cacert state/ca/sluice-ca.pem ")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"tls": {"proxy_name": "proxy.example"}}, "           and over TLS at https://proxy.example:8080"),
        ({"tls": {"proxy_name": "proxy.example"}, "mode": "socks5"}, ""),
        ({}, ""),
    ],
    ids=["name", "SOCKS5 has none", "off"],
)
def test_announcement_of_tls_to_the_proxy(capsys, folder, given, line):
    announce(Settings.model_validate(given), folder / "ca.pem")
    lines = capsys.readouterr().out.splitlines()
    assert [one for one in lines if "over TLS" in one] == ([line] if line else [])


@pytest.mark.parametrize(
    ("mode", "proxy", "way"),
    [
        ("socks5", "socks5h://127.0.0.1:8080", "curl -x socks5h://127.0.0.1:8080 --cacert "),
        ("transparent", "redirected://127.0.0.1:8080", "curl --cacert "),
        ("upstream:http://proxy.example:3128", "http://127.0.0.1:8080", "curl -x http://127.0.0.1:8080 --cacert "),
    ],
    ids=["socks5", "transparent", "upstream"],
)
def test_announcement_by_mode(capsys, folder, mode, proxy, way):
    announce(Settings(mode=mode, state_dir=folder / "state"), folder / "ca.pem")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"  proxy    {proxy}"
    assert lines[-1].startswith(f"  {way}")


@pytest.mark.parametrize(("path", "shown"), [("a/b", "a/b"), ("/x", "/x")])
def test_paths_are_shown_as_one_would_type_them(folder, path, shown):
    assert near(folder / path) == shown


def test_policy_in_force_is_kept(start, folder):
    settings = settings_of(str(start()))
    keep_policy(settings)
    assert Kept(folder / "state").in_force() == load_policy(None).digest


def test_policy_that_cannot_be_kept_ends_the_start(start, folder):
    (folder / "state").mkdir()
    (folder / "state" / "policies").write_text("a file")
    with pytest.raises(StartError, match=r"state: the policy cannot be kept there \(File exists\)$"):
        keep_policy(settings_of(str(start())))
