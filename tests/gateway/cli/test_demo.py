"""`sluice demo`: the whole of it once, with a real gateway, and each piece by itself."""

import os
import re
import signal
import threading
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from gateway.cli import demo
from gateway.cli.demo import linger, prove, rules_of, show, signals_interrupt, started, summary
from gateway.cli.main import main
from gateway.demo.client import Answer
from gateway.demo.running import RunningGateway
from gateway.demo.samples import SAMPLES
from gateway.demo.service import Arrival, Service
from gateway.errors import StartError
from gateway.records.store import Store
from tests.samples.incidents import RECORDS, fill, identity
from tests.support.waiting import eventually

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def console(columns: int = 80) -> Console:
    return Console(file=StringIO(), width=columns, force_terminal=True, color_system=None, highlight=False)


def lines(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()


def answer(verdict: str = "", sha256: str = "", incident: str = "") -> Answer:
    return Answer(403 if verdict else 200, verdict, incident, "", 0.1, sha256)


PASSED = [answer(sha256="a" * 64), *[answer("block")] * 3, answer(sha256="b" * 64), *[answer("block")] * 5]
"""What becomes of the ten samples: the first and the fifth pass."""


def test_demonstration_in_a_terminal_until_somebody_ends_it(folder, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    said = []

    def stop():
        try:
            eventually(lambda: said.append(capfd.readouterr().out) or "Ctrl-C ends" in "".join(said), 90)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    code = main(["demo", "--keep"])
    thread.join()
    assert (code, capfd.readouterr().err) == (0, "stopping\n")
    told = ESCAPES.sub("", "".join(said)).replace("\r", "\n").splitlines()
    assert any(line.startswith("10 uploads in ") and line.endswith("2 forwarded, 8 blocked, 0 held.") for line in told)
    assert "  2 connections in all. Of what was refused, not one byte." in told
    assert any(line.startswith("console    http://127.0.0.1:") for line in told)
    assert all(cell_len(line) <= 80 for line in told)


def test_gateway_that_does_not_start(tmp_path):
    plain = Console(file=StringIO(), width=80)
    with Service(tmp_path, ("a.example",)) as service:
        service.ca = tmp_path / "missing.pem"
        with (
            pytest.raises(StartError, match=r"(?s)^the gateway did not start: .*upstream\.trusted_ca\.0"),
            started(plain, tmp_path, service),
        ):
            pass
    assert lines(plain) == ["starting the gateway"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_interrupt_and_are_put_back(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), signals_interrupt():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_interrupted_demonstration_has_failed(folder, monkeypatch):
    monkeypatch.setattr(demo, "started", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["demo", "--no-keep"]) == 1


def test_rules_that_stopped_it_come_first(tmp_path):
    fill(tmp_path / "sluice.db")
    found = rules_of(tmp_path, answer("hold", incident=identity(1)))
    assert [rule["id"] for rule in found] == [
        "overseas.personal-information",
        "sensitive.unencrypted",
        "draft.source-code",
    ]
    assert rules_of(tmp_path, answer()) == []


def test_record_that_does_not_come(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "INDEX_S", 0.2)
    Store.open(tmp_path / "sluice.db").close()
    with pytest.raises(StartError, match=f"no record of {identity(1)} within 0 s"):
        rules_of(tmp_path, answer("block", incident=identity(1)))


def test_what_was_stopped_has_rule_and_sentence():
    rules = RECORDS[0]["verdict"]["rules"][:2]
    one = console()
    show(one, 3, SAMPLES[2], answer("block"), rules, "en")
    assert lines(one) == [
        " 3 block  身份证名单, resident IDs of ten people, to WeCom",
        "          sensitive.unencrypted + overseas.personal-information  The upload",
        "          holds sensitive information that is not encrypted (resident ID number",
        "          × 12), so it was not sent.",
    ]
    one = console()
    show(one, 3, SAMPLES[2], answer("block"), [rules[0] | {"says": {}}], "zh")
    assert "发现 cn.resident-id × 12。" in lines(one)[1]


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ("zh", "          forwarded  内容已检查，没有敏感信息，已转发。"),
        ("en", "          forwarded  It was read, nothing sensitive was found, and it was sent"),
    ],
)
def test_what_passed_has_a_sentence_too(wanted, line):
    one = console()
    show(one, 1, SAMPLES[0], answer(), [], wanted)
    assert lines(one)[1] == line


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
@pytest.mark.parametrize("wanted", ["zh", "en"])
def test_titles_fit_and_every_sample_has_both_languages(sample, wanted):
    assert cell_len(sample.title[wanted]) <= 70
    assert set(sample.passes) in (set(), {"zh", "en"})


def test_nothing_is_left_running_unasked(tmp_path):
    one = console()
    linger(one, RunningGateway(tmp_path, Service(tmp_path, ())), keep=False)
    assert lines(one) == []


def test_summary():
    one = console()
    summary(one, [*PASSED[:9], answer("hold")], 12.4)
    assert lines(one) == ["", "10 uploads in 12 s: 2 forwarded, 7 blocked, 1 held."]


def test_log_of_the_services_is_the_proof():
    service = Service(Path("/nowhere"), ())
    service.connections = 2
    service.arrived = [Arrival("a.example", "/up", 9, "b" * 64), Arrival("a.example", "/up", 7, "a" * 64)]
    one = console()
    prove(one, PASSED, service)
    assert lines(one) == [
        "The log of the stand-in services:",
        "  POST a.example/up",
        "    9 bytes, sha256 bbbbbbbbbbbbbbbb…: contract-aes.zip, every byte as sent",
        "  POST a.example/up",
        "    7 bytes, sha256 aaaaaaaaaaaaaaaa…: notice.txt, every byte as sent",
        "  2 connections in all. Of what was refused, not one byte.",
        "",
    ]


@pytest.mark.parametrize(
    "arrived",
    [[], ["a" * 64], ["a" * 64, "b" * 64, "c" * 64], ["a" * 64, "c" * 64]],
    ids=["nothing", "one is missing", "one too many", "another"],
)
def test_log_that_proves_the_contrary(arrived):
    service = Service(Path("/nowhere"), ())
    service.arrived = [Arrival("a.example", "/up", 1, sha256) for sha256 in arrived]
    one = console()
    with pytest.raises(StartError, match="is not what was let through"):
        prove(one, PASSED, service)
    assert ("not what was sent" in one.file.getvalue()) is ("c" * 64 in arrived)
