"""One real gateway and one origin for the end-to-end tests of a module."""

import pytest

from tests.support.gateway import Gateway
from tests.support.origin import Origin

HOSTS = (
    "qyapi.weixin.qq.com",
    "open.feishu.cn",
    "slack.com",
    "files.slack.com",
    "api.telegram.org",
    "d.pcs.baidu.com",
    "upload.example.com",
    "s3.cn-north-1.amazonaws.com.cn",
    "example-bucket.s3.cn-north-1.amazonaws.com.cn",
)


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=(*HOSTS, "localhost"), alpn=("h2", "http/1.1")) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    routes = {f"{host}:443": f"127.0.0.1:{origin.port}" for host in HOSTS}
    routes["upload.example.com:80"] = f"127.0.0.1:{origin.plain_port}"
    settings = {"geo": {"overrides": {}}}
    with Gateway(
        tmp_path_factory.mktemp("gateway"), origin_ca=origin.ca, connect_to=routes, settings=settings
    ) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _empty_log(origin):
    origin.clear()
