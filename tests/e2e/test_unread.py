"""Connections that nobody can read, through a real gateway: refused with a record, or passed by somebody's word."""

import json
import socket
import ssl
import subprocess
import threading

import pytest

from gateway.yamlfile import load_yaml
from tests.support.gateway import Gateway
from tests.support.origin import Origin
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

POLICY_EXCEPTION = {
    "id": "EX-SSH",
    "rules": ["wire.unknown-protocol"],
    "destination": {"host": ["ssh.partner.example", "mail.partner.example"]},
    "port": [22, 25],
    "protocol": ["ssh", "smtp"],
    "ticket": "T-1",
    "approver": "a",
    "owner": "platform-team",
    "expires": "2099-12-31",
}


class Peer:
    """A server that is no web server: says `banner`, then sends back what it gets, in capitals."""

    def __init__(self, banner: bytes = b"") -> None:
        self.banner, self.got, self.connections = banner, b"", 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with client:
                client.sendall(self.banner)
                while data := client.recv(65536):
                    self.got += data
                    client.sendall(data.upper())

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A gateway, an origin with a certificate of its own for the pinned app, and two servers that speak no HTTP."""
    folder = tmp_path_factory.mktemp("unread")
    (folder / "pinned").mkdir()
    policy = load_yaml("gateway/policy/data/default.yaml").value | {"exceptions": [POLICY_EXCEPTION]}
    (folder / "policy.yaml").write_text(json.dumps(policy, default=str), "utf-8")
    ssh, mail = Peer(), Peer(b"220 mail ready\r\n")
    with Origin(folder / "pinned", names=("app.bank.example", "ended.bank.example")) as origin:
        entry = {"host": "app.bank.example", "reason": "pins", "owner": "finance", "expires": "2099-12-31"}
        settings = {
            "policy": str(folder / "policy.yaml"),
            "tls": {"passthrough": [entry, entry | {"host": "ended.bank.example", "expires": "2020-01-01"}]},
        }
        routes = {
            "app.bank.example:443": f"127.0.0.1:{origin.port}",
            "ended.bank.example:443": f"127.0.0.1:{origin.port}",
            "ssh.partner.example:22": f"127.0.0.1:{ssh.port}",
            "mail.partner.example:25": f"127.0.0.1:{mail.port}",
        }
        with Gateway(folder, origin_ca=origin.ca, connect_to=routes, settings=settings) as gateway:
            yield gateway, origin, ssh, mail
    ssh.close()
    mail.close()


def tunnel(gateway: Gateway, host: str, port: int, *headers: str) -> tuple[socket.socket, bytes]:
    raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}", *headers, "", ""]
    raw.sendall("\r\n".join(lines).encode())
    answer = b""
    while b"\r\n\r\n" not in answer and (data := raw.recv(4096)):
        answer += data
    return raw, answer


def ended(sock: socket.socket) -> bool:
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass
    sock.close()
    return True


def told(gateway: Gateway, host: str, **connection) -> dict:
    """The first record of a connection to the host with these facts."""
    found: list[dict] = []

    def look() -> bool:
        found[:] = [
            event
            for event in gateway.events()
            if event["destination"]["host"] == host
            and all(event.get("connection", {}).get(key) == value for key, value in connection.items())
        ]
        return bool(found)

    eventually(look, 20)
    return found[0]


@pytest.mark.parametrize(
    ("host", "port", "data", "protocol", "rule", "service"),
    [
        ("git.example", 443, b"SSH-2.0-OpenSSH_9.6\r\n", "ssh", "wire.unknown-protocol", ""),
        ("im.example", 443, b"\x16\xf1\x04\x00\x40" + bytes(64), "mmtls", "wire.unknown-protocol", "wechat_app"),
        ("t.example", 443, b"\xee\xee\xee\xee" + bytes(60), "mtproto", "wire.unknown-protocol", "telegram"),
        ("dns.example", 53, b"\x00\x1d\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x07example\x03com\x00\x00\x01\x00\x01", "dns", "wire.hidden-dns", ""),
        ("odd.example", 443, b"\x00\x01\x02\x03\x04", "unknown", "wire.unknown-protocol", ""),
    ],
)  # fmt: skip
def test_refused_and_recorded_by_name(site, host, port, data, protocol, rule, service):
    gateway, *_ = site
    before = gateway.metric("sluice_unread_connections_total", protocol=protocol, action="block")
    covered = gateway.metric("sluice_coverage_bytes_total", coverage="unknown-protocol")
    raw, answer = tunnel(gateway, host, port)
    assert b" 200 " in answer
    raw.sendall(data)
    assert ended(raw)
    event = told(gateway, host)
    assert event["connection"]["protocol"] == protocol
    assert (event["coverage"], event["channel"], event["outcome"]) == ("unknown-protocol", "tcp", "refused (closed)")
    assert [found["id"] for found in event["verdict"]["rules"]] == [rule]
    assert event["destination"]["service"] == service
    assert event["request"]["bytes"] == len(data)
    eventually(
        lambda: gateway.metric("sluice_unread_connections_total", protocol=protocol, action="block") == before + 1
    )
    assert gateway.metric("sluice_coverage_bytes_total", coverage="unknown-protocol") == covered + len(data)


@pytest.mark.parametrize(
    ("host", "port", "reason", "protocol"),
    [
        ("203.0.113.9", 443, "wire.bare-address", "unknown"),
        ("127.0.0.1", 443, "wire.bare-address", "unknown"),
        ("[2001:db8::9]", 443, "wire.bare-address", "unknown"),
        ("mask.icloud.com", 443, "wire.relay", "private-relay"),
        ("imap.example", 993, "wire.unknown-protocol", "imap"),
        ("mail.partner.example", 587, "wire.unknown-protocol", "smtp"),
    ],
)
def test_tunnels_refused_by_their_target(site, host, port, reason, protocol):
    gateway, *_ = site
    raw, answer = tunnel(gateway, host, port, "Accept: application/problem+json")
    assert b" 403 " in answer.split(b"\r\n")[0]
    (incident,) = [
        line.split(b": ")[1] for line in answer.split(b"\r\n") if line.lower().startswith(b"x-sluice-incident")
    ]
    raw.close()
    event = gateway.wait_event(incident.decode())
    assert event["verdict"]["rules"][0]["id"] == reason
    assert (event["connection"]["protocol"], event["outcome"]) == (protocol, "refused (403)")
    assert event["destination"]["host"] == host.strip("[]")


def test_repeats_do_not_flood_the_records(site):
    gateway, *_ = site
    for _ in range(60):
        raw, _ = tunnel(gateway, "again.example", 443)
        raw.sendall(b"\x00\x01\x02")
        assert ended(raw)
    told(gateway, "again.example", count=1)
    assert len([e for e in gateway.events() if e["destination"]["host"] == "again.example"]) == 1


def test_ssh_passes_by_an_exception_and_is_counted(site):
    gateway, _, ssh, _ = site
    sent = gateway.metric("sluice_passthrough_bytes_total", direction="sent")
    raw, answer = tunnel(gateway, "ssh.partner.example", 22)
    assert b" 200 " in answer
    raw.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    assert raw.recv(4096) == b"SSH-2.0-OPENSSH_9.6\r\n"
    opened = told(gateway, "ssh.partner.example", phase="open")
    assert (opened["coverage"], opened["verdict"]["exception"]) == ("passthrough-policy", "EX-SSH")
    assert opened["verdict"]["action"] == "log"
    raw.sendall(b"more")
    assert raw.recv(4096) == b"MORE"
    raw.close()
    closed = told(gateway, "ssh.partner.example", phase="closed")
    assert (closed["connection"]["sent_bytes"], closed["connection"]["received_bytes"]) == (25, 25)
    assert closed["connection"]["opened"] == opened["id"]
    assert "platform-team" in json.dumps(closed)
    assert ssh.got == b"SSH-2.0-OpenSSH_9.6\r\nmore"
    assert gateway.metric("sluice_passthrough_bytes_total", direction="sent") == sent + 25


def test_another_protocol_under_the_same_exception_does_not(site):
    gateway, _, ssh, _ = site
    before = ssh.connections
    raw, answer = tunnel(gateway, "ssh.partner.example", 22)
    assert b" 200 " in answer
    raw.sendall(b"\x13BitTorrent protocol" + bytes(48))
    assert ended(raw)
    assert told(gateway, "ssh.partner.example", protocol="bittorrent")["verdict"]["action"] == "block"
    assert ssh.connections == before


def test_server_that_speaks_first_passes_by_an_exception(site):
    gateway, _, _, mail = site
    raw, answer = tunnel(gateway, "mail.partner.example", 25)
    assert b" 200 " in answer
    rest = answer.partition(b"\r\n\r\n")[2]
    assert (rest or raw.recv(4096)) == b"220 mail ready\r\n"
    raw.sendall(b"ehlo me\r\n")
    assert raw.recv(4096) == b"EHLO ME\r\n"
    raw.close()
    assert told(gateway, "mail.partner.example", phase="closed")["connection"]["received_bytes"] == 25
    assert mail.got == b"ehlo me\r\n"


def pinned(origin: Origin) -> ssl.SSLContext:
    """A client that trusts nobody but the origin's own authority."""
    return ssl.create_default_context(cafile=str(origin.ca))


