import ctypes
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.process import PARENT
from gateway.records.__main__ import main, stop_on_signals
from gateway.records.recorder import only_one
from tests.samples.records import body, open_journal, outcome, write_journal
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text("state_dir: state\n")
    return path


@pytest.fixture
def signals():
    """Puts the process's own handlers and its fate when its parent ends back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)


def _told(config):
    events = config.parent / "state" / "events.jsonl"
    return [json.loads(line)["outcome"] for line in events.read_text().splitlines()] if events.exists() else []


@pytest.mark.parametrize("supervised", [pytest.param(False, id="alone"), pytest.param(True, id="supervised")])
def test_the_process_records_until_sigterm_and_drains(config, supervised):
    environment = {**os.environ, **({PARENT: str(os.getpid())} if supervised else {})}
    command = [sys.executable, "-m", "gateway.records", "--config", config]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        journal = open_journal(config.parent / "state" / "journal")
        journal.append("verdict", body(1)).result()
        journal.append("outcome", outcome(1)).result()
        eventually(lambda: _told(config))
        if supervised:
            process.send_signal(signal.SIGINT)  # Ctrl-C goes to all; the supervisor says when it is the recorder's turn
        journal.append("verdict", body(2)).result()
        journal.append("outcome", outcome(2, "forwarded (200)")).result()
        journal.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert _told(config) == ["refused (403)", "forwarded (200)"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it(signals, monkeypatch, number):
    monkeypatch.delenv(PARENT, raising=False)
    stop = stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    assert stop.wait(20)


def test_under_a_supervisor_an_interrupt_is_left_to_it(signals, monkeypatch):
    code = "import os, signal; from gateway.records.__main__ import stop_on_signals; stop = stop_on_signals();"
    code += "os.kill(os.getpid(), signal.SIGINT); assert not stop.is_set(); os.kill(os.getpid(), signal.SIGTERM);"
    code += "assert stop.wait(20)"
    environment = {**os.environ, PARENT: str(os.getpid())}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False).returncode == 0
    monkeypatch.setenv(PARENT, str(os.getppid()))
    stop = stop_on_signals()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert not stop.is_set()


def test_rebuild(config, capsys):
    write_journal(config.parent / "state" / "journal", [1])
    assert main(["--config", str(config), "rebuild"]) == 0
    assert capsys.readouterr().out == "the store was built again from the journals\n"
    assert _told(config) == ["refused (403)"]
    (config.parent / "state" / "sluice.db").write_bytes(b"noise")
    assert main(["--config", str(config), "rebuild"]) == 0
    assert "the old store could not be read and is now " in capsys.readouterr().out


def test_run_ends_well_after_sigterm(config, signals, monkeypatch):
    monkeypatch.delenv(PARENT, raising=False)
    write_journal(config.parent / "state" / "journal", [1])

    def stop_when_told():
        eventually(lambda: _told(config))
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop_when_told)
    thread.start()
    assert main(["--config", str(config)]) == 0
    thread.join()
    assert _told(config) == ["refused (403)"]


def test_a_second_recorder_is_told(config, capsys, signals, monkeypatch):
    monkeypatch.delenv(PARENT, raising=False)
    with only_one(config.parent / "state" / "recorder.lock"):
        assert main(["--config", str(config)]) == 1
    assert "another recorder holds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        pytest.param("nonsense: 1\n", 2, "sluice.yaml:1: nonsense: unknown key", id="unknown key"),
        pytest.param("state_dir: /dev/null/state\n", 1, "recorder.lock cannot be made", id="state directory"),
    ],
)
def test_what_is_wrong_is_told(config, capsys, signals, monkeypatch, text, code, message):
    monkeypatch.delenv(PARENT, raising=False)
    config.write_text(text)
    assert main(["--config", str(config)]) == code
    assert message in capsys.readouterr().err


def test_wrong_usage_as_a_program(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["recorder", "nonsense"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "gateway" / "records" / "__main__.py"), run_name="__main__")
    assert caught.value.code == 2
    assert "invalid choice: 'nonsense'" in capsys.readouterr().err
