"""The unit: what systemd says of it, and a real gateway that inspects an upload under what it leaves allowed."""

import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from gateway.inspectors.sandbox import Layer
from gateway.supervisor import STOP_S
from tests.support.gateway import free_port
from tests.support.origin import Origin
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "systemd" / "sluice.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian package systemd)"
)

DIRECTIVES = {
    "Unit": {"Description", "After", "Wants", "StartLimitIntervalSec", "StartLimitBurst"},
    "Service": {
        *("Type", "User", "Group", "ExecStart", "ExecReload", "KillSignal", "KillMode"),
        *("TimeoutStopSec", "Restart", "RestartSec", "RestartPreventExitStatus", "OOMPolicy"),
        *("StateDirectory", "StateDirectoryMode", "ConfigurationDirectory", "WorkingDirectory", "UMask"),
        *("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectProc"),
        *("LimitNOFILE", "LimitCORE", "TasksMax", "MemoryHigh", "MemoryMax"),
        *("NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities", "ProtectKernelTunables"),
        *("ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProtectClock", "ProtectHostname"),
        *("LockPersonality", "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "RemoveIPC"),
        *("KeyringMode", "RestrictAddressFamilies", "RestrictNamespaces", "SystemCallFilter"),
        *("SystemCallErrorNumber", "SystemCallArchitectures"),
    },
    "Install": {"WantedBy"},
}


def unit():
    """Section → directive → its values, in order."""
    found, section = {}, ""
    for line in UNIT.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(section, {}).setdefault(key, []).append(value)
    return found


SERVICE = unit()["Service"]


def test_every_directive_is_one_that_systemd_has():
    """A misspelt directive is ignored with a warning, and the protection with it."""
    assert {section: set(keys) for section, keys in unit().items()} == DIRECTIVES


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("User", "sluice"),
        ("StateDirectory", "sluice"),
        ("StateDirectoryMode", "0700"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("KillSignal", "SIGTERM"),
        # the supervisor drains its processes in order; a SIGTERM to all at once would end the recorder first
        ("KillMode", "mixed"),
        ("LimitNOFILE", "65536"),
        ("RestartPreventExitStatus", "2"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
        ("RestrictNamespaces", "user net ipc"),
        ("SystemCallErrorNumber", "EPERM"),
    ],
)
def test_protections(directive, value):
    assert SERVICE[directive] == [value]


def test_it_is_given_the_time_to_drain():
    assert int(SERVICE["TimeoutStopSec"][0]) > sum(STOP_S.values())


def test_it_runs_the_gateway_and_nothing_before_it():
    """A check in ExecStartPre would be tried again and again: RestartPreventExitStatus looks at the main process."""
    assert SERVICE["ExecStart"] == ["/opt/sluice/bin/sluice run --config /etc/sluice/sluice.yaml"]
    assert not {"ExecStartPre", "ExecCondition"} & set(SERVICE)


@pytest.fixture
def installed(tmp_path):
    """The unit as if the program stood at its place; systemd looks whether it does."""
    copy = tmp_path / "sluice.service"
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/sluice/bin/sluice", "/bin/true"), "utf-8")
    return copy


@needs_systemd
def test_systemd_finds_no_fault(installed):
    done = subprocess.run(["systemd-analyze", "verify", installed], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_calls_its_exposure_low(installed):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", installed],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-400:]


def allowed_calls() -> list[str]:
    """The system calls that the unit's filter lets through, by the groups of the systemd that is installed."""
    listing = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    groups, current = {}, []
    for line in listing.splitlines():
        if line.startswith("@"):
            current = groups.setdefault(line.strip(), [])
        elif line.startswith(" ") and not line.strip().startswith("#"):
            current.append(line.strip())

    def members(name):
        return {call for inner in groups[name] for call in members(inner)} if name.startswith("@") else {name}

    words = " ".join(SERVICE["SystemCallFilter"]).split()
    assert not any(word.startswith("~") for word in words), "tests/support/confined.py knows lists of what is allowed"
    return sorted(set().union(*(members(word) for word in words)))


@pytest.fixture
def folder():
    """A folder that every user may pass through, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="sluice-") as name:
        Path(name).chmod(0o755)
        (Path(name) / "state").mkdir()
        yield Path(name)


def pdf(text):
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 720, text)
    canvas.save()
    return buffer.getvalue()


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def upload(proxy, body, name):
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Host": "upload.example"}
    with closing(http.client.HTTPConnection("127.0.0.1", proxy, timeout=60)) as connection:
        connection.request("POST", "http://upload.example/u", head + body + b"\r\n--b--\r\n", headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("X-Sluice-Verdict")


@pytest.mark.e2e
@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take rights away as systemd does")
def test_a_gateway_inspects_uploads_under_what_the_unit_allows(folder):
    """Read-only system, no capability, the filter of system calls: ready, all layers of the sandbox, right verdicts."""
    proxy, console, metrics = free_port(), free_port(), free_port()
    calls, config, log = folder / "calls", folder / "sluice.yaml", folder / "log"
    calls.write_text("\n".join(allowed_calls()), "utf-8")
    with Origin(folder, names=("upload.example",)) as origin:
        settings = {
            "listen": f"127.0.0.1:{proxy}",
            "console": {"listen": f"127.0.0.1:{console}"},
            "metrics": {"listen": f"127.0.0.1:{metrics}"},
            "state_dir": str(folder / "state"),
            "workers": 1,
            "inspectors": {"workers": 1},
            "upstream": {"connect_to": {"*:80": f"127.0.0.1:{origin.plain_port}"}},
        }
        config.write_text(json.dumps(settings), "utf-8")
        confined = [sys.executable, "-m", "tests.support.confined", folder / "state", calls]
        gateway = [sys.executable, "-m", "gateway.cli.main", "run", "--config", config]
        with log.open("wb") as output:
            process = subprocess.Popen([*confined, *gateway], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:

            def ready():
                assert process.poll() is None, log.read_text("utf-8")[-3000:]
                try:
                    return fetch(f"http://127.0.0.1:{console}/readyz")
                except OSError:
                    return ""

            assert json.loads(eventually(ready, within_s=60))["ready"] is True
            shown = fetch(f"http://127.0.0.1:{metrics}/metrics")
            layers = dict(re.findall(r'^sluice_sandbox_layers\{layer="([^"]+)"\} (\S+)$', shown, re.MULTILINE))
            assert layers == {layer.value: "1.0" for layer in Layer}
            assert upload(proxy, pdf("minutes of the meeting"), "minutes.pdf") == (200, None)
            assert upload(proxy, pdf("ID 11010519491231002X"), "list.pdf") == (403, "block")
            assert [seen.complete for seen in origin.requests] == [True]
            process.send_signal(signal.SIGHUP)
            assert eventually(lambda: "policy reloaded" in log.read_text("utf-8"))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(sum(STOP_S.values())) == 0
