import ctypes
import ipaddress
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

import pytest

from gateway.console import __main__ as console_main
from gateway.console.__main__ import bind, main
from gateway.errors import RecordError, StartError
from gateway.identity.leases import Leases
from gateway.records.verify import verify_directory
from gateway.settings import Address
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def config(tmp_path):
    def written(listen):
        path = tmp_path / "sluice.yaml"
        path.write_text(f"state_dir: state\nconsole: {{listen: '{listen}'}}\n")
        return path

    return written


@pytest.fixture(autouse=True)
def own_fate():
    """This process is not to end with its parent, whatever `main` asked of the kernel."""
    yield
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)


def _asked(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read(), dict(answer.headers)
    except OSError:
        return None


@pytest.mark.parametrize(
    ("host", "warned"),
    [pytest.param("127.0.0.1", False, id="loopback"), pytest.param("0.0.0.0", True, id="everywhere")],
)
def test_the_process_answers_until_sigterm(config, port, tmp_path, host, warned):
    command = [sys.executable, "-m", "gateway.console", "--config", config(f"{host}:{port}")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        body, headers = eventually(lambda: _asked(f"http://127.0.0.1:{port}/healthz"))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    assert (body, process.returncode) == (b"ok\n", 0)
    assert "server" not in {name.lower() for name in headers}
    expected = (
        f"sluice: the console has no login yet and listens on {host}:{port}: whoever can reach that address can read "
        "every incident; set console.listen to 127.0.0.1, or let a firewall decide who may connect\n"
    )
    assert told.decode() == (expected if warned else "")
    assert (tmp_path / "state" / "sluice.db").exists()


def test_ipv6(port):
    with bind(Address("::1", port)) as listener:
        assert listener.getsockname()[:2] == ("::1", port)


def test_a_port_in_use_is_one_sentence(config, port, capsys):
    with socket.create_server(("127.0.0.1", port)):
        assert main(["--config", str(config(f"127.0.0.1:{port}"))]) == 1
    assert capsys.readouterr().err == (
        f"sluice: the console cannot listen on 127.0.0.1:{port} (Address already in use); stop what uses that address, "
        "or set another one as console.listen\n"
    )


def test_a_host_that_is_not_this_machine():
    with pytest.raises(StartError, match=r"cannot listen on no\.such\.host\.invalid:8081 \(.+\); stop what"):
        bind(Address("no.such.host.invalid", 8081))


def test_a_wrong_setting(config, tmp_path, capsys):
    assert main(["--config", str(config("everywhere"))]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'sluice.yaml'}:2: ")


def test_a_store_that_cannot_be_made(config, tmp_path, capsys, port):
    (tmp_path / "state" / "sluice.db").mkdir(parents=True)
    assert main(["--config", str(config(f"127.0.0.1:{port}"))]) == 1
    assert capsys.readouterr().err.startswith(f"sluice: the store {tmp_path / 'state' / 'sluice.db'} cannot be opened")


def test_as_a_module(config, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gateway.console", "--config", os.fspath(config("everywhere"))])
    monkeypatch.delitem(sys.modules, "gateway.console.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("gateway.console", run_name="__main__")
    assert caught.value.code == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_serving_in_this_process(config, port, capsys, host):
    """The same as the process above, where coverage sees it: a thread asks, then sends the signal that ends it."""
    answers = []

    def ask():
        answers.append(eventually(lambda: _asked(f"http://127.0.0.1:{port}/healthz")))
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    thread = Thread(target=ask)
    thread.start()
    try:
        assert main(["--config", str(config(f"{host}:{port}"))]) == 0
    finally:
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert answers[0][0] == b"ok\n"
    assert ("has no login yet" in capsys.readouterr().err) is (host == "0.0.0.0")


def told(port, token, body):
    """Status of a change of who has 10.1.2.3; None while nobody answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/addresses/10.1.2.3",
        body,
        {"authorization": f"Bearer {token}"},
        method="PUT",
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def test_addresses_are_told_with_a_token_and_each_change_is_journalled(tmp_path, port):
    (tmp_path / "token").write_text("t" * 32 + "\n", "ascii")
    config = tmp_path / "sluice.yaml"
    config.write_text(
        f"state_dir: state\nconsole: {{listen: '127.0.0.1:{port}'}}\nidentity: {{api_token_file: token}}\n"
    )
    body = b'{"user": "zhang.wei", "ttl_s": 60}'
    with subprocess.Popen([sys.executable, "-m", "gateway.console", "--config", config], cwd=ROOT) as process:
        assert eventually(lambda: told(port, "t" * 32, body)) == 200
        assert told(port, "x" * 32, body) == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    leases = Leases(tmp_path / "state" / "addresses.db", time.time)
    assert leases.user_of(ipaddress.ip_address("10.1.2.3")) == "zhang.wei"
    leases.close()
    (journal,) = (tmp_path / "state" / "journal").glob("*.jsonl")
    lines = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert [line["kind"] for line in lines] == ["open", "system", "close"]
    change = lines[1]["body"]
    assert (change["event"], change["address"], change["user"], change["by"]) == (
        "address.set",
        "10.1.2.3",
        "zhang.wei",
        "127.0.0.1",
    )
    assert verify_directory(tmp_path / "state" / "journal", []).ok


def test_a_token_that_could_be_guessed_stops_the_start(tmp_path, port, capsys):
    (tmp_path / "token").write_text("short", "ascii")
    config = tmp_path / "sluice.yaml"
    config.write_text(
        f"state_dir: state\nconsole: {{listen: '127.0.0.1:{port}'}}\nidentity: {{api_token_file: token}}\n"
    )
    assert main(["--config", str(config)]) == 2
    assert "must hold a token of at least 32 ASCII characters" in capsys.readouterr().err


class Silent:
    """A journal that never comes to an end."""

    def append(self, _kind, _body):
        return Future()


def test_a_change_that_the_journal_does_not_confirm_is_refused(monkeypatch):
    monkeypatch.setattr(console_main, "RECORD_S", 0.01)
    with pytest.raises(RecordError, match="could not be recorded"):
        console_main.write(Silent(), {})
