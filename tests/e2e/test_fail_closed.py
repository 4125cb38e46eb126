"""Faults of every part, one at a time: nothing goes upstream, a record is kept where one can be, everything is given back."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from gateway.demo.samples import NEWS
from gateway.inspectors.client import InspectorClient
from gateway.limits import MIB
from tests.support.disks import fill, mounted
from tests.support.gateway import Gateway
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
URL = "https://upload.example.com/notes.txt"


@pytest.fixture
def gateway(tmp_path, origin):
    policy = tmp_path / "policy.yaml"
    policy.write_bytes(Path("gateway/policy/data/default.yaml").read_bytes())
    routes = {"upload.example.com:443": f"127.0.0.1:{origin.port}"}
    settings = {"policy": str(policy), "inspectors": {"workers": 1, "timeout_s": 20}}
    with Gateway(tmp_path, origin_ca=origin.ca, connect_to=routes, settings=settings) as gateway:
        yield gateway


def upload(gateway, data: bytes, *options: str) -> tuple[int, str]:
    """Status and body of one upload with curl; status 0 when the connection broke."""
    path = gateway.folder / "upload.bin"
    path.write_bytes(data)
    command = ["curl", "-sS", "-x", gateway.proxy, "--cacert", str(gateway.ca), "--max-time", "60", *options]
    done = subprocess.run([*command, "-w", "\n%{http_code}", "-T", str(path), URL], capture_output=True, check=False)
    text, _, status = done.stdout.decode().rpartition("\n")
    return int(status or 0), text


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [deeper for child in found for deeper in descendants(child)]


def pool_state(gateway):
    client = InspectorClient(str(gateway.state / "run" / "inspectors.sock"), 20)
    return asyncio.run(client.ping())


def slow_to_read() -> bytes:
    """Text that keeps an inspector busy for a while and holds nothing."""
    return ("日志 2026-11-21 12:00:00 GET /index.html 200 17ms 用户访问首页\n" * 200_000).encode()[: 14 * MIB]


def test_inspector_killed_while_reading(gateway, origin):
    (pool,) = gateway.pids("gateway.inspectors")[:1]
    pool = min(gateway.pids("gateway.inspectors"))
    before = gateway.metric("sluice_inspector_restarts_total")
    answers: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: answers.append(upload(gateway, slow_to_read())))
    thread.start()
    eventually(lambda: pool_state(gateway).busy)
    for pid in descendants(pool)[-1:]:
        os.kill(pid, signal.SIGKILL)
    thread.join(60)
    assert [status for status, _ in answers] == [403]
    assert origin.connections == 0
    eventually(lambda: gateway.metric("sluice_inspector_restarts_total") > before)
    eventually(lambda: pool_state(gateway).idle)
    assert upload(gateway, NEWS.encode())[0] == 200
    eventually(lambda: gateway.metric("sluice_spool_bytes") == 0)
    event = eventually(lambda: next((e for e in gateway.events() if e["verdict"]["action"] == "block"), None))
    assert event["outcome"] == "refused (403)"


def test_no_inspector_at_all(gateway, origin):
    for pid in gateway.pids("gateway.inspectors"):
        os.kill(pid, signal.SIGSTOP)
    try:
        # Nobody answers for longer than this client waits; the upload stays here all the same.
        status, _ = upload(gateway, NEWS.encode(), "--max-time", "4")
        assert (status, origin.connections) == (0, 0)
    finally:
        for pid in gateway.pids("gateway.inspectors"):
            os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: upload(gateway, NEWS.encode())[0] == 200)
    assert len(origin.requests) == 1


def test_broken_policy_on_reload_keeps_the_old_one(gateway, origin):
    policy = gateway.folder / "policy.yaml"
    before = gateway.metric("sluice_policy_reload_failures_total")
    policy.write_text(policy.read_text("utf-8").replace("action: block", "action: blok", 1), "utf-8")
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: gateway.metric("sluice_policy_reload_failures_total") > before)
    assert "policy.yaml:" in gateway.log()
    assert upload(gateway, NEWS.encode())[0] == 200
    assert upload(gateway, b"11010519491231002X")[0] == 403


def test_good_policy_on_reload_comes_into_force(gateway):
    policy = gateway.folder / "policy.yaml"
    assert upload(gateway, b"11010519491231002X")[0] == 403
    text = policy.read_text("utf-8")
    text = text.replace("rules:\n", "rules:\n  - id: test.all\n" + ALL, 1).replace(
        "\ncases:\n", "\ncases:\n" + SHOWN, 1
    )
    policy.write_text(text, "utf-8")
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: upload(gateway, NEWS.encode())[0] == 403)


def test_half_a_policy_reaches_no_worker_that_starts(gateway):
    """Whoever starts later loads what was found right, not what lies in the file now."""
    policy = gateway.folder / "policy.yaml"
    policy.write_text(policy.read_text("utf-8")[:2000], "utf-8")
    old = gateway.pids("addons")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: [pid for pid in gateway.pids("addons") if pid not in old], 40)
    eventually(lambda: upload(gateway, NEWS.encode())[0] == 200, 40)
    assert upload(gateway, b"11010519491231002X")[0] == 403


SHOWN = """  - {name: nothing goes there, to: {host: upload.example.com}, action: block, rules: [test.all]}
"""
ALL = """    when: {destination: {host: [upload.example.com]}}
    action: block
    basis: ["S001-3.3#2"]
    says: {zh: 测试规则。, en: A rule of the test.}
    guidance: {zh: 无。, en: None.}
    owner: test
    since: 2026-01-01
