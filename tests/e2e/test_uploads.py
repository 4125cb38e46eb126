"""Uploads in several requests through a real gateway: the whole is judged, and nothing goes on that policy keeps."""

import io
import os
import signal
import zipfile
from base64 import urlsafe_b64encode

import boto3
import botocore.config
import botocore.exceptions
import pytest
import requests
from boto3.s3.transfer import TransferConfig

from gateway.demo.samples import id_list
from tests.support.gateway import Gateway
from tests.support.origin import Origin
from tests.support.services import Services
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
HOSTS = (
    "example-bucket.s3.cn-north-1.amazonaws.com.cn",
    "example-bucket.s3.us-west-2.amazonaws.com",
    "storage.googleapis.com",
    "graph.microsoft.com",
    "example.sharepoint.com",
    "open.feishu.cn",
    "upload.example.com",
)
KIB = 1024
PIECE = 256 * KIB
WORK = ".".join(
    urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"none"}', b'{"tid":"11111111-2222-3333-4444-555555555555"}', b"-")
)
"""A token of a company's tenant."""
LINE = "第{}天：会议室已经布置好，午餐在二楼，下午分组讨论。\n"


def archive(*, sensitive: bool, lines: int = 12_000) -> bytes:
    """A zip of a long clean text; with `sensitive`, a packed list that can be read in none of its pieces."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as box:
        box.writestr("notes.txt", "".join(LINE.format(n) for n in range(lines)))
        if sensitive:
            box.writestr(zipfile.ZipInfo("list.csv"), id_list(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


CLEAN, LIST = archive(sensitive=False), archive(sensitive=True)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=HOSTS, keep_bodies=True, host=None) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    routes = {f"{host}:443": f"127.0.0.1:{origin.port}" for host in HOSTS}
    routes["upload.example.com:443"] = f"127.0.0.2:{origin.port}"
    settings = {"geo": {"overrides": {"127.0.0.2/32": "US"}}}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, origin_ca=origin.ca, connect_to=routes, settings=settings) as gateway:
        yield gateway


@pytest.fixture
def services(origin):
    origin.clear()
    origin.reply = Services()
    return origin.reply


@pytest.fixture
def client(gateway):
    with requests.Session() as session:
        session.trust_env, session.proxies = False, {"https": gateway.proxy}
        session.verify = str(gateway.ca)
        yield session


def pieces(data: bytes, size: int = PIECE) -> list[tuple[int, bytes]]:
    return [(start, data[start : start + size]) for start in range(0, len(data), size)]


def content_range(start: int, piece: bytes, total: int) -> dict[str, str]:
    return {"content-range": f"bytes {start}-{start + len(piece) - 1}/{total}"}


def uploaded(origin) -> int:
    """Bytes of files that the origin has."""
    return sum(seen.bytes for seen in origin.requests if seen.method in {"PUT", "PATCH"})


# --- the service has a commit: pieces go on, the commit waits ---


@pytest.fixture
def s3(gateway, monkeypatch):
    def client(region: str):
        monkeypatch.setenv("AWS_CA_BUNDLE", str(gateway.ca))
        return boto3.client(
            "s3",
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(
                proxies={"https": gateway.proxy}, retries={"max_attempts": 1}, s3={"addressing_style": "virtual"}
            ),
        )

    return client


PARTS = TransferConfig(multipart_threshold=5 * KIB * KIB, multipart_chunksize=5 * KIB * KIB, max_concurrency=3)
LARGE = 200_000
"""Lines of about 75 bytes: four parts of S3's least size."""


def put(client, data: bytes) -> None:
    client.upload_fileobj(io.BytesIO(data), "example-bucket", "notes.zip", Config=PARTS)


def test_s3_multipart_clean(s3, services, gateway):
    data = archive(sensitive=False, lines=LARGE)
    put(s3("cn-north-1"), data)
    assert services.completed == [services.name]
    assert sorted(services.stored[services.name]) == [1, 2, 3, 4]


def test_s3_multipart_is_judged_as_a_whole(s3, services, gateway):
    data = archive(sensitive=True, lines=LARGE)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        put(s3("cn-north-1"), data)
    assert "加密" in str(refused.value)
    assert services.completed == []


def test_s3_a_piece_that_shows_it_is_refused_itself(s3, services):
    with pytest.raises(botocore.exceptions.ClientError):
        put(s3("cn-north-1"), id_list() + "".join(LINE.format(n) for n in range(LARGE)).encode("gb18030"))
    assert services.completed == []
    assert 1 not in services.stored.get(services.name, {})


def test_s3_abroad_is_refused_at_its_first_request(s3, services, origin):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        put(s3("us-west-2"), archive(sensitive=False, lines=LARGE))
    assert "分片" in str(refused.value)
    assert origin.requests == []


# --- nothing goes on before the whole was judged ---


def resumable(client, data: bytes, order=None) -> requests.Response:
    start = client.post(
        "https://storage.googleapis.com/upload/storage/v1/b/example/o?uploadType=resumable&name=a.zip",
        json={"name": "a.zip"},
    )
    assert start.status_code == 200
    url = start.headers["location"]
    for at, piece in pieces(data):
        answer = client.put(url, data=piece, headers=content_range(at, piece, len(data)), allow_redirects=False)
        if answer.status_code != 308:
            break
        assert answer.headers["range"] == f"bytes=0-{at + len(piece) - 1}"
    return answer


