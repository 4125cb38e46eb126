"""The same through every explicit way in: what is clean arrives, what is refused leaves nothing, nothing comes back."""

import base64
import hashlib
import json
import socket
import subprocess
from dataclasses import dataclass, field

import pytest
from argon2 import PasswordHasher
from pytest import param

from tests.support.gateway import Gateway
from tests.support.origin import Origin
from tests.support.parent import ParentProxy

pytestmark = pytest.mark.e2e
NAME, ADDRESS = "upload.example.com", "203.0.113.9"
CLEAN = "今天开会，周五见。\n".encode() * 4000
ID = "身份证 11010519491231002X\n".encode() * 40
LOGIN = "gate:hunter2-hunter2"


@dataclass
class Way:
    """A gateway and how curl is told of it."""

    gateway: Gateway
    options: list[str]
    parent: ParentProxy | None = None
    resolve: list[str] = field(default_factory=list)

    def curl(self, *arguments: str) -> tuple[str, dict[str, str], str]:
        """Status, header fields and what curl complained of."""
        head = self.gateway.folder / "head.txt"
        head.write_text("")
        command = [
            "curl",
            "-sS",
            "--cacert",
            str(self.gateway.ca),
            "--max-time",
            "60",
            "-D",
            str(head),
            "-o",
            "/dev/null",
        ]
        done = subprocess.run(
            [*command, "-w", "%{http_code}", *self.options, *self.resolve, *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = head.read_text("latin-1").replace("\r\n", "\n").strip().split("\n\n")[-1].splitlines()
        fields = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        return done.stdout, fields, done.stderr

    def upload(self, body: bytes, url: str, *arguments: str) -> tuple[str, dict[str, str], str]:
        path = self.gateway.folder / "body.txt"
        path.write_bytes(body)
        return self.curl(*arguments, "-T", str(path), url)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin")
    with Origin(folder, names=(NAME, "localhost"), alpn=("h2", "http/1.1")) as origin:
        yield origin


@pytest.fixture(scope="module")
def parents(tmp_path_factory, origin):
    login = "Basic " + base64.b64encode(LOGIN.encode()).decode()
    plain = ParentProxy(tmp_path_factory.mktemp("parent"), origin, login=login)
    with plain, ParentProxy(tmp_path_factory.mktemp("tls-parent"), origin, tls=True) as tls:
        yield {"upstream-http": plain, "upstream-https": tls}


WAYS = ["regular", "socks5h", "socks5", "upstream-http", "upstream-https"]


@pytest.fixture(scope="module", params=WAYS)
def way(request, tmp_path_factory, origin, parents):
    folder = tmp_path_factory.mktemp(request.param)
    parent = parents.get(request.param)
    trusted = [str(origin.ca)] + ([str(parent.ca)] if parent else [])
    settings: dict = {"upstream": {"trusted_ca": trusted}}
    environment = {}
    if parent:
        settings["mode"] = f"upstream:{parent.url}"
        if parent.login:
            (folder / "login").write_text(LOGIN + "\n")
            settings["upstream"]["login_file"] = "login"
    else:
        settings["mode"] = "regular" if request.param == "regular" else "socks5"
        host = ADDRESS if request.param == "socks5" else NAME
        routes = {f"{host}:443": f"127.0.0.1:{origin.port}", f"{host}:80": f"127.0.0.1:{origin.plain_port}"}
        settings["upstream"]["connect_to"] = routes
    with Gateway(folder, settings=settings, environment=environment) as gateway:
        scheme = request.param if request.param.startswith("socks") else "http"
        # A client of plain SOCKS5 looks the name up itself.
        resolve = (
            ["--resolve", f"{NAME}:443:{ADDRESS}", "--resolve", f"{NAME}:80:{ADDRESS}"] if scheme == "socks5" else []
        )
        yield Way(gateway, ["-x", f"{scheme}://127.0.0.1:{gateway.port}"], parent, resolve)


@pytest.fixture(autouse=True)
def _nothing_seen(origin, parents):
    origin.clear()
    for parent in parents.values():
        parent.clear()


@pytest.mark.parametrize(
    ("url", "version"),
    [
        param(f"https://{NAME}/a.txt", "--http1.1", id="https"),
        param(f"https://{NAME}/a.txt", "--http2", id="http2"),
        param(f"http://{NAME}/a.txt", "--http1.1", id="http"),
    ],
)
def test_clean_upload_arrives_byte_exact(way, origin, url, version):
    status, _, said = way.upload(CLEAN, url, version)
    assert (status, said) == ("200", ""), said
    (seen,) = origin.requests
    assert (seen.bytes, seen.sha256) == (len(CLEAN), hashlib.sha256(CLEAN).hexdigest())
    assert "proxy-authorization" not in seen.headers
    if way.parent:
        (asked,) = way.parent.requests
        port = 443 if url.startswith("https") else 80
        expected = ("CONNECT", f"{NAME}:{port}") if port == 443 else ("PUT", url)
        assert (asked.method, asked.target) == expected
        assert asked.headers.get("proxy-authorization", "") == way.parent.login


@pytest.mark.parametrize("url", [f"https://{NAME}/a.txt", f"http://{NAME}/a.txt"], ids=["https", "http"])
def test_refused_upload_leaves_nothing(way, origin, url):
    status, fields, _ = way.upload(ID, url)
    assert (status, fields["x-sluice-verdict"]) == ("403", "block")
    event = way.gateway.wait_event(fields["x-sluice-incident"])
    assert (event["destination"]["host"], event["outcome"]) == (NAME, "refused (403)") or way.resolve
    assert (origin.connections, way.parent and way.parent.connections) == (0, 0 if way.parent else None)


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("203.0.113.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


@pytest.mark.parametrize(
    ("host", "port"),
    [
        param("127.0.0.1", "console", id="console"),
        param("localhost", "port", id="proxy by name"),
        param("[::1]", "metrics", id="exporter over IPv6"),
        param("[::ffff:127.0.0.1]", "console", id="console over IPv4 in IPv6"),
        param("OWN", "port", id="proxy at an interface"),
        param("127.0.0.1", 80, id="loopback"),
        param("10.0.0.1", 80, id="private"),
        param("169.254.169.254", 80, id="metadata"),
        param("100.100.100.200", 80, id="metadata of another cloud"),
        param("[fe80::1]", 80, id="link-local"),
    ],
)
def test_gateway_connects_neither_to_itself_nor_inside(way, origin, host, port):
    gateway = way.gateway
    ports = {"console": gateway.console_port, "metrics": gateway.metrics_port, "port": gateway.port}
    url = f"http://{own_address() if host == 'OWN' else host}:{ports.get(port, port)}/a.txt"
    way.resolve, kept = [], way.resolve
    try:
        status, fields, said = way.upload(CLEAN, url, "--noproxy", "")
    finally:
        way.resolve = kept
    assert status == "403", said
    event = gateway.wait_event(fields["x-sluice-incident"])
    assert [rule["id"] for rule in event["verdict"]["rules"]] == ["destination.private"]
    assert (origin.connections, way.parent and way.parent.connections) == (0, 0 if way.parent else None)


def test_login_of_the_next_proxy_is_shown_nowhere(way):
    password = LOGIN.partition(":")[2].encode()
    encoded = base64.b64encode(LOGIN.encode())
    kept = [path.read_bytes() for path in way.gateway.state.rglob("*") if path.is_file()]
    kept += [way.gateway.log().encode(), way.gateway.metrics().encode()]
    assert not [1 for text in kept if password in text or encoded in text]


@pytest.mark.parametrize("url", [f"https://{NAME}/a.txt", f"http://{NAME}/a.txt"], ids=["https", "http"])
def test_wrong_login_is_an_error_of_the_gateway_not_a_question_to_the_client(tmp_path, origin, parents, url):
    settings = {"mode": f"upstream:{parents['upstream-http'].url}", "upstream": {"trusted_ca": [str(origin.ca)]}}
    environment = {"SLUICE_UPSTREAM_LOGIN": "gate:wrong"}
    with Gateway(tmp_path, settings=settings, environment=environment) as gateway:
        way = Way(gateway, ["-x", gateway.proxy], parents["upstream-http"])
        status, fields, _ = way.upload(CLEAN, url)
    assert (status, "proxy-authenticate" in fields) == ("502", False)
    assert origin.connections == 0


def test_next_proxy_without_a_trusted_certificate_gets_no_login(tmp_path, origin, parents):
    settings = {"mode": f"upstream:{parents['upstream-https'].url}", "upstream": {"trusted_ca": [str(origin.ca)]}}
    environment = {"SLUICE_UPSTREAM_LOGIN": LOGIN}
    with Gateway(tmp_path, settings=settings, environment=environment) as gateway:
        status, _, _ = Way(gateway, ["-x", gateway.proxy]).upload(CLEAN, f"https://{NAME}/a.txt")
    assert status == "502"
    assert parents["upstream-https"].requests == []


@pytest.fixture(scope="module")
def login_gateway(tmp_path_factory, origin):
    folder = tmp_path_factory.mktemp("login")
    users = {"users": [{"name": "li.wei", "password_hash": PasswordHasher().hash("p:q")}]}
    (folder / "users.yaml").write_text(json.dumps(users))
    settings = {
        "mode": "socks5",
        "identity": {"required": True, "proxy_auth": "users", "users": "users.yaml"},
        "upstream": {"trusted_ca": [str(origin.ca)], "connect_to": {f"{NAME}:443": f"127.0.0.1:{origin.port}"}},
    }
    with Gateway(folder, settings=settings) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("login", "status"),
    [
        param("li.wei:p%3Aq@", "200", id="right"),
        param("li.wei:wrong@", "000", id="wrong password"),
        param("nobody:p%3Aq@", "000", id="nobody"),
        param("", "000", id="none"),
    ],
)
def test_login_in_the_socks_handshake(login_gateway, origin, login, status):
    way = Way(login_gateway, ["-x", f"socks5h://{login}127.0.0.1:{login_gateway.port}"])
    found, _, _ = way.upload(CLEAN, f"https://{NAME}/a.txt")
    assert (found, len(origin.requests)) == (status, 1 if status == "200" else 0)


def test_refusal_names_who_logged_in(login_gateway, origin):
    way = Way(login_gateway, ["-x", f"socks5h://li.wei:p%3Aq@127.0.0.1:{login_gateway.port}"])
    status, fields, _ = way.upload(ID, f"https://{NAME}/a.txt")
    event = login_gateway.wait_event(fields["x-sluice-incident"])
    assert (status, event["actor"]["user"], origin.connections) == ("403", "li.wei", 0)


@pytest.mark.parametrize(
    "sent",
    [
        param(b"GET / HTTP/1.1\r\n\r\n", id="HTTP"),
        param(b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", id="SOCKS4"),
        param(b"\x05\x01\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00", id="BIND"),
        param(b"\x05\x01\x00\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00", id="UDP ASSOCIATE"),
        param(b"\x05\x01\x00\x05\x01\x00\x09\x00\x00", id="unknown kind of address"),
        param(b"\x05\x01\x00\x05\x01\x00\x03\x07\xff\x00a b\n\x80\x00\x50GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="name of any bytes"),
    ],
)  # fmt: skip
def test_other_handshakes_lead_nowhere(tmp_path_factory, login_gateway, origin, sent):
    with socket.create_connection(("127.0.0.1", login_gateway.port), timeout=10) as opened:
        opened.sendall(sent)
        opened.shutdown(socket.SHUT_WR)
        while opened.recv(4096):
            pass
    assert origin.connections == 0


@pytest.mark.parametrize("mode", ["socks5h", "socks5", "upstream-http"])
def test_listed_host_passes_unread_by_the_same_way(tmp_path, origin, parents, mode):
    """The client sees the server's own certificate, and the gateway still connects where the mode says."""
    entry = {"host": NAME, "reason": "pinned", "owner": "li.wei", "expires": "2999-12-31"}
    settings = {"tls": {"passthrough": [entry]}, "upstream": {}}
    if mode == "upstream-http":
        settings |= {"mode": f"upstream:{parents[mode].url}"}
        environment = {"SLUICE_UPSTREAM_LOGIN": LOGIN}
    else:
        settings |= {"mode": "socks5"}
        settings["upstream"] = {"connect_to": {f"{NAME}:443": f"127.0.0.1:{origin.port}"}}
        environment = {}
    with Gateway(tmp_path, settings=settings, environment=environment) as gateway:
        scheme = mode if mode.startswith("socks") else "http"
        resolve = ["--resolve", f"{NAME}:443:{ADDRESS}"] if mode == "socks5" else []
        way = Way(gateway, ["-x", f"{scheme}://127.0.0.1:{gateway.port}", "--cacert", str(origin.ca)], None, resolve)
        status, _, said = way.upload(CLEAN, f"https://{NAME}/a.txt")
        assert (status, said) == ("200", ""), gateway.log()
        assert len(origin.requests) == 1
        assert gateway.metric("sluice_passthrough_bytes_total", direction="sent") > len(CLEAN)
