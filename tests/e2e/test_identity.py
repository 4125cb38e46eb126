"""Who sends, through real gateways: TLS to the proxy, passwords, a real directory, addresses, what is refused."""

import base64
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from tests.support.directory import READER, READER_PASSWORD, SUFFIX, Slapd
from tests.support.gateway import Gateway, free_port
from tests.support.origin import Origin
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HTTPS, HTTP = "https://upload.example.com/x", "http://upload.example.com/x"
TOKEN = "t" * 64
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=("upload.example.com", "localhost")) as origin:
        yield origin


@pytest.fixture(autouse=True)
def _empty_log(origin):
    origin.clear()


def start(folder: Path, origin: Origin, identity: dict, *, name: str | None = "localhost", **settings) -> Gateway:
    (folder / "users.yaml").write_text(
        "users:\n"
        f"- {{name: zhang.wei, role: head, groups: [legal], password_hash: '{HASHER.hash(PASSWORD)}'}}\n"
        "- {name: build-server, role: staff}\n",
        "utf-8",
    )
    (folder / "htpasswd").write_text(
        f"zhang.wei:{HASHER.hash(PASSWORD)}\nvisitor:{HASHER.hash('v')}\nlate:{HASHER.hash('l')}\n", "utf-8"
    )
    (folder / "token").write_text(TOKEN + "\n", "ascii")
    (folder / "reader").write_text(READER_PASSWORD + "\n", "utf-8")
    routes = {
        "upload.example.com:443": f"127.0.0.1:{origin.port}",
        "upload.example.com:80": f"127.0.0.1:{origin.plain_port}",
    }
    if name:
        settings["tls"] = {"proxy_name": name}
    return Gateway(folder, origin.ca, routes, {"identity": {"required": True, **identity}, **settings})


def curl(gateway: Gateway, *arguments: str, tls: bool = True, host: str = "localhost", body: str = "hello"):
    """Status of the proxy to CONNECT, status of the answer, and curl's own code."""
    proxy = f"https://{host}:{gateway.port}" if tls else f"http://{host}:{gateway.port}"
    common = ["curl", "-sS", "--max-time", "60", "-o", "/dev/null", "-x", proxy, "--data-raw", body]
    trust = ["--cacert", str(gateway.ca), "--proxy-cacert", str(gateway.ca)]
    form = ["-w", "%{http_connect} %{http_code}"]
    done = subprocess.run([*common, *trust, *form, *arguments], capture_output=True, text=True, check=False)
    connect, status = done.stdout.split()
    return int(connect), int(status), done.returncode


def login(name: str, password: str) -> tuple[str, str]:
    return "--proxy-user", f"{name}:{password}"


def actors(gateway: Gateway, ip: str, count: int = 1) -> list[dict]:
    """Senders of the recorded transfers from that address, once there are as many."""

    def enough() -> list[dict]:
        found = [event["actor"] for event in gateway.events() if event["actor"]["ip"] == ip]
        return found if len(found) >= count else []

    return eventually(enough)


# --- htpasswd, over TLS ---


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    identity = {"proxy_auth": "htpasswd", "htpasswd": "htpasswd", "users": "users.yaml", "api_token_file": "token"}
    folder = tmp_path_factory.mktemp("gateway")
    with start(folder, origin, {**identity, "address_suffices": ["127.0.0.7/32"]}) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("url", "version", "ip"),
    [
        pytest.param(HTTPS, "--http1.1", "127.0.0.21", id="tunnel, HTTP/1.1"),
        pytest.param(HTTPS, "--http2", "127.0.0.22", id="tunnel, HTTP/2"),
        pytest.param(HTTP, "--http1.1", "127.0.0.23", id="plain HTTP"),
    ],
)
def test_curl_through_an_https_proxy(gateway, origin, url, version, ip):
    connect, status, code = curl(gateway, version, "--interface", ip, *login("zhang.wei", PASSWORD), url)
    assert (connect, status, code) == (200 if url == HTTPS else 0, 200, 0)
    (seen,) = origin.requests
    assert (seen.bytes, "proxy-authorization" in seen.headers) == (5, False)
    (actor,) = actors(gateway, ip)
    assert (actor["user"], actor["role"], actor["groups"], actor["authenticated_by"]) == (
        "zhang.wei",
        "head",
        ["legal"],
        "proxy-auth",
    )