def test_google_clean(client, services, origin):
    assert resumable(client, CLEAN).status_code == 200
    assert services.whole(services.name) == CLEAN
    assert [seen.bytes for seen in origin.requests if seen.method == "PUT"] == [len(CLEAN)]


def test_google_refused(client, services, origin, gateway):
    answer = resumable(client, LIST)
    assert answer.status_code == 403
    assert uploaded(origin) == 0
    event = gateway.wait_event(answer.headers["x-sluice-incident"])
    assert "sensitive.unencrypted" in [rule["id"] for rule in event["verdict"]["rules"]]
    assert ("a.zip", len(LIST)) in [(part["path"], part["size_bytes"]) for part in event["parts"]]


def test_google_tells_how_far_it_is(client, services, origin):
    start = client.post(
        "https://storage.googleapis.com/upload/storage/v1/b/example/o?uploadType=resumable", json={"name": "a.zip"}
    )
    url = start.headers["location"]
    first = CLEAN[:PIECE]
    client.put(url, data=first, headers=content_range(0, first, len(CLEAN)), allow_redirects=False)
    asked = client.put(url, headers={"content-range": f"bytes */{len(CLEAN)}"}, allow_redirects=False)
    assert (asked.status_code, asked.headers["range"]) == (308, f"bytes=0-{PIECE - 1}")
    assert uploaded(origin) == 0


def test_an_upload_goes_on_after_the_worker_was_killed(client, services, origin, gateway):
    start = client.post(
        "https://storage.googleapis.com/upload/storage/v1/b/example/o?uploadType=resumable", json={"name": "a.zip"}
    )
    url, cut = start.headers["location"], PIECE
    answer = client.put(url, data=LIST[:cut], headers=content_range(0, LIST[:cut], len(LIST)), allow_redirects=False)
    assert answer.status_code == 308
    (pid,) = gateway.pids("addons")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gateway.pids("addons") not in ([], [pid]), 30)
    gateway.wait_ready()
    rest = LIST[cut:]
    with requests.Session() as session:
        session.trust_env, session.proxies, session.verify = False, {"https": gateway.proxy}, str(gateway.ca)
        answer = session.put(url, data=rest, headers=content_range(cut, rest, len(LIST)), allow_redirects=False)
    assert answer.status_code == 403
    assert uploaded(origin) == 0


@pytest.mark.parametrize(("data", "status"), [(CLEAN, 200), (LIST, 403)], ids=["clean", "list"])
def test_graph(client, services, origin, data, status):
    session = client.post(
        "https://graph.microsoft.com/v1.0/me/drive/root:/a.zip:/createUploadSession",
        json={"item": {"name": "a.zip"}},
        headers={"authorization": f"Bearer {WORK}"},
    )
    assert session.status_code == 200
    for at, piece in pieces(data):
        answer = client.put(session.json()["uploadUrl"], data=piece, headers=content_range(at, piece, len(data)))
        if answer.status_code != 202:
            break
        assert answer.json()["nextExpectedRanges"] == [f"{at + len(piece)}-"]
    assert answer.status_code == status
    assert services.whole(services.name) == (data if status == 200 else b"")
    assert uploaded(origin) == (len(data) if status == 200 else 0)


@pytest.mark.parametrize(("data", "status"), [(CLEAN, 204), (LIST, 403)], ids=["clean", "list"])
def test_tus(client, services, origin, data, status):
    own = {"tus-resumable": "1.0.0"}
    made = client.post("https://upload.example.com/files", headers={**own, "upload-length": str(len(data))})
    assert made.status_code == 201
    url = "https://upload.example.com" + made.headers["location"]
    for at, piece in pieces(data):
        headers = {**own, "upload-offset": str(at), "content-type": "application/offset+octet-stream"}
        answer = client.patch(url, data=piece, headers=headers)
        if answer.status_code != 204:
            break
        assert answer.headers["upload-offset"] == str(at + len(piece))
    assert answer.status_code == status
    assert services.whole(services.name) == (data if status == 204 else b"")


def test_ranges_to_an_unknown_server_are_refused_unless_one_has_all(client, services, origin):
    piece = CLEAN[:PIECE]
    url = "https://upload.example.com/put/1"
    refused = client.put(url, data=piece, headers=content_range(0, piece, len(CLEAN)))
    assert (refused.status_code, "upload.pieces" in refused.text) == (403, True)
    assert origin.requests == []
    other = "https://upload.example.com/put/2"
    assert client.put(other, data=CLEAN, headers=content_range(0, CLEAN, len(CLEAN))).status_code == 200


# --- the size rule, early and late ---


def test_the_declared_total_refuses_the_first_piece(client, services, origin, gateway):
    """60 MB announced to a messaging service: not one byte of it is asked for."""
    headers = {"content-range": f"bytes 0-{PIECE - 1}/{60 * KIB * KIB}", "expect": "100-continue"}
    answer = client.put("https://open.feishu.cn/files/1", data=CLEAN[:PIECE], headers=headers)
    assert answer.status_code == 413
    assert origin.requests == []
