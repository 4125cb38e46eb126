"""What people get wrong, and clients that speak nonsense: one sentence or every problem, nothing left behind."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.disks import mounted
from tests.support.gateway import Gateway, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
COMMAND = [sys.executable, "-m", "gateway.cli.main"]


def write_settings(folder: Path, **settings) -> Path:
    """A settings file with ports that are free and the state beside it."""
    own = {
        "listen": f"127.0.0.1:{free_port()}",
        "console": {"listen": f"127.0.0.1:{free_port()}"},
        "metrics": {"listen": f"127.0.0.1:{free_port()}"},
        "workers": 1,
        "inspectors": {"workers": 1},
    }
    path = folder / "sluice.yaml"
    path.write_text(json.dumps(own | settings, indent=1), "utf-8")
    return path


def sluice(*arguments: str, config: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments, "--config", str(config)], capture_output=True, text=True, timeout=90, check=False
    )
    assert "Traceback" not in done.stderr
    eventually(lambda: not processes_of(config))
    return done


def processes_of(config: Path) -> list[str]:
    """Command lines of processes that were given the settings file."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if str(config) in words:
                found.append(words)
    return found


@pytest.mark.parametrize("command", ["check", "run"])
def test_every_problem_of_every_file_is_told_with_its_line(tmp_path, command):
    (tmp_path / "policy.yaml").write_text(
        Path("gateway/policy/data/default.yaml").read_text("utf-8").replace("action: block", "action: blok", 1), "utf-8"
    )
    shutil.copytree("signatures", tmp_path / "signatures")
    signature = tmp_path / "signatures" / "identifiers" / "us.ssn.yaml"
    signature.write_text(signature.read_text("utf-8").replace("severity:", "severty:", 1), "utf-8")
    rules = tmp_path / "signatures" / "yara" / "keys.yar"
    rules.write_text(rules.read_text("utf-8") + "\nrule broken { condition: $missing }\n", "utf-8")
    (tmp_path / "more.yaml").write_text("services:\n  - nonsense: 1\n", "utf-8")
    (tmp_path / "users.yaml").write_text("users:\n  - name: li.si\n    role: boss\n", "utf-8")
    config = tmp_path / "sluice.yaml"
    config.write_text(
        "listen: 8080\nworkrs: 2\npolicy: policy.yaml\nsignatures: [signatures]\ncatalogue: [more.yaml]\n"
        "identity:\n  users: users.yaml\n  required: maybe\nmetrics: {listen: '127.0.0.1:1'}\n",
        "utf-8",
    )
    done = sluice(command, config=config)
    assert (done.returncode, done.stdout) == (2, "")
    for place in (
        "sluice.yaml:1: listen:",
        "sluice.yaml:2: workrs: unknown key; did you mean workers?",
        "sluice.yaml:8: identity.required:",
        "policy.yaml:",
        "us.ssn.yaml:",
        "keys.yar:",
        "more.yaml:",
        "users.yaml:3: users.0.role:",
    ):
        assert any(place in line for line in done.stderr.splitlines()), (place, done.stderr)
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param({"policy": "missing.yaml"}, "policy: the path does not exist", id="missing policy"),
        pytest.param({"signatures": ["nowhere"]}, "signatures.0: the path does not exist", id="missing signatures"),
        pytest.param(
            {"upstream": {"trusted_ca": ["ca.pem"]}}, "upstream.trusted_ca.0: the path does not exist", id="missing CA"
        ),
        pytest.param(
            {"mode": "tproxy"}, "mode: not a mode; allowed: regular, transparent, socks5", id="mode that is none"
        ),
    ],
)
def test_run_ends_with_two_for_wrong_settings(tmp_path, settings, told):
    done = sluice("run", config=write_settings(tmp_path, **settings))
    assert done.returncode == 2
    assert told in done.stderr
    assert f"{tmp_path}/sluice.yaml:" in done.stderr


def test_missing_settings_file(tmp_path):
    done = sluice("run", config=tmp_path / "none.yaml")
    assert (done.returncode, done.stderr) == (2, f"{tmp_path}/none.yaml:0: cannot be read: No such file or directory\n")


def refused_start(config: Path) -> str:
    """The one sentence with which the start is refused."""
    done = sluice("run", config=config)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    (sentence,) = done.stderr.splitlines()
    return sentence


@pytest.mark.parametrize("key", ["listen", "console", "metrics"])
def test_port_in_use(tmp_path, key):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        config = write_settings(tmp_path, **{key: address if key == "listen" else {"listen": address}})
        sentence = refused_start(config)
    name = "listen" if key == "listen" else f"{key}.listen"
    assert sentence == (
        f"sluice: {address}: nothing can listen there (Address already in use); "
        f"stop the program that does, or set another address as {name}"
    )


