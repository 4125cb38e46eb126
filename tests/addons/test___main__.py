"""The composition root: what a worker is made of, and how it ends when it cannot start."""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import date

import pytest

from addons.__main__ import PolicyInForce, build_judge
from addons.ca import ensure_ca
from addons.loop import GatewayLoop
from gateway.config import load_settings
from gateway.policy.kept import Kept
from gateway.policy.load import load_text
from metrics import catalogue as metrics
from tests.support.gateway import free_port


def write(tmp_path, **given) -> str:
    config = tmp_path / "sluice.yaml"
    config.write_text(json.dumps({"state_dir": "state", "listen": f"127.0.0.1:{free_port()}", **given}), "utf-8")
    for name in ("run", "spool", "journal"):
        (tmp_path / "state" / name).mkdir(parents=True, exist_ok=True)
    return str(config)


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "addons", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_judge_is_made_from_the_settings(tmp_path):
    settings = load_settings(write(tmp_path, identity={"required": True, "networks": {"10.0.0.0/8": "zhang"}}), {})
    loop = GatewayLoop()
    judge, policy = build_judge(settings, loop, 3)
    try:
        assert (judge.identity_required, judge.routes is loop.routes, judge.policy()) == (True, True, policy.policy)
        assert [path.name.split(".")[-5] for path in (tmp_path / "state" / "journal").glob("*.jsonl")] == ["3"]
    finally:
        judge.journal.close()
        judge.uploads.close()
        loop.close()


def test_bad_reload_keeps_the_old_policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nrules: []\n", "utf-8")
    inforce = PolicyInForce(str(path))
    old = inforce()
    before = metrics.POLICY_RELOAD_FAILURES._value.get()
    path.write_text("version: 1\nrules: [{id: x}]\n", "utf-8")
    inforce.reload()
    assert (inforce(), metrics.POLICY_RELOAD_FAILURES._value.get()) == (old, before + 1)
    path.write_text("version: 1\nsettings: {size_unit: MB}\nrules: []\n", "utf-8")
    inforce.reload()
    assert inforce().digest != old.digest
    assert metrics.POLICY_INFO.labels(digest=inforce().digest)._value.get() == 1


def test_what_was_put_in_force_counts_whatever_the_file_says(tmp_path):
    path, kept = tmp_path / "policy.yaml", Kept(tmp_path / "state")
    path.write_text("version: 1\nsettings: {size_unit: MB}\n", "utf-8")
    from_file = PolicyInForce(str(path), kept)().digest
    text = "version: 1\nrules: []\n"
    kept.put_in_force(text, load_text(text, "p.yaml").digest)
    path.write_text("version: 1\nrul", "utf-8")
    inforce = PolicyInForce(str(path), kept)
    assert inforce().digest == kept.in_force() != from_file


def test_damaged_copy_keeps_the_old_policy(tmp_path):
    kept = Kept(tmp_path / "state")
    text = "version: 1\nrules: []\n"
    kept.put_in_force(text, load_text(text, "p.yaml").digest)
    inforce = PolicyInForce(None, kept)
    old, before = inforce(), metrics.POLICY_RELOAD_FAILURES._value.get()
    kept.put_in_force("version: 1\nrul", "0" * 64)
    inforce.reload()
    assert (inforce(), metrics.POLICY_RELOAD_FAILURES._value.get()) == (old, before + 1)


def test_worker_listens_says_so_and_ends_on_sigterm(tmp_path):
    config = write(tmp_path)
    ensure_ca(tmp_path / "state" / "ca")
    port = load_settings(config, {}).listen.port
    read, wrote = os.pipe()
    worker = subprocess.Popen(
        [sys.executable, "-m", "addons", "--config", config, "--ready-fd", str(wrote)],
        pass_fds=(wrote,),
        stderr=subprocess.PIPE,
    )
    os.close(wrote)
    try:
        assert os.read(read, 1) == b"1", worker.stderr.read()
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n")
            assert b" 403 " in sock.recv(4096)
    finally:
        os.close(read)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)
    assert worker.returncode == 0, said


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        pytest.param({"listn": 1}, 2, "unknown key", id="unknown key"),
        pytest.param({"policy": "sluice.yaml"}, 2, "sluice.yaml:1", id="no policy"),
        pytest.param({"upstream": {"trusted_ca": ["sluice.yaml"]}}, 1, "needs a PEM certificate", id="no certificate"),
    ],
)
def test_bad_start(tmp_path, given, code, says):
    worker = start("--config", write(tmp_path, **given))
    _, said = worker.communicate(timeout=60)
    assert (worker.returncode, says in said.decode(), b"Traceback" in said) == (code, True, False), said.decode()


EXCEPTION = """version: 1
exceptions:
  - {id: e1, rules: r, actor: {user: zhang}, ticket: T-1, approver: li, owner: it, expires: 2099-01-01}
  - {id: e2, rules: r, actor: {user: zhang}, ticket: T-2, approver: li, owner: it, expires: 2020-01-01}
rules:
  - id: r
    when: {destination: {category: messaging}}
    action: block
    basis: ["S001-3.3#2"]
    says: {zh: 测试规则。, en: A rule of the test.}
    guidance: {zh: 无。, en: None.}
    owner: test
    since: 2026-01-01
"""


def test_exceptions_that_apply_today_are_counted(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(EXCEPTION, "utf-8")
    inforce = PolicyInForce(str(path))
    assert metrics.EXCEPTIONS_ACTIVE._value.get() == 1
    inforce.counted_on = date(2026, 1, 1)
    metrics.EXCEPTIONS_ACTIVE.set(7)
    assert inforce() is inforce.policy
    assert metrics.EXCEPTIONS_ACTIVE._value.get() == 1
