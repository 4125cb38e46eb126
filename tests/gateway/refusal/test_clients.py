"""Real clients against a loopback server that answers with the rendered refusal: each shows the sentence."""

import json
import os
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import botocore.config
import botocore.exceptions
import httpx
import lark_oapi
import pytest
import slack_sdk
import slack_sdk.errors
import slack_sdk.webhook
import wechatpy.enterprise
from lark_oapi.api.im.v1 import CreateFileRequest, CreateFileRequestBody
from playwright.sync_api import sync_playwright
from wechatpy.exceptions import WeChatClientException

from gateway.refusal.render import render
from tests.samples.refusals import BLOCKED, GUIDANCE_EN, GUIDANCE_ZH, HELD, INCIDENT, SENTENCE_EN, SENTENCE_ZH

SHOWN = (SENTENCE_ZH, SENTENCE_EN, GUIDANCE_ZH, GUIDANCE_EN, INCIDENT)
UPLOAD_PAGE = b"""<!doctype html><meta charset="utf-8"><title>upload</title>
<form method="post" action="/block/none/upload" enctype="multipart/form-data">
<input type="file" name="f"><button>go</button></form>"""


class Gateway(BaseHTTPRequestHandler):
    """Answers `/<block or hold>/<dialect>/…` with the refusal; `/page` is a site with an upload form."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        self.server.seen.append(f"{self.command} {self.path}")
        if self.path == "/page":
            return self.send(200, [("Content-Type", "text/html")], UPLOAD_PAGE)
        if self.path == "/favicon.ico":
            return self.send(404, [], b"")
        self.rfile.read(int(self.headers.get("content-length", 0)))
        _, action, dialect, *_ = f"{self.server.prefix}{self.path}".split("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.send(
            *render(BLOCKED if action == "block" else HELD, incident=INCIDENT, dialect=dialect, headers=headers)
        )

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - names of http.server

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Gateway)
        self.prefix, self.seen = "", []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server():
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def test_slack_sdk(server):
    client = slack_sdk.WebClient(token="x", base_url=f"{server.url}/block/slack/", timeout=10)
    with pytest.raises(slack_sdk.errors.SlackApiError) as raised:
        client.chat_postMessage(channel="C1", text="hello")
    assert all(words in str(raised.value) for words in SHOWN)
    assert raised.value.response.status_code == 403
    assert len(server.seen) == 1


def test_slack_webhook(server):
    answer = slack_sdk.webhook.WebhookClient(f"{server.url}/hold/slack/services/T/B/x", timeout=10).send(text="hello")
    assert answer.status_code == 403
    assert "Held for approval" in json.loads(answer.body)["error"]


def test_boto3(server):
    client = boto3.client(
        "s3",
        endpoint_url=f"{server.url}/block/s3",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        client.put_object(Bucket="b", Key="k", Body=b"secret")
    assert str(raised.value).startswith(
        "An error occurred (AccessDenied) when calling the PutObject operation: Blocked: "
    )
    assert all(words in str(raised.value) for words in SHOWN)
    assert raised.value.response["ResponseMetadata"]["RequestId"] == INCIDENT
    assert len(server.seen) == 1
    client.close()


def test_wechatpy(server):
    class Client(wechatpy.enterprise.WeChatClient):
        API_BASE_URL = f"{server.url}/block/wecom/"

    client = Client("corp", "secret", access_token="x")
    with pytest.raises(WeChatClientException) as raised:
        client.media.upload("file", ("a.txt", b"secret"))
    answer = raised.value.response
    assert all(words in answer.text for words in SHOWN)
    assert answer.json()["errcode"] == 403
    assert len(server.seen) == 1


def test_lark_oapi(server):
    server.prefix = "/hold/feishu"  # the SDK takes no address with a path
    client = (
        lark_oapi.Client.builder()
        .app_id("a")
        .app_secret("b")
        .domain(server.url)
        .enable_set_token(True)
        .log_level(lark_oapi.LogLevel.ERROR)
        .build()
    )
    body = CreateFileRequestBody.builder().file_type("stream").file_name("a.txt").file(b"secret").build()
    option = lark_oapi.RequestOption.builder().tenant_access_token("t").build()
    answer = client.im.v1.file.create(CreateFileRequest.builder().request_body(body).build(), option)
    assert (answer.success(), answer.code) == (False, 403)
    assert answer.msg.startswith("已暂扣待审批：")
    assert all(words in answer.msg for words in SHOWN)
    assert len(server.seen) == 1


def test_httpx_with_a_problem_document(server):
    answer = httpx.post(f"{server.url}/block/none/upload", content=b"secret")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert (answer.headers["x-sluice-verdict"], answer.headers["x-sluice-incident"]) == ("block", INCIDENT)
    assert all(words in answer.json()["message"] for words in SHOWN)


def test_git_prints_the_sentence(server, tmp_path):
    own = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "PATH": os.environ["PATH"]}
    command = ["git", "-c", "http.proxy=", "ls-remote", f"{server.url}/block/github/a.git"]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)
    remote = next(line for line in done.stderr.splitlines() if line.startswith("remote: "))
    assert all(words in remote for words in SHOWN)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield running
        running.close()


@pytest.mark.browser
def test_form_of_a_page_leads_to_the_refusal_page(browser, server, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"secret")
    page = browser.new_page(locale="en-GB")
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{server.url}/page")
    page.set_input_files("input", tmp_path / "a.txt")
    page.click("button")
    page.wait_for_url("**/upload")
    assert page.title() == "Blocked / 已拦截"
    shown = page.inner_text("body")
    assert all(words in shown for words in SHOWN)
    assert page.inner_text("h1") == SENTENCE_EN
    # The browser itself reports the status; a style or script that the page's own policy refused would be told too.
    assert [text for text in complaints if not re.search(r"status of (403|404)", text)] == []
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("credentials", ["omit", "include"])
def test_script_of_another_origin_can_read_the_refusal(browser, server, credentials):
    with Server() as site:
        threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}).start()
        page = browser.new_page()
        page.goto(f"{site.url}/page")
        status, verdict, incident, body = page.evaluate(
            """async ([url, credentials]) => {
                const answer = await fetch(url, {method: "POST", body: "secret", credentials});
                const header = name => answer.headers.get(name);
                return [answer.status, header("x-sluice-verdict"), header("x-sluice-incident"), await answer.json()];
            }""",
            [f"{server.url}/hold/feishu/upload", credentials],
        )
        page.close()
        site.shutdown()
    assert (status, verdict, incident) == (403, "hold", INCIDENT)
    assert all(words in body["msg"] for words in SHOWN)