"""


@pytest.fixture
def small_disk(tmp_path):
    """A file system of sixteen megabytes for the journal."""
    (tmp_path / "state").mkdir()
    with mounted(tmp_path / "state" / "journal", "size=16m", "mode=700") as folder:
        yield folder


def test_full_journal_refuses_until_there_is_room(origin, small_disk, gateway):
    assert upload(gateway, NEWS.encode())[0] == 200
    filler = fill(small_disk)
    # What is left of the journal's last page may still take a record or two.
    eventually(lambda: upload(gateway, NEWS.encode())[0] == 403)
    origin.clear()
    assert (upload(gateway, NEWS.encode())[0], origin.connections) == (403, 0)
    assert gateway.metric("sluice_failures_total", part="journal") >= 1
    filler.unlink()
    eventually(lambda: upload(gateway, NEWS.encode())[0] == 200)


def test_read_only_journal_stops_the_start(tmp_path):
    (tmp_path / "state").mkdir()
    with (
        mounted(tmp_path / "state" / "journal", "ro"),
        pytest.raises(AssertionError, match=r"journal directory .* cannot be written"),
        Gateway(tmp_path),
    ):
        pass


def test_client_gone_in_the_middle_of_an_upload(gateway, origin):
    def worker_files() -> list[int]:
        return sorted(len(os.listdir(f"/proc/{pid}/fd")) for pid in gateway.pids("addons"))

    assert upload(gateway, NEWS.encode())[0] == 200
    eventually(lambda: gateway.metric("sluice_open_transfers") == 0)
    before = worker_files()
    origin.clear()
    raw = socket.create_connection(("127.0.0.1", gateway.port), 10)
    raw.sendall(b"CONNECT upload.example.com:443 HTTP/1.1\r\nHost: upload.example.com:443\r\n\r\n")
    assert b" 200 " in raw.recv(4096)
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with context.wrap_socket(raw, server_hostname="upload.example.com") as sock:
        sock.sendall(b"PUT /notes.txt HTTP/1.1\r\nHost: upload.example.com\r\nContent-Length: 9000000\r\n\r\n")
        sock.sendall(b"x" * 4_000_000)
    eventually(lambda: gateway.metric("sluice_open_transfers") == 0)
    eventually(lambda: worker_files() <= before)
    assert origin.connections == 0
    event = eventually(lambda: next((e for e in gateway.events() if e["outcome"] == "aborted"), None))
    assert event["verdict"]["action"] == "block"


def test_worker_killed_is_replaced(gateway, origin):
    worker = max(gateway.pids("addons"))
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: [pid for pid in gateway.pids("addons") if pid != worker])
    eventually(lambda: upload(gateway, NEWS.encode())[0] == 200, 40)
    assert upload(gateway, b"11010519491231002X")[0] == 403


def test_stop_drains_what_is_open(gateway, origin):
    origin.read_delay_s = 0.01
    try:
        answers: list[tuple[int, str]] = []
        thread = threading.Thread(target=lambda: answers.append(upload(gateway, NEWS.encode() * 20_000)))
        thread.start()
        eventually(lambda: origin.requests)
        gateway.process.send_signal(signal.SIGTERM)
        thread.join(60)
        assert [status for status, _ in answers] == [200]
        assert gateway.process.wait(45) == 0
    finally:
        origin.read_delay_s = 0.0
