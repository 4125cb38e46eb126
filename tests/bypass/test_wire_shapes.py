"""Every hostile shape of a request through a real gateway: it is refused with a reason, and nothing reaches the origin."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import ssl
from collections.abc import Iterator

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from tests.samples.client_bodies import CLIENTS, FILE
from tests.samples.messages import frame, message
from tests.samples.nasty_bodies import NASTY, Body
from tests.support.gateway import Gateway
from tests.support.git import Repository
from tests.support.origin import Origin
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
HOST, OLD_HOST = "upload.example.com", "old.example.com"
PEOPLE = "".join(
    f"{name},{number}\n"
    for name, number in (("张三", "11010519491231002X"), ("李四", "440304198001010017"), ("王五", "310101199003074554"))
).encode()
SECRET = b"id 11010519491231002X"


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Iterator[Origin]:
    names = (HOST, "front.example", "a.cdn.example")
    with Origin(tmp_path_factory.mktemp("origin"), names=names, alpn=("h2", "http/1.1"), keep_bodies=True) as made:
        yield made


@pytest.fixture(scope="module")
def old_origin(tmp_path_factory) -> Iterator[Origin]:
    with Origin(tmp_path_factory.mktemp("old"), names=(OLD_HOST,)) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin, old_origin) -> Iterator[Gateway]:
    trusted = tmp_path_factory.mktemp("ca") / "both.pem"
    trusted.write_bytes(origin.ca.read_bytes() + old_origin.ca.read_bytes())
    settings = {"requests": {"host_mismatch_allowed": ["front.example", "*.cdn.example"]}}
    with Gateway(
        tmp_path_factory.mktemp("gateway"),
        origin_ca=trusted,
        connect_to={"*:443": f"127.0.0.1:{origin.port}", f"{OLD_HOST}:443": f"127.0.0.1:{old_origin.port}"},
        settings=settings,
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def _empty_log(origin):
    origin.clear()


def tunnel(gateway: Gateway, host: str = HOST, protocol: str = "http/1.1") -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
    raw.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert b" 200 " in raw.recv(4096)
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(raw, server_hostname=host)


def ask(gateway: Gateway, request: bytes, **names: str) -> bytes:
    """The answer to one request, its head at least."""
    with tunnel(gateway, **names) as sock:
        sock.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data and (more := sock.recv(65536)):
            data += more
        length = re.search(rb"(?i)content-length: (\d+)", data)
        head = data.index(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else len(data)
        while length and len(data) < head + int(length[1]) and (more := sock.recv(65536)):
            data += more
        return data


def post(
    headers: list[bytes], body: bytes, *, method: bytes = b"POST", target: bytes = b"/up", version: bytes = b"1.1"
) -> bytes:
    head = [method + b" " + target + b" HTTP/" + version, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


NAMED = b"Host: upload.example.com"
HEADS = {
    "NUL in a field": (post([NAMED, b"X-A: a\0b"], b"hi"), 403, "wire.malformed-head"),
    "bare CR in a field": (post([NAMED, b"X-A: a\rTransfer-Encoding: chunked"], b"hi"), 403, "wire.malformed-head"),
    "two Hosts": (post([NAMED, NAMED], b"hi"), 403, "wire.malformed-head"),
    "no Host": (post([b"X-A: 1"], b"hi"), 403, "wire.malformed-head"),
    "another Host": (post([b"Host: other.example"], b"hi"), 403, "wire.host-mismatch"),
    "another port": (post([b"Host: upload.example.com:8443"], b"hi"), 403, "wire.host-mismatch"),
    "Host listed, target not": (post([b"Host: a.cdn.example"], b"hi"), 403, "wire.host-mismatch"),
    "HTTP/1.0": (post([NAMED], b"hi", version=b"1.0"), 403, "wire.malformed-head"),
    "unknown coding": (post([NAMED, b"Content-Encoding: hex"], b"hi"), 403, ""),
    "stacked codings": (post([NAMED, b"Content-Encoding: gzip, gzip, gzip, gzip"], b"hi"), 403, ""),
    "GET with a body": (post([NAMED], SECRET, method=b"GET"), 403, "wire.unexpected-body"),
    "HEAD with a body": (post([NAMED], SECRET, method=b"HEAD"), 403, "wire.unexpected-body"),
    "TRACE with a body": (post([NAMED], SECRET, method=b"TRACE"), 403, "wire.unexpected-body"),
    "DELETE with people": (post([NAMED], PEOPLE, method=b"DELETE"), 403, ""),
    "OPTIONS with people": (post([NAMED], PEOPLE, method=b"OPTIONS"), 403, ""),
    "Upgrade": (post([NAMED, b"Upgrade: tls/1.0", b"Connection: upgrade"], b"hi"), 403, "wire.upgrade"),
    "trailers": (
        b"POST /up HTTP/1.1\r\n" + NAMED + b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-A: 1\r\n\r\n",
        403,
        "wire.trailers",
    ),
    "two lengths": (
        b"POST /up HTTP/1.1\r\n" + NAMED + b"\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        400,
        "",
    ),
}


@pytest.mark.parametrize(("request_", "status", "rule"), [pytest.param(*row, id=name) for name, row in HEADS.items()])
def test_head_is_refused(gateway, origin, request_, status, rule):
    before = gateway.metric("sluice_blocked_total", rule=rule) if rule else 0
    heads = gateway.metric("sluice_refused_connections_total", reason="malformed-head")
    answer = ask(gateway, request_)
    assert b"HTTP/1.1 %d " % status in answer[:13]
    assert b"mitmproxy" not in answer.lower()
    assert (origin.connections, origin.requests) == (0, [])
    if rule:
        eventually(lambda: gateway.metric("sluice_blocked_total", rule=rule) == before + 1)
    if status == 400:
        assert b"server: sluice\r\n" in answer.lower()
        counted = ("sluice_refused_connections_total", "malformed-head")
        eventually(lambda: gateway.metric(counted[0], reason=counted[1]) == heads + 1)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(post([NAMED], b"hi", version=b"1.2"), id="HTTP/1.2"),
        pytest.param(b"POST\r\n\r\n", id="no request"),
        pytest.param(b"\r\n" + post([NAMED], b"hi"), id="line end before the request"),
        pytest.param(b"\0" + post([NAMED], b"hi"), id="NUL before the request"),
    ],
)
def test_what_is_not_http_is_closed_and_counted(gateway, origin, request_):
    before = gateway.metric("sluice_refused_connections_total") + gateway.metric("sluice_unread_connections_total")
    assert b"mitmproxy" not in ask(gateway, request_).lower()
    names = ("sluice_refused_connections_total", "sluice_unread_connections_total")
    eventually(lambda: sum(gateway.metric(name) for name in names) > before)
    assert (origin.connections, origin.requests) == (0, [])


def test_listed_hosts_may_differ(gateway, origin):
    request = post([b"Host: a.cdn.example"], b"hi")
    assert ask(gateway, request, host="front.example").startswith(b"HTTP/1.1 200")
    assert ask(gateway, post([b"Host: other.example"], b"hi"), host="front.example").startswith(b"HTTP/1.1 403")
    assert [seen.headers["host"] for seen in origin.requests] == ["a.cdn.example"]


@pytest.fixture(scope="module")
def client(gateway) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with httpx.Client(proxy=gateway.proxy, verify=context, http2=True, timeout=60) as made:
        yield made


def send(client: httpx.Client, body: Body) -> httpx.Response:
    headers = [(b"content-type", body.content_type.strip())] if body.content_type else []
    return client.post(f"https://{HOST}/up", content=body.data, headers=headers)


def holds_people(body: Body) -> bool:
    return SECRET in body.data


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in NASTY.items() if holds_people(body)])
def test_body_is_refused(client, origin, body):
    people = Body(body.label, body.content_type, body.data.replace(SECRET, PEOPLE.rstrip()))
    answer = send(client, people)
    assert answer.status_code == 403
    assert (origin.connections, origin.requests) == (0, [])


ZIP = gzip.compress(PEOPLE)
DISGUISED = {
    "protobuf": Body("", b"application/x-protobuf", message((1, b"to"), (2, message((3, PEOPLE))))),
    "protobuf without label": Body("", b"", message((1, message((2, message((3, PEOPLE))))))),
    "file in protobuf": Body("", b"application/octet-stream", message((1, b"a.gz"), (2, ZIP))),
    "gRPC": Body("", b"application/grpc", frame(message((1, PEOPLE)))),
    "gRPC-Web in base64": Body("", b"application/grpc-web-text", base64.b64encode(frame(message((1, ZIP))))),
    "broken gRPC": Body("", b"application/grpc", frame(b"clean") + b"x"),
    "JSON numbers": Body("", b"application/json", json.dumps({"data": list(ZIP)}).encode()),
    "JSON typed array": Body("", b"application/json", json.dumps({str(i): b for i, b in enumerate(ZIP)}).encode()),
    "JSON in JSON in JSON": Body("", b"application/json", json.dumps({"a": json.dumps({"b": json.dumps([PEOPLE.decode()])})}).encode()),
    "JSON lines": Body("", b"application/x-ndjson", b'{"a":1}\n' + json.dumps({"a": base64.b64encode(ZIP).decode()}).encode()),
    "JSON in UTF-16": Body("", b"application/json", json.dumps({"a": PEOPLE.decode()}).encode("utf-16")),
    "JSON as text": Body("", b"text/plain", json.dumps({"a": base64.urlsafe_b64encode(ZIP).decode()}).encode()),
    "SOAP": Body("", b"application/soap+xml", b"<s:Envelope xmlns:s='x'><f>" + base64.b64encode(ZIP) + b"</f></s:Envelope>"),
    "XML-RPC": Body("", b"text/xml", b"<v><base64>\n" + base64.encodebytes(ZIP) + b"</base64></v>"),
    "form, base64": Body("", b"application/x-www-form-urlencoded", b"a=1&f=" + base64.b64encode(ZIP).replace(b"+", b"%2B")),
    "form, base64url": Body("", b"application/x-www-form-urlencoded", b"f=" + base64.urlsafe_b64encode(ZIP)),
    "form, data URL": Body("", b"application/x-www-form-urlencoded", b"f=data:;base64," + base64.b64encode(ZIP).replace(b"+", b"%2B")),
    "form, JSON": Body("", b"application/x-www-form-urlencoded", b"payload=" + json.dumps({"a": PEOPLE.decode()}).encode().replace(b" ", b"+").replace(b"\\u", b"%5Cu")),
    "UTF-7": Body("", b"text/plain; charset=utf-7", PEOPLE.decode().encode("utf-16-be") and b"+" + base64.b64encode(PEOPLE.decode().encode("utf-16-be")).rstrip(b"=") + b"-"),
    "EBCDIC": Body("", b"text/plain; charset=IBM037", PEOPLE[PEOPLE.index(b","):].decode("ascii", "ignore").encode("cp037")),
    "UTF-16 by label": Body("", b"text/plain; charset=utf-16le", PEOPLE.decode().encode("utf-16-le")),
    "GB 18030": Body("", b"text/plain; charset=gb18030", PEOPLE.decode().encode("gb18030")),
    "related": Body("", b"multipart/related; boundary=b", b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: text/csv\r\n\r\n" + PEOPLE + b"\r\n--b--"),
    "gzip labelled form": Body("", b"application/x-www-form-urlencoded", ZIP),
}  # fmt: skip


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in DISGUISED.items()])
def test_disguise_is_seen_through(client, origin, body):
    answer = send(client, body)
    assert answer.status_code == 403, origin.requests
    assert (origin.connections, origin.requests) == (0, [])


def test_push_is_read(client, origin, tmp_path):
    made = Repository(tmp_path / "work")
    made.commit("people", {"people.csv": PEOPLE * 3})
    command = b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/main\0 report-status"
    data = b"%04x" % (len(command) + 4) + command + b"0000" + made.pack("main")
    assert send(client, Body("", b"application/x-git-receive-pack-request", data)).status_code == 403
    assert origin.requests == []


def ask_http2(gateway: Gateway, fields: dict[str, str], body: bytes, trailers: dict[str, str], **names: str) -> int:
    """Status of one request over HTTP/2 whose body is not announced."""
    with tunnel(gateway, protocol="h2", **names) as sock:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        connection.initiate_connection()
        pseudo = {":method": "POST", ":scheme": "https", ":authority": HOST, ":path": "/up"}
        connection.send_headers(1, list({**pseudo, **fields}.items()), end_stream=not body and not trailers)
        if body:
            connection.send_data(1, body, end_stream=not trailers)
        if trailers:
            connection.send_headers(1, list(trailers.items()), end_stream=True)
        sock.sendall(connection.data_to_send())
        while data := sock.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    return int(dict(event.headers)[":status"])
            sock.sendall(connection.data_to_send())
    return 0


@pytest.mark.parametrize(
    ("fields", "body", "trailers", "status"),
    [
        pytest.param({}, b"hi", {"x-checksum": "1"}, 200, id="trailer"),
        pytest.param({}, b"", {"x-checksum": "1"}, 200, id="trailer behind nothing"),
        pytest.param({}, b"hi", {"x-note": "11010519491231002X"}, 403, id="trailer that tells"),
        pytest.param({}, b"hi", {"x-note": PEOPLE.decode().split(",")[1][:18]}, 403, id="trailer that tells a person"),
        pytest.param({}, b"hi", {"content-encoding": "gzip"}, 403, id="trailer that changes the body's meaning"),
        pytest.param({":method": "GET"}, SECRET, {}, 403, id="GET with a body that is not announced"),
        pytest.param({":method": "GET"}, b"", {}, 200, id="GET"),
        pytest.param({":authority": "other.example"}, b"hi", {}, 403, id="another authority"),
        pytest.param({":authority": f"{HOST}:8443"}, b"hi", {}, 403, id="authority with another port"),
    ],
)
def test_http2(gateway, origin, fields, body, trailers, status):
    assert ask_http2(gateway, fields, body, trailers) == status
    if status == 200:
        (seen,) = origin.requests
        eventually(lambda: seen.complete)
        found = {
            name.removeprefix("trailer:"): value for name, value in seen.headers.items() if name.startswith("trailer:")
        }
        assert (seen.bytes, found) == (len(body), trailers)
    else:
        assert (origin.connections, origin.requests) == (0, [])


def test_trailers_are_dropped_before_a_server_of_http1(gateway, old_origin):
    assert ask_http2(gateway, {":authority": OLD_HOST}, b"hi", {"x-checksum": "1"}, host=OLD_HOST) == 200
    assert [(seen.bytes, seen.complete, "x-checksum" in str(seen.headers)) for seen in old_origin.requests] == [
        (2, True, False)
    ]


HEADER_VALUES = {
    "path": ("/" + PEOPLE.decode().split(",")[1].split("\n")[0], {}),
    "path, escaped twice": (
        "/%2531%2531%2530%2531%2530%2535%2531%2539%2534%2539%2531%2532%2533%2531%2530%2530%2532X",
        {},
    ),
    "query": ("/u?q=11010519491231002X", {}),
    "Dropbox": ("/u", {"dropbox-api-arg": '{"path": "/\\u0031\\u0031010519491231002X.txt"}'}),
    "S3 metadata": ("/u", {"x-amz-meta-note": "11010519491231002X"}),
    "QQ Mail": ("/u", {"x-qqmail-filename": "11010519491231002X.txt"}),
    "tus": ("/u", {"upload-metadata": "filename " + base64.b64encode(b"11010519491231002X.txt").decode()}),
    "Content-Disposition": ("/u", {"content-disposition": "attachment; filename*=UTF-8''%31%31010519491231002X.txt"}),
    "base64": ("/u", {"x-note": base64.b64encode(b"11010519491231002X").decode()}),
}


@pytest.mark.parametrize(("path", "headers"), [pytest.param(*row, id=name) for name, row in HEADER_VALUES.items()])
def test_what_the_head_tells_is_found(client, gateway, origin, path, headers):
    answer = client.put(f"https://{HOST}{path}", content=b"clean", headers=headers)
    found = gateway.wait_event(answer.headers["x-sluice-incident"]) if answer.status_code == 403 else None
    assert found is not None, "it passed"
    assert "cn.resident-id" in json.dumps(found)
    assert origin.requests == []


@pytest.mark.parametrize("name", list(CLIENTS))
def test_ordinary_clients_pass(client, origin, name):
    answer = client.post(
        f"https://{HOST}/up", content=CLIENTS[name].data, headers={"content-type": CLIENTS[name].content_type.decode()}
    )
    assert answer.status_code == 200, answer.text
    assert [FILE in seen.body or seen.bytes == len(CLIENTS[name].data) for seen in origin.requests] == [True]


ORDINARY = {
    "protobuf": Body("", b"application/x-protobuf", message((1, b"hello"), (2, 5), (3, bytes(range(100))))),
    "gRPC": Body("", b"application/grpc", frame(message((1, b"hello")))),
    "JSON numbers": Body("", b"application/json", json.dumps({"pixels": [n % 251 for n in range(500)]}).encode()),
    "Latin-1": Body("", b"text/plain; charset=iso-8859-1", "déjà vu".encode("latin-1")),
    "charset undefined": Body("", b"application/json; charset=undefined", b'{"a": 1}'),
    "form in GBK": Body("", b"application/x-www-form-urlencoded; charset=gbk", b"q=%BA%CF%CD%AC"),
    "small file labelled form": Body("", b"application/x-www-form-urlencoded", gzip.compress(b"a=b&c=d\n" * 50)),
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in ORDINARY.items()])
def test_ordinary_bodies_pass(client, origin, body):
    answer = send(client, body)
    assert answer.status_code == 200, answer.text
    assert len(origin.requests) == 1
