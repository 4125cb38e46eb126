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
WECHAT = "file.wx2.qq.com"
HOSTS = (OWN, CHAT, STORE, WECHAT)


def packed() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("list.csv", id_list())
    return made.getvalue()


LIST = packed()
BOUNDARY = "b"
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="media"; filename="a.zip"\r\n'
    b"content-type: application/zip\r\n\r\n" + LIST + b"\r\n--b--\r\n"
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
    ],
)
def test_what_its_sender_calls_a_piece_is_not_taken_for_one(client, origin, method, url, headers, body):
    assert client.request(method, url, headers=headers, data=body).status_code == 403
    assert origin.requests == []


def test_a_form_with_the_range_of_all_still_goes(client, origin):
    body = FORM.replace(LIST, b"hello")
    headers = {**MULTIPART, **part_of(len(body), len(body))}
    assert client.post(f"https://{CHAT}/cgi-bin/media/upload", data=body, headers=headers).status_code == 200
    assert [seen.bytes for seen in origin.requests] == [len(body)]