@pytest.mark.parametrize(
    ("given", "result"),
    [
        pytest.param((), "missing", id="no login"),
        pytest.param(login("zhang.wei", "wrong"), "wrong", id="wrong password"),
        pytest.param(login("nobody", PASSWORD), "wrong", id="nobody"),
    ],
)
def test_without_a_right_login_nothing_leaves(gateway, origin, given, result):
    before = gateway.metric("sluice_logins_total", result=result)
    assert curl(gateway, *given, HTTPS)[0] == 407
    assert curl(gateway, *given, HTTP)[1] == 407
    assert (origin.connections, origin.requests) == (0, [])
    assert eventually(lambda: gateway.metric("sluice_logins_total", result=result) == before + 2)


def test_a_client_without_our_ca_gets_no_tls(gateway):
    assert subprocess.run(
        ["curl", "-sS", "--max-time", "20", "-x", f"https://localhost:{gateway.port}", HTTPS],
        capture_output=True,
        check=False,
    ).returncode in {35, 60}


def test_another_client_library(gateway, origin):
    trust = ssl.create_default_context(cafile=str(gateway.ca))
    proxy = httpx.Proxy(f"https://localhost:{gateway.port}", auth=("zhang.wei", PASSWORD), ssl_context=trust)
    with httpx.Client(proxy=proxy, verify=trust) as client:
        assert client.post(HTTPS, content=b"hello").status_code == 200
        assert client.post(HTTP, content=b"hello").status_code == 200
    assert [seen.bytes for seen in origin.requests] == [5, 5]


def test_users_of_one_connection_are_told_apart(gateway, origin):
    """A proxy before this one sends requests of many people over one connection; none inherits another's login."""
    with socket.create_connection(("127.0.0.1", gateway.port), source_address=("127.0.0.11", 0)) as own:

        def ask(header: str) -> str:
            own.sendall(
                f"POST {HTTP} HTTP/1.1\r\nHost: upload.example.com\r\n{header}Content-Length: 2\r\n\r\nhi".encode()
            )
            answer = http_answer(own)
            return answer.split()[1]

        zhang, visitor = (
            f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
            for pair in (f"zhang.wei:{PASSWORD}", "visitor:v")
        )
        assert [ask(zhang), ask(visitor), ask("")] == ["200", "200", "407"]
    assert sorted(actor["user"] for actor in actors(gateway, "127.0.0.11", 2)) == ["visitor", "zhang.wei"]
    assert len(origin.requests) == 2


def http_answer(own: socket.socket) -> str:
    """Status line of one answer, whose body is read to its end."""
    own.settimeout(30)
    data = b""
    while b"\r\n\r\n" not in data:
        data += own.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        body += own.recv(65536)
    return head.decode("latin-1")


