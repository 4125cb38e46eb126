"""Uploads in several requests through a real gateway: the whole is judged, and nothing goes on that policy keeps."""

import io
import itertools
import os
import random
import signal
import zipfile
from base64 import urlsafe_b64encode

import boto3
import botocore.config
import botocore.exceptions
import lark_oapi
import pytest
import requests
from boto3.s3.transfer import TransferConfig
from lark_oapi.api.drive.v1 import (
    FileUploadInfo,
    UploadFinishFileRequest,
    UploadFinishFileRequestBody,
    UploadPartFileRequest,
    UploadPartFileRequestBody,
    UploadPrepareFileRequest,
)

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
    "oapi.dingtalk.com",
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
    with Origin(tmp_path_factory.mktemp("origin"), names=HOSTS, keep_bodies=True, host="0.0.0.0") as origin:
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


def put_part(client, number: int, data: bytes, upload: str) -> requests.Response:
    url = f"https://example-bucket.s3.cn-north-1.amazonaws.com.cn/notes.zip?partNumber={number}&uploadId={upload}"
    return client.put(url, data=data)


def complete(client, upload: str) -> requests.Response:
    url = f"https://example-bucket.s3.cn-north-1.amazonaws.com.cn/notes.zip?uploadId={upload}"
    return client.post(url, data=b"<CompleteMultipartUpload/>", headers={"content-type": "application/xml"})


@pytest.mark.parametrize("seed", range(6))
def test_any_split_order_and_repetition_has_the_verdict_of_one_shot(client, services, seed):
    """Two uploads at once, cut anywhere, pieces out of order and some sent twice."""
    chance = random.Random(seed)
    uploads = {f"clean-{seed}-{services.name}": CLEAN, f"list-{seed}-{services.name}": LIST}
    sends = []
    for name, data in uploads.items():
        cuts = [0, *sorted(chance.sample(range(1, len(data)), chance.randrange(1, 9))), len(data)]
        parts = [(name, n, data[a:b]) for n, (a, b) in enumerate(itertools.pairwise(cuts), 1)]
        sends += parts + chance.sample(parts, 2)
    chance.shuffle(sends)
    for name, number, piece in sends:
        assert put_part(client, number, piece, name).status_code == 200
    assert [complete(client, name).status_code for name in uploads] == [200, 403]
    assert services.completed == [next(iter(uploads))]


def test_after_the_verdict_nothing_more_is_taken(client, services):
    name = f"late-{services.name}"
    assert put_part(client, 1, CLEAN, name).status_code == 200
    assert complete(client, name).status_code == 200
    late = put_part(client, 1, LIST, name)
    assert (late.status_code, "检查之后" in late.text) == (403, True)


def test_a_piece_replaced_by_another_is_refused_at_the_commit(client, services):
    name = f"twice-{services.name}"
    assert put_part(client, 1, CLEAN, name).status_code == 200
    assert put_part(client, 1, LIST, name).status_code == 200
    assert complete(client, name).status_code == 403
    assert services.completed == []


def test_a_commit_of_pieces_nobody_saw_is_refused(client, services, origin):
    answer = complete(client, f"unseen-{services.name}")
    assert (answer.status_code, "其他部分" in answer.text) == (403, True)
    assert origin.requests == []


def test_a_gap_is_refused_at_the_commit(client, services):
    name = f"gap-{services.name}"
    for number in (1, 3):
        assert put_part(client, number, CLEAN[:100_000], name).status_code == 200
    assert complete(client, name).status_code == 403


def test_after_a_refused_piece_the_commit_is_refused(client, services):
    """Some clients do not look at the answer to a piece and commit all the same."""
    name = f"deaf-{services.name}"
    assert put_part(client, 1, id_list(), name).status_code == 403
    assert put_part(client, 2, CLEAN, name).status_code == 403
    assert complete(client, name).status_code == 403
    assert services.completed == []


def test_nobody_goes_on_with_an_upload_of_somebody_else(client, services):
    """Uploads are told apart by who sends; the second address is a user of its own."""
    name = f"mine-{services.name}"
    assert put_part(client, 1, CLEAN, name).status_code == 200
    with requests.Session() as other:
        other.trust_env, other.proxies, other.verify = False, client.proxies, client.verify
        other.mount("https://", SourceAddress("127.0.0.9"))
        assert complete(other, name).status_code == 403
    assert complete(client, name).status_code == 200


class SourceAddress(requests.adapters.HTTPAdapter):
    """Connects from that address."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def proxy_manager_for(self, *arguments, **options):
        return super().proxy_manager_for(*arguments, **options, source_address=(self.address, 0))


def test_dingtalk_counts_what_comes_whatever_was_declared(client, services, origin):
    """Two pieces of 27 MB, announced as 52 MB: the second is refused for size."""
    base = "https://oapi.dingtalk.com/file/upload"
    opened = client.get(f"{base}/transaction?agent_id=1&file_size=52000000&chunk_numbers=2")
    refused = client.get(f"{base}/transaction?agent_id=1&file_size=64000000&chunk_numbers=2")
    assert (opened.status_code, refused.status_code) == (200, 413)
    piece = ("".join(LINE.format(n) for n in range(380_000))).encode()[: 27 * KIB * KIB]
    url = f"{base}/chunk?agent_id=1&upload_id={services.name}&chunk_sequence="
    assert client.post(url + "1", files={"file": ("a.txt", piece)}).status_code == 200
    assert client.post(url + "2", files={"file": ("a.txt", piece)}).status_code == 413
    assert client.get(f"{base}/transaction?agent_id=1&upload_id={services.name}&chunk_numbers=2").status_code == 403
    assert services.completed == []


def lark_upload(data: bytes):
    """As the official SDK's examples do: prepare, a part for each block, finish."""
    client = lark_oapi.Client.builder().app_id("a").app_secret("s").log_level(lark_oapi.LogLevel.CRITICAL).build()
    info = (
        FileUploadInfo.builder().file_name("a.zip").parent_type("explorer").parent_node("fld").size(len(data)).build()
    )
    opened = client.drive.v1.file.upload_prepare(UploadPrepareFileRequest.builder().request_body(info).build())
    assert opened.success(), opened.msg
    for number, (_, block) in enumerate(pieces(data, opened.data.block_size)):
        body = UploadPartFileRequestBody.builder().upload_id(opened.data.upload_id).seq(number).size(len(block))
        part = UploadPartFileRequest.builder().request_body(body.file(io.BytesIO(block)).build()).build()
        answer = client.drive.v1.file.upload_part(part)
        if not answer.success():
            return answer
    body = UploadFinishFileRequestBody.builder().upload_id(opened.data.upload_id).block_num(number + 1).build()
    return client.drive.v1.file.upload_finish(UploadFinishFileRequest.builder().request_body(body).build())


@pytest.mark.parametrize("sensitive", [False, True], ids=["clean", "list"])
def test_lark_drive(gateway, services, monkeypatch, sensitive):
    monkeypatch.setenv("HTTPS_PROXY", gateway.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(gateway.ca))
    answer = lark_upload(archive(sensitive=sensitive, lines=70_000))
    assert answer.success() is not sensitive
    assert services.completed == ([] if sensitive else [services.name])
    assert sorted(services.stored[services.name]) == [0, 1]


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
