"""Files dressed up as pieces: a piece alone is read less strictly, so nothing may become one by its sender's word."""

import io
import zipfile

import pytest
import requests

from gateway.demo.samples import id_list
from tests.support.gateway import Gateway
from tests.support.origin import Origin

pytestmark = pytest.mark.e2e
OWN, CHAT, STORE = "upload.example.com", "qyapi.weixin.qq.com", "example-bucket.s3.cn-north-1.amazonaws.com.cn"
WECHAT, DRIVE, GIVEN = "file.wx2.qq.com", "open.feishu.cn", "files.oaiusercontent.com"
HOSTS = (OWN, CHAT, STORE, WECHAT, DRIVE, GIVEN)


def packed() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("list.csv", id_list())
    return made.getvalue()


LIST = packed()
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="media"; filename="a.zip"\r\n'
    b"content-type: application/zip\r\n\r\n" + LIST + b"\r\n--b--\r\n"
)
WECHAT_PIECE = (
    b'--b\r\ncontent-disposition: form-data; name="uploadmediarequest"\r\n\r\n{"ClientMediaId": "C1"}\r\n'
    b'--b\r\ncontent-disposition: form-data; name="chunk"\r\n\r\n0\r\n'
    b'--b\r\ncontent-disposition: form-data; name="filename"; filename="a.zip"\r\n\r\n' + LIST + b"\r\n--b--\r\n"
)
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
TUS = {"tus-resumable": "1.0.0"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=HOSTS, keep_bodies=True, host="0.0.0.0") as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    """Every server stands in China, where pieces may go on before the whole was judged."""
    routes = {f"{host}:443": f"127.0.0.3:{origin.port}" for host in HOSTS}
    settings = {"geo": {"overrides": {"127.0.0.3/32": "CN"}}}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, origin_ca=origin.ca, connect_to=routes, settings=settings) as gateway:
        yield gateway


@pytest.fixture
def client(gateway, origin):
    origin.clear()
    with requests.Session() as session:
        session.trust_env, session.proxies = False, {"https": gateway.proxy}
        session.verify = str(gateway.ca)
        yield session


def part_of(length: int, total: object) -> dict[str, str]:
    return {"content-range": f"bytes 0-{length - 1}/{total}"}


@pytest.mark.parametrize(
    ("method", "url", "headers", "body"),
    [
        pytest.param("POST", f"https://{OWN}/up", TUS, LIST, id="tus announcement with bytes"),
        pytest.param("POST", f"https://{OWN}/up", {**TUS, **MULTIPART}, FORM, id="tus announcement with a form"),
        pytest.param("POST", f"https://{OWN}/up", {**TUS, "upload-length": "9999"}, LIST, id="tus, long"),
        pytest.param("PUT", f"https://{OWN}/a.zip", part_of(len(LIST), 9999), LIST, id="range to anybody"),
        pytest.param("PUT", f"https://{STORE}/a.zip", part_of(len(LIST), 9999), LIST, id="range to a store"),
        pytest.param(
            "POST", f"https://{CHAT}/cgi-bin/media/upload", {**MULTIPART, **part_of(len(FORM), 9999)}, FORM, id="form"
        ),
        pytest.param(
            "POST", f"https://{CHAT}/cgi-bin/media/upload", {**MULTIPART, **part_of(len(FORM), "*")}, FORM, id="no end"
        ),
        pytest.param(
            "POST",
            f"https://{CHAT}/cgi-bin/media/upload",
            {**MULTIPART, **part_of(len(FORM), len(FORM))},
            FORM,
            id="range of all",
        ),
        pytest.param("PUT", f"https://{STORE}/a.zip?uploadId=U1", {}, LIST, id="part without a number"),
        pytest.param("PUT", f"https://{GIVEN}/f?sig=x&comp=block&blockid=MQ%3D%3D", {}, LIST[:1], id="block of a file"),
        pytest.param("PUT", f"https://{GIVEN}/f?partNumber=1&uploadId=U", {}, LIST[:1], id="part of a file"),
        pytest.param(
            "POST", f"https://{WECHAT}/cgi-bin/mmwebwx-bin/webwxuploadmedia", MULTIPART, WECHAT_PIECE, id="no commit"
        ),
    ],
)
def test_what_its_sender_calls_a_piece_is_not_taken_for_one(client, origin, method, url, headers, body):
    assert client.request(method, url, headers=headers, data=body).status_code == 403
    assert origin.requests == []


def test_two_senders_cannot_make_one_file(gateway, client, origin):
    """One sends clean pieces and completes the upload, the other changes a piece."""
    url = f"https://{STORE}/a.zip?partNumber=1&uploadId=two"
    assert client.put(url, data=b"hello").status_code == 200
    with requests.Session() as other:
        other.trust_env, other.proxies, other.verify = False, client.proxies, client.verify
        other.mount("https://", SourceAddress())
        assert other.put(url, data=LIST).status_code == 403
    assert [seen.bytes for seen in origin.requests] == [5]


class SourceAddress(requests.adapters.HTTPAdapter):
    """Connects from another address than all others."""

    def proxy_manager_for(self, proxy, **options):
        return super().proxy_manager_for(proxy, source_address=("127.0.0.9", 0), **options)


@pytest.mark.parametrize(
    "path",
    [
        "/open-apis/drive/v1/files/upload_finish",
        "/open-apis/drive/v1/files/upload_finish/",
        "/open-apis/drive/v1/files/upload_finish;x=1",
        "/open-apis/drive/v1/files/./upload_finish",
        "/open-apis/drive/v1/x/../files/upload%5ffinish%20",
    ],
)
def test_no_spelling_of_the_commit_lets_the_whole_go(gateway, client, origin, path):
    parts = {"upload_id": (None, path), "seq": (None, "0"), "file": ("a.zip", LIST)}
    assert client.post(f"https://{DRIVE}/open-apis/drive/v1/files/upload_part", files=parts).status_code == 200
    commit = requests.Request("POST", f"https://{DRIVE}/", json={"upload_id": path, "block_num": 1}).prepare()
    # As written: urllib3 would tidy the path up.
    commit.url = f"https://{DRIVE}{path}"
    origin.clear()
    assert client.send(commit, proxies=client.proxies, verify=client.verify).status_code == 403
    assert origin.requests == []


def test_a_form_with_the_range_of_all_still_goes(client, origin):
    body = FORM.replace(LIST, b"hello")
    headers = {**MULTIPART, **part_of(len(body), len(body))}
    assert client.post(f"https://{CHAT}/cgi-bin/media/upload", data=body, headers=headers).status_code == 200
    assert [seen.bytes for seen in origin.requests] == [len(body)]
