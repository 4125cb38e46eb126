"""Values and files in places that servers read and nobody takes for content."""

import gzip
import io
import zipfile
from base64 import b64encode

import httpx
import pytest

from gateway.demo.samples import id_list
from tests.support.gateway import Gateway
from tests.support.origin import Origin

pytestmark = pytest.mark.e2e
ID = "11010519491231002X"
OWN, NAMED = "upload.example.com", f"{ID.lower()}.example.com"


def packed() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("list.csv", id_list())
    return made.getvalue()


LIST = packed()


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=(OWN, NAMED), alpn=("h2", "http/1.1")) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    routes = {f"{host}:443": f"127.0.0.1:{origin.port}" for host in (OWN, NAMED)}
    with Gateway(tmp_path_factory.mktemp("gateway"), origin_ca=origin.ca, connect_to=routes) as gateway:
        yield gateway


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    ("url", "headers", "json"),
    [
        pytest.param(f"https://{OWN}/", {"x-data": b64encode(LIST).decode()}, None, id="zip in a header"),
        pytest.param(f"https://{OWN}/", {"if-none-match": f'"{b64encode(LIST).decode()}"'}, None, id="zip in a tag"),
        pytest.param(
            f"https://{OWN}/", {"x-data": b64encode(gzip.compress(id_list())).decode()}, None, id="gzip in a header"
        ),
        pytest.param(f"https://{OWN}/", {}, {"d": LIST.decode("latin-1")}, id="zip of characters in JSON"),
        pytest.param(f"https://{NAMED}/", {}, None, id="name of the server"),
    ],
)
def test_what_is_no_body_is_read_all_the_same(gateway, origin, url, headers, json, http2):
    origin.clear()
    with httpx.Client(proxy=gateway.proxy, verify=str(gateway.ca), http2=http2, trust_env=False) as client:
        answer = client.request("POST" if json else "GET", url, headers=headers, json=json)
    assert (answer.status_code, origin.requests) == (403, [])
    identity = answer.headers["x-sluice-incident"]
    assert ID not in str(gateway.wait_event(identity)).upper()