def test_pinned_app_on_the_list_reaches_its_own_server(site):
    gateway, origin, *_ = site
    raw, _ = tunnel(gateway, "app.bank.example", 443)
    with pinned(origin).wrap_socket(raw, server_hostname="app.bank.example") as sock:
        sock.sendall(b"POST /sign HTTP/1.1\r\nHost: app.bank.example\r\nContent-Length: 5\r\n\r\nhello")
        assert b" 200 " in sock.recv(65536)
    assert origin.requests[-1].path == "/sign"
    closed = told(gateway, "app.bank.example", phase="closed")
    assert closed["coverage"] == "passthrough-policy"
    assert closed["connection"]["entry"] == "app.bank.example"
    assert closed["connection"]["sent_bytes"] > 400
    assert closed["connection"]["received_bytes"] > 1000
    assert closed["destination"]["region"] == "private"
    assert (
        gateway.metric("sluice_coverage_bytes_total", coverage="passthrough-policy")
        >= closed["connection"]["sent_bytes"]
    )


@pytest.mark.parametrize(
    ("target", "sni"),
    [
        pytest.param("ended.bank.example", "ended.bank.example", id="the entry ended"),
        pytest.param("app.bank.example", "other.bank.example", id="another name in the handshake"),
        pytest.param("other.bank.example", "app.bank.example", id="a borrowed name in the handshake"),
        pytest.param("other.bank.example", "other.bank.example", id="a host nobody listed"),
    ],
)
def test_pinned_app_that_is_not_listed_is_refused_and_recorded(site, target, sni):
    gateway, origin, *_ = site
    before = origin.connections
    raw, _ = tunnel(gateway, target, 443, "User-Agent: DingTalk/7.5")
    with pytest.raises(ssl.SSLError):
        pinned(origin).wrap_socket(raw, server_hostname=sni)
    raw.close()
    event = told(gateway, sni, phase="refused")
    assert event["verdict"]["rules"][0]["id"] == "wire.tls-refused"
    assert (event["coverage"], event["connection"]["app"]) == ("encrypted", "dingtalk")
    assert origin.connections == before


def test_no_name_in_the_handshake_to_a_listed_host_is_opened(site):
    """Without a name nothing says that the connection goes where the list allows."""
    gateway, origin, *_ = site
    before = origin.connections
    raw, _ = tunnel(gateway, "app.bank.example", 443)
    context = pinned(origin)
    context.check_hostname = False
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(raw)
    raw.close()
    assert origin.connections == before


def test_requests_in_a_coat(site):
    gateway, *_ = site
    done = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-D", "-", "-x", gateway.proxy, "http://203.0.113.9/mmtls/0a1b", "-H", "Upgrade: mmtls", "--data-binary", "x"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert " 403 " in done.stdout
    (incident,) = [
        line.split(": ")[1] for line in done.stdout.splitlines() if line.lower().startswith("x-sluice-incident")
    ]
    event = gateway.wait_event(incident.strip())
    assert event["verdict"]["rules"][0]["id"] == "wire.unknown-protocol"
    assert event["coverage"] == "unknown-protocol"