def test_other_clients_are_served_while_logins_are_guessed(gateway, origin):
    """40 wrong logins at once, each another password; who is known is served meanwhile, and soon guessing is stopped."""
    assert curl(gateway, *login("zhang.wei", PASSWORD), HTTPS)[1] == 200
    proxies = [
        subprocess.Popen(
            ["curl", "-sS", "--max-time", "60", "--interface", "127.0.0.9", "--proxy-cacert", str(gateway.ca),
             "-o", "/dev/null", "-w", "%{http_connect}", "-x", f"https://localhost:{gateway.port}",
             "--proxy-user", f"zhang.wei:wrong{number}", HTTPS],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for number in range(40)
    ]  # fmt: skip
    began = time.monotonic()
    assert curl(gateway, *login("zhang.wei", PASSWORD), HTTPS)[1] == 200
    assert time.monotonic() - began < 20
    answers = [process.communicate(timeout=90)[0] for process in proxies]
    assert set(answers) <= {"407", "429", "503"}
    assert curl(gateway, "--interface", "127.0.0.9", *login("late", "l"), HTTPS)[0] == 429
    assert curl(gateway, *login("late", "l"), HTTPS)[1] == 200


# --- addresses, told by another system ---


def told(gateway: Gateway, method: str, address: str, body: dict | None = None, token: str = TOKEN) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.console_port}/api/v1/addresses/{address}",
        json.dumps(body).encode() if body else None,
        {"authorization": f"Bearer {token}"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def from_seven(gateway: Gateway) -> int:
    return curl(gateway, "--interface", "127.0.0.7", HTTP, tls=False, host="127.0.0.1")[1]


def test_an_address_that_another_system_told_of(gateway, origin):
    refused = gateway.metric("sluice_transfers_identified_total", identified="no")
    assert from_seven(gateway) == 403
    assert origin.requests == []
    assert gateway.metric("sluice_transfers_identified_total", identified="no") == refused + 1
    assert told(gateway, "PUT", "127.0.0.7", {"user": "build-server", "ttl_s": 600}, token="x" * 64) == 401
    assert from_seven(gateway) == 403
    assert told(gateway, "PUT", "127.0.0.7", {"user": "build-server", "ttl_s": 600}) == 200
    # The next request already knows it.
    assert from_seven(gateway) == 200
    *unknown, actor = actors(gateway, "127.0.0.7", 3)
    assert [one["user"] for one in unknown] == ["", ""]
    assert (actor["user"], actor["role"], actor["authenticated_by"]) == ("build-server", "staff", "address")
    assert told(gateway, "DELETE", "127.0.0.7") == 204
    assert from_seven(gateway) == 403
    # It ends by itself, too.
    assert told(gateway, "PUT", "127.0.0.7", {"user": "build-server", "ttl_s": 2}) == 200
    assert from_seven(gateway) == 200
    assert eventually(lambda: from_seven(gateway) == 403)


def by_seven(gateway: Gateway) -> list[tuple[str, str]]:
    return [(actor["user"], actor["authenticated_by"]) for actor in actors(gateway, "127.0.0.7")]


def test_a_login_goes_before_the_address(gateway, origin):
    assert told(gateway, "PUT", "127.0.0.7", {"user": "build-server", "ttl_s": 600}) == 200
    given = ("--interface", "127.0.0.7", *login("visitor", "v"))
    assert curl(gateway, *given, HTTP, tls=False, host="127.0.0.1")[1] == 200
    assert eventually(lambda: ("visitor", "proxy-auth") in by_seven(gateway))
    assert told(gateway, "DELETE", "127.0.0.7") == 204


def test_changes_stand_in_the_journal_and_the_chain_holds(gateway):
    changes = [
        json.loads(line)["body"]
        for path in (gateway.state / "journal").glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
        if '"kind":"system"' in line
    ]
    assert {"address.set", "address.deleted"} <= {change["event"] for change in changes}
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "audit", "verify", "--config", str(gateway.config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the chain holds" in done.stdout


def test_no_password_is_anywhere(gateway):
    curl(gateway, *login("zhang.wei", PASSWORD), HTTPS)
    curl(gateway, *login("zhang.wei", "another secret word"), HTTPS)
    kept = [path.read_bytes() for path in gateway.state.rglob("*") if path.is_file()]
    kept += [(gateway.folder / "gateway.log").read_bytes(), gateway.metrics().encode()]
    for secret in (PASSWORD, "another secret word", TOKEN):
        forms = (secret.encode(), base64.b64encode(f"zhang.wei:{secret}".encode()))
        assert not any(form in content for content in kept for form in forms)


# --- unencrypted from elsewhere ---


def own_address() -> str:
    """An address of this machine that is not loopback; no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def test_a_password_over_a_clear_connection_from_elsewhere_is_refused(tmp_path, origin):
    address, port = own_address(), free_port()
    identity = {"proxy_auth": "htpasswd", "htpasswd": "htpasswd"}
    with start(tmp_path, origin, identity, name=address, listen=f"0.0.0.0:{port}") as gateway:
        gateway.port = port
        given = login("zhang.wei", PASSWORD)
        assert curl(gateway, *given, HTTPS, tls=False, host=address)[0] == 403
        assert curl(gateway, *given, HTTP, tls=False, host=address)[1] == 403
        # Not even asked: an answer of 407 would make the client send its password.
        assert curl(gateway, HTTPS, tls=False, host=address)[0] == 403
        assert origin.requests == []
        assert gateway.metric("sluice_logins_total", result="clear") == 3
        assert curl(gateway, *given, HTTPS, host=address)[1] == 200


def test_without_a_name_or_certificate_the_port_speaks_no_tls(tmp_path, origin):
    with start(tmp_path, origin, {"proxy_auth": "htpasswd", "htpasswd": "htpasswd"}, name=None) as gateway:
        given = login("zhang.wei", PASSWORD)
        assert curl(gateway, *given, HTTPS)[2] == 35
        assert curl(gateway, *given, HTTPS, tls=False)[1] == 200


# --- a real directory ---


@pytest.fixture
def slapd(tmp_path):
    (tmp_path / "slapd").mkdir()
    people = {"zhang.wei": PASSWORD, "li.na": "battery"}
    with Slapd(tmp_path / "slapd", people, {"sales": ["zhang.wei"]}) as running:
        yield running


def test_a_directory_lets_in_by_bind_and_adds_its_groups(tmp_path, origin, slapd):
    ldap = {
        "url": f"ldaps://localhost:{slapd.tls_port}",
        "ca": str(slapd.ca),
        "bind_dn": READER,
        "bind_password_file": "reader",
        "base": f"ou=people,{SUFFIX}",
        "group_base": f"ou=groups,{SUFFIX}",
        "timeout_s": 2,
    }
    identity = {"proxy_auth": "ldap", "ldap": ldap, "users": "users.yaml", "login_ttl_s": 600}
    with start(tmp_path, origin, identity) as gateway:
        assert curl(gateway, *login("ZHANG.wei", PASSWORD), HTTPS)[1] == 200
        (actor,) = actors(gateway, "127.0.0.1")
        # The directory's spelling finds the entry of the users file, and its groups are added to those there.
        assert (actor["user"], actor["role"], actor["groups"]) == ("zhang.wei", "head", ["legal", "sales"])
        for name in ("*", "zhang*", "zhang.wei)(uid=*", "*)(objectClass=*"):
            assert curl(gateway, *login(name, PASSWORD), HTTPS)[0] == 407
        slapd.stop()
        assert curl(gateway, *login("ZHANG.wei", PASSWORD), HTTPS)[1] == 200
        assert curl(gateway, *login("li.na", "battery"), HTTPS)[0] == 503
        assert gateway.metric("sluice_logins_total", result="directory-down") >= 1
        assert "battery" not in (gateway.folder / "gateway.log").read_text("utf-8")
        assert len(origin.requests) == 2


# --- the users file, and reloads ---


def test_a_reload_reads_passwords_and_addresses_again(tmp_path, origin):
    (tmp_path / "addresses.yaml").write_text("addresses: []", "utf-8")
    identity = {"proxy_auth": "users", "users": "users.yaml", "addresses": "addresses.yaml"}
    with start(tmp_path, origin, {**identity, "address_suffices": ["127.0.0.7/32"]}) as gateway:
        assert curl(gateway, *login("zhang.wei", PASSWORD), HTTPS)[1] == 200
        assert from_seven(gateway) == 403
        # The addresses file is read by itself.
        (tmp_path / "addresses.yaml").write_text(
            "addresses: [{address: 127.0.0.7, user: build-server, expires: 2100-01-01T00:00:00Z}]", "utf-8"
        )
        assert eventually(lambda: from_seven(gateway) == 200)
        (tmp_path / "users.yaml").write_text(
            f"users:\n- name: build-server\n- {{name: zhang.wei, password_hash: '{HASHER.hash('fresh')}'}}\n", "utf-8"
        )
        gateway.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: curl(gateway, *login("zhang.wei", "fresh"), HTTPS)[1] == 200)
        assert curl(gateway, *login("zhang.wei", PASSWORD), HTTPS)[0] == 407
        # A broken file changes nothing.
        (tmp_path / "users.yaml").write_text("users: broken", "utf-8")
        gateway.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "not reloaded" in gateway.log())
        assert curl(gateway, *login("zhang.wei", "fresh"), HTTPS)[1] == 200


# --- SOCKS5 ---


def test_socks_takes_the_same_names_and_passwords(tmp_path, origin):
    identity = {"proxy_auth": "htpasswd", "htpasswd": "htpasswd", "users": "users.yaml"}
    with start(tmp_path, origin, identity, name=None, mode="socks5") as gateway:

        def ask(*given: str) -> int:
            way = ["-x", f"socks5h://127.0.0.1:{gateway.port}", "--cacert", str(gateway.ca), *given]
            common = ["curl", "-sS", "--max-time", "60", "-o", "/dev/null", "--data-raw", "hello"]
            return subprocess.run([*common, *way, HTTPS], capture_output=True, check=False).returncode

        assert ask(*login("zhang.wei", PASSWORD)) == 0
        (actor,) = actors(gateway, "127.0.0.1")
        assert (actor["user"], actor["role"], actor["authenticated_by"]) == ("zhang.wei", "head", "proxy-auth")
        assert ask(*login("zhang.wei", "wrong")) == 97
        assert ask() == 97
        assert len(origin.requests) == 1


def test_hashes_that_are_too_weak_stop_the_start(tmp_path):
    (tmp_path / "htpasswd").write_text("zhang:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\nli:{SHA}x\n", "utf-8")
    (tmp_path / "sluice.yaml").write_text("identity: {proxy_auth: htpasswd, htpasswd: htpasswd}", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "check", "--config", str(tmp_path / "sluice.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{tmp_path / 'htpasswd'}:1: MD5 of Apache ($apr1$) is too weak" in done.stderr
    assert f"{tmp_path / 'htpasswd'}:2: SHA-1 ({{SHA}}) is too weak" in done.stderr
    assert "lZL6V" not in done.stderr
