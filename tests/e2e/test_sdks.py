"""Official SDKs and a browser through a real gateway: a clean file arrives, a refused one leaves nothing, the sentence shows."""

import hashlib
import io
import json
import ssl
import urllib.error

import boto3
import botocore.config
import botocore.exceptions
import lark_oapi
import pytest
import wechatpy.exceptions
from lark_oapi.api.im.v1 import CreateFileRequest, CreateFileRequestBody
from playwright.sync_api import sync_playwright
from slack_sdk import WebClient
from wechatpy.enterprise import WeChatClient

from gateway.demo.samples import NEWS, id_list

pytestmark = pytest.mark.e2e
CLEAN = NEWS.encode()
SENTENCE = "加密"
"""Stands in the sentence of the rule that refuses unencrypted identifiers."""


@pytest.fixture(autouse=True)
def _through_the_proxy(gateway, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, gateway.proxy)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(gateway.ca))


def reply(seen):
    """What each service answers its own SDK."""
    if seen.method == "PUT":
        return 200, {"etag": '"0"'}, b""
    body = {
        "ok": True, "code": 0, "errcode": 0, "errmsg": "ok", "msg": "success", "expire": 7200,
        "tenant_access_token": "t-test", "access_token": "t", "expires_in": 7200, "media_id": "m", "type": "file",
        "created_at": "1", "data": {"file_key": "k"}, "upload_url": "https://files.slack.com/upload/v1/abc",
        "file_id": "F1", "files": [{"id": "F1"}],
    }  # fmt: skip
    return 200, {"content-type": "application/json"}, json.dumps(body).encode()


@pytest.fixture(autouse=True)
def _replies(origin):
    origin.reply, before = reply, origin.reply
    origin.keep_bodies = True
    yield
    origin.reply, origin.keep_bodies = before, False


def bodies(origin, path: str) -> list[bytes]:
    return [seen.body for seen in origin.requests if path in seen.path]


def lark(data: bytes):
    client = lark_oapi.Client.builder().app_id("a").app_secret("s").log_level(lark_oapi.LogLevel.CRITICAL).build()
    body = CreateFileRequestBody.builder().file_type("stream").file_name("名单.csv").file(io.BytesIO(data)).build()
    return client.im.v1.file.create(CreateFileRequest.builder().request_body(body).build())


def test_lark_clean(origin):
    assert lark(CLEAN).success()
    (body,) = bodies(origin, "/im/v1/files")
    assert CLEAN in body


def test_lark_refused(origin):
    answer = lark(id_list())
    assert not answer.success()
    assert SENTENCE in answer.msg
    assert bodies(origin, "/im/v1/files") == []


def slack(gateway, data: bytes):
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    client = WebClient("xoxb-test", ssl=context, proxy=gateway.proxy)
    return client.files_upload_v2(channel="C0123456789", filename="名单.csv", content=data)


def test_slack_clean(gateway, origin):
    assert slack(gateway, CLEAN)["ok"]
    assert bodies(origin, "/upload/v1/abc") == [CLEAN]


def test_slack_refused(gateway, origin):
    # The SDK sends the raw bytes with urllib and lets its error through.
    with pytest.raises(urllib.error.HTTPError) as refused:
        slack(gateway, id_list())
    with refused.value as answer:
        assert (answer.code, SENTENCE in answer.read().decode()) == (403, True)
    assert bodies(origin, "/upload/v1/abc") == []
    assert bodies(origin, "completeUploadExternal") == []


def wecom() -> WeChatClient:
    return WeChatClient("corp", "secret")


def test_wecom_clean(origin):
    assert wecom().media.upload("file", ("名单.csv", CLEAN))["media_id"] == "m"
    assert [CLEAN in body for body in bodies(origin, "/cgi-bin/media/upload")] == [True]


def test_wecom_refused(origin):
    with pytest.raises(wechatpy.exceptions.WeChatException) as refused:
        wecom().media.upload("file", ("名单.csv", id_list()))
    # The SDK raises on the status and hands the answer on.
    assert SENTENCE in refused.value.response.json()["errmsg"]
    assert bodies(origin, "/cgi-bin/media/upload") == []


def test_wecom_message_refused(origin):
    with pytest.raises(wechatpy.exceptions.WeChatException) as refused:
        wecom().message.send_text(1, "zhang", "客户身份证号 11010519491231002X 请查收")
    # The SDK raises on the status and hands the answer on.
    assert SENTENCE in refused.value.response.json()["errmsg"]
    assert bodies(origin, "/cgi-bin/message/send") == []


def s3(gateway):
    config = botocore.config.Config(proxies={"https": gateway.proxy}, retries={"max_attempts": 1})
    return boto3.client(
        "s3", region_name="cn-north-1", endpoint_url="https://s3.cn-north-1.amazonaws.com.cn", config=config,
        aws_access_key_id="test", aws_secret_access_key="test", verify=str(gateway.ca),
    )  # fmt: skip


def test_s3_clean(gateway, origin):
    s3(gateway).put_object(Bucket="example-bucket", Key="notes.txt", Body=io.BytesIO(CLEAN * 100))
    (seen,) = [seen for seen in origin.requests if "notes.txt" in seen.path]
    # The SDK frames the body in signed chunks of its own; every byte of it arrives.
    assert CLEAN in seen.body
    assert seen.sha256 == hashlib.sha256(seen.body).hexdigest()


def test_s3_refused(gateway, origin):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        s3(gateway).put_object(Bucket="example-bucket", Key="roster.csv", Body=io.BytesIO(id_list()))
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert SENTENCE in refused.value.response["Error"]["Message"]
    assert bodies(origin, "roster.csv") == []


FORM = b"""<!doctype html><meta charset=utf-8><form method=post action=/submit enctype=multipart/form-data>
<input type=file name=media><button>send</button></form>"""


@pytest.mark.browser
@pytest.mark.parametrize(("data", "refused"), [(CLEAN, False), (id_list(), True)], ids=["clean", "refused"])
def test_browser_posts_a_form(gateway, origin, tmp_path, data, refused):
    def page_or_thanks(seen):
        return 200, {"content-type": "text/html; charset=utf-8"}, FORM if seen.method == "GET" else b"<p id=ok>ok"

    origin.reply = page_or_thanks
    upload = tmp_path / "roster.csv"
    upload.write_bytes(data)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    flags += ["--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=flags, proxy={"server": gateway.proxy}
        )
        page = browser.new_context(ignore_https_errors=True, locale="zh-CN").new_page()
        page.goto("https://upload.example.com/form")
        page.set_input_files("input[type=file]", upload)
        with page.expect_navigation():
            page.click("button")
        text, status = (
            page.inner_text("body"),
            page.evaluate("performance.getEntriesByType('navigation')[0].responseStatus"),
        )
        browser.close()
    arrived = [body for seen in origin.requests if seen.method == "POST" for body in [seen.bytes]]
    if refused:
        assert (status, arrived) == (403, [])
        assert SENTENCE in text
    else:
        assert (status, text, len(arrived)) == (200, "ok", 1)