def test_state_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    sentence = refused_start(write_settings(tmp_path, state_dir=str(tmp_path / "file" / "state")))
    assert sentence == (
        f"sluice: {tmp_path}/file/state: the state directory cannot be written (Not a directory); "
        "set state_dir to a folder that this user may write to"
    )


def test_state_on_a_read_only_disk(tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk:
        sentence = refused_start(write_settings(tmp_path, state_dir=str(disk / "state")))
    assert f"{tmp_path}/disk/state: the state directory cannot be written (Read-only file system)" in sentence


@pytest.fixture(scope="module")
def certificate_authority(tmp_path_factory):
    """A folder with a CA that is fine."""
    config = write_settings(tmp_path_factory.mktemp("ca"))
    assert sluice("ca", config=config).returncode == 0
    return config.parent / "var" / "ca"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        pytest.param("mitmproxy-ca.pem", b"", id="empty"),
        pytest.param("mitmproxy-ca.pem", b"\0\xff not PEM", id="garbage"),
        pytest.param("mitmproxy-ca.pem", None, id="cut in the middle of the key"),
    ],
)
def test_corrupt_ca(tmp_path, certificate_authority, file, content):
    folder = tmp_path / "ca"
    shutil.copytree(certificate_authority, folder)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 4] if content is None else content)
    sentence = refused_start(write_settings(tmp_path, tls={"ca_dir": str(folder)}))
    assert sentence.startswith(f"sluice: {folder}: the certificate authority cannot be used")
    assert sentence.endswith("restore its files from a backup, or move the folder away to have a new one made")


@pytest.mark.parametrize(
    "content",
    [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff\xfe"],
    ids=["empty", "text", "no certificate inside", "binary"],
)
def test_wrong_trusted_ca(tmp_path, content):
    wrong = tmp_path / "servers.pem"
    wrong.write_bytes(content)
    sentence = refused_start(write_settings(tmp_path, upstream={"trusted_ca": ["servers.pem"]}))
    assert sentence == (
        f"sluice: {wrong}: upstream.trusted_ca cannot be used (it is no list of certificates in PEM); "
        "give it the CA certificate of your servers as a PEM file, or take it out"
    )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def test_second_gateway_on_the_same_state(gateway, tmp_path):
    sentence = refused_start(write_settings(tmp_path, state_dir=str(gateway.state)))
    assert sentence == (
        f"sluice: {gateway.state}: another gateway (process {gateway.process.pid}) uses this state directory; "
        "stop it or set another state_dir"
    )
    assert gateway.metric("sluice_inspectors") > 0


SECRET = b"11010519491231002X"
NONSENSE = [
    pytest.param(os.urandom(4096) + b"\r\n\r\n" + SECRET, id="random bytes"),
    pytest.param(b"SSH-2.0-OpenSSH_9.6 " + SECRET + b"\r\n", id="SSH"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + SECRET, id="HTTP/2 preface"),
    pytest.param(SECRET * 12_000, id="200 kB without a line"),
    pytest.param(b"\r\n" * 100 + SECRET + b"\r\n\r\n", id="empty lines"),
    pytest.param(b"GET " + SECRET + b" HTTP/1.1\r\n\r\n", id="no URL"),
    pytest.param(b"\x05\x01\x00", id="SOCKS"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SECRET * 30, id="broken TLS hello"),
]


@pytest.mark.parametrize("sent", NONSENSE)
def test_client_that_speaks_nonsense(gateway, sent):
    before = gateway.metric("sluice_refused_connections_total")
    with socket.create_connection(("127.0.0.1", gateway.port), 30) as client:
        client.settimeout(30)
        try:
            client.sendall(sent)
            while client.recv(65536):
                pass
        except ConnectionError:
            pass
    eventually(lambda: gateway.metric("sluice_refused_connections_total") == before + 1)
    log = gateway.log()
    assert SECRET.decode() not in log
    assert "Traceback" not in log


def test_tls_to_the_proxy_port(gateway):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before = gateway.metric("sluice_refused_connections_total")
    with socket.create_connection(("127.0.0.1", gateway.port), 30) as raw, pytest.raises(OSError, match=r"EOF|reset"):
        context.wrap_socket(raw, server_hostname="secret-project.example.com")
    eventually(lambda: gateway.metric("sluice_refused_connections_total") == before + 1)
    assert "secret-project" not in gateway.log()


def test_the_gateway_goes_on_after_all_of_it(gateway):
    assert gateway.process.poll() is None
    assert gateway.metric("sluice_process_restarts_total") == 0
    assert gateway.metric("sluice_open_transfers") == 0
