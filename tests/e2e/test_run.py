"""`sluice run` as people start, watch and stop it: what it says, makes, replaces and leaves behind."""

import os
import signal
import stat
from pathlib import Path

import pytest

from gateway.cli.preflight import STATE_FOLDERS
from tests.support.gateway import Gateway
from tests.support.pool import is_alive
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
MIB = 1 << 20
KINDS = {
    "inspectors": "gateway.inspectors",
    "recorder": "gateway.records",
    "worker": "addons",
    "console": "gateway.console",
}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [deeper for child in found for deeper in descendants(child)]


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    settings = {"workers": 2, "policy": "policy.yaml"}
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "policy.yaml").write_bytes(Path("gateway/policy/data/default.yaml").read_bytes())
    with Gateway(folder, settings=settings) as gateway:
        yield gateway


def test_it_says_where_everything_is(gateway):
    log = eventually(lambda: "Try it:" in gateway.log() and gateway.log())
    for line in (
        f"  proxy    http://127.0.0.1:{gateway.port}\n",
        f"  console  http://127.0.0.1:{gateway.console_port}/\n",
        f"  metrics  http://127.0.0.1:{gateway.metrics_port}/metrics\n",
        "  note     identity.required is false: senders nobody knows are let through\n",
    ):
        assert line in log
    assert f"curl -x http://127.0.0.1:{gateway.port} --cacert " in log
    assert gateway.ca.read_text("ascii").startswith("-----BEGIN CERTIFICATE-----")


def test_state_is_closed_to_others(gateway):
    for name in ("", *STATE_FOLDERS):
        assert stat.S_IMODE((gateway.state / name).stat().st_mode) == 0o700, name
    others = [
        path
        for path in gateway.state.rglob("*")
        if path.is_file() and path.name != "sluice-ca.pem" and stat.S_IMODE(path.stat().st_mode) & 0o007
    ]
    assert [path for path in others if path.parent.name not in {"metrics", "ca"}] == []
    assert stat.S_IMODE((gateway.state / "ca" / "mitmproxy-ca.pem").stat().st_mode) == 0o600


def test_supervisor_is_small(gateway):
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    (resident,) = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")]
    assert resident < 80 * MIB


def test_version_is_told(gateway):
    assert gateway.metric("sluice_build_info", version="0.1.0") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_killed_is_replaced_and_counted(gateway, kind):
    supervisor = gateway.process.pid
    files, before = open_files(supervisor), gateway.metric("sluice_process_restarts_total", kind=kind)
    victim = next(pid for pid in gateway.pids(KINDS[kind]) if pid in children(supervisor))
    count = len(children(supervisor))
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: gateway.metric("sluice_process_restarts_total", kind=kind) == before + 1)
    eventually(lambda: len(children(supervisor)) == count and victim not in children(supervisor))
    gateway.wait_ready()
    eventually(lambda: open_files(supervisor) <= files)


def test_reload_of_something_wrong_names_the_line(gateway):
    policy = gateway.folder / "policy.yaml"
    text = policy.read_text("utf-8")
    before = gateway.metric("sluice_policy_reload_failures_total")
    policy.write_text(text.replace("version: 1", "version: one", 1), "utf-8")
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: gateway.metric("sluice_policy_reload_failures_total") == before + 1)
    assert f"{policy}:" in gateway.log()
    policy.write_text(text, "utf-8")


def test_killed_supervisor_takes_everything_along_and_may_start_again(gateway):
    family = descendants(gateway.process.pid)
    assert len(family) >= 5
    gateway.process.kill()
    gateway.process.wait()
    eventually(lambda: not [pid for pid in family if is_alive(pid)])
    with Gateway(gateway.folder, settings={"state_dir": str(gateway.state)}) as again:
        family = descendants(again.process.pid)
    assert again.process.returncode == 0
    assert not [pid for pid in family if is_alive(pid)]
    assert not (gateway.state / "run" / "inspectors.sock").exists()
