"""The demonstration's gateway: what it is told, how it is asked, how it ends."""

import json
import os
import signal
import socket
import subprocess
import threading
from types import SimpleNamespace

import pytest

from gateway.config import load_settings
from gateway.demo import running
from gateway.demo.running import RunningGateway, free_ports, is_ready
from gateway.errors import StartError
from gateway.process import PARENT
from tests.support.waiting import eventually


@pytest.fixture
def service(tmp_path):
    (tmp_path / "ca.pem").write_text("")
    return SimpleNamespace(ca=tmp_path / "ca.pem", port=9443, hosts=("a.example", "b.example"))


def answering(reply: bytes) -> int:
    """Port of a server that gives one answer."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as client:
            client.recv(4096)
            client.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("reply", "ready"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n", False),
        (b"nonsense\r\n\r\n", False),
        (b"", False),
    ],
    ids=["ready", "not yet", "no HTTP", "closed"],
)
def test_readiness(reply, ready):
    assert is_ready(answering(reply)) is ready


def test_nobody_there():
    assert not is_ready(free_ports(1)[0])


def test_ports_differ():
    assert len(set(free_ports(20))) == 20


class Program(RunningGateway):
    """Runs a shell script of the test's in place of the gateway, with the gateway's words as its arguments."""

    def run(self, script, monkeypatch):
        start = subprocess.Popen
        monkeypatch.setattr(
            running.subprocess,
            "Popen",
            lambda command, **options: start(["/bin/sh", "-c", script, *command], **options),
        )
        return self


def test_settings_lead_every_service_to_the_stand_in(tmp_path, service, monkeypatch):
    monkeypatch.setenv("SLUICE__LISTEN", "127.0.0.1:1")
    gateway = Program(tmp_path, service).run(f'env >{tmp_path}/env; echo "$@" >{tmp_path}/words; exit 1', monkeypatch)
    with pytest.raises(StartError, match=r"^the gateway did not start: it said nothing$"), gateway:
        pass
    settings = load_settings(str(gateway.config), {})
    routes = {str(key): str(value) for key, value in settings.upstream.connect_to.items()}
    assert routes == {"a.example:443": "127.0.0.1:9443", "b.example:443": "127.0.0.1:9443"}
    assert (settings.state_dir, settings.upstream.trusted_ca) == (tmp_path / "state", (service.ca,))
    assert {settings.listen.port, settings.console.listen.port, settings.metrics.listen.port} == {
        gateway.port,
        gateway.console_port,
        gateway.metrics_port,
    }
    assert gateway.ca == tmp_path / "state" / "ca" / "sluice-ca.pem"
    told = (tmp_path / "env").read_text().splitlines()
    assert f"{PARENT}={os.getpid()}" in told
    assert not [line for line in told if line.startswith("SLUICE__")]
    assert (tmp_path / "words").read_text().split() == [
        "-m",
        "gateway.cli.main",
        "run",
        "--config",
        str(gateway.config),
    ]
    assert json.loads(gateway.config.read_text())


def test_last_words_are_told(tmp_path, service, monkeypatch):
    gateway = Program(tmp_path, service).run("echo $(seq 400) the port is taken >&2; exit 1", monkeypatch)
    with pytest.raises(StartError, match=r"the port is taken$") as caught, gateway:
        pass
    assert len(str(caught.value)) < 900


def test_it_is_waited_for_and_ended(tmp_path, service, monkeypatch):
    waits = []
    gateway = Program(tmp_path, service, lambda: waits.append(1)).run(
        f"trap 'echo ended >{tmp_path}/ended; exit 0' TERM; while :; do sleep 0.05; done", monkeypatch
    )
    monkeypatch.setattr(running, "is_ready", lambda port: port == gateway.console_port and len(waits) == 2)
    with gateway as started:
        assert started is gateway
    assert (tmp_path / "ended").exists()
    assert len(waits) == 2


def test_it_is_not_waited_for_for_ever(tmp_path, service, monkeypatch):
    monkeypatch.setattr(running, "START_S", 0.2)
    gateway = Program(tmp_path, service).run("exec sleep 60", monkeypatch)
    with pytest.raises(StartError, match="it said nothing"), gateway:
        pass
    assert gateway._process.returncode == -signal.SIGTERM


def test_one_that_does_not_end_is_killed(tmp_path, service, monkeypatch):
    monkeypatch.setattr(running, "STOP_S", 0.2)
    monkeypatch.setattr(running, "is_ready", lambda port: True)
    with Program(tmp_path, service).run(
        f"trap '' TERM; touch {tmp_path}/armed; while :; do sleep 0.05; done", monkeypatch
    ) as gateway:
        eventually((tmp_path / "armed").exists)
    assert gateway._process.returncode == -signal.SIGKILL


def test_second_ctrl_c_is_handed_on(tmp_path, service, monkeypatch):
    monkeypatch.setattr(running, "is_ready", lambda port: True)
    script = f"trap '' TERM; trap 'exit 3' INT; touch {tmp_path}/armed; while :; do sleep 0.05; done"
    with Program(tmp_path, service).run(script, monkeypatch) as gateway:
        eventually((tmp_path / "armed").exists)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert gateway._process.returncode == 3
