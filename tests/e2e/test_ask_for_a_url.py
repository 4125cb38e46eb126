"""Uploads that ask for a URL and put the bytes there: the recipient is the announcement's, and no refused one is completed."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import requests

from gateway.demo.samples import id_list
from tests.support.gateway import Gateway
from tests.support.origin import Origin
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
NAME = "会议安排.txt"
CLEAN = "会议室已经布置好，午餐在二楼，下午分组讨论。\n".encode() * 40
GITHUB = "github-production-user-asset-6210df.s3.amazonaws.com"


@dataclass(frozen=True)
class Flow:
    """Three requests; `{}` in a URL or body stands for the upload's own id."""

    announce: tuple[str, dict]
    """URL, and what `requests.post` takes beside it."""
    gives: dict
    """The service's answer to it."""
    put: tuple[str, str]
    """Method and URL of the bytes."""
    finish: tuple[str, dict]
    conversation: str = ""
    form: str = ""
    """Key of the form that carries the file; empty for a raw body."""
    service: str = ""


FLOWS = {
    "slack": Flow(
        ("https://slack.com/api/files.getUploadURLExternal", {"data": {"filename": NAME, "length": "{size}"}}),
        {"ok": True, "upload_url": "https://files.slack.com/upload/v1/{}", "file_id": "F{}"},
        ("POST", "https://files.slack.com/upload/v1/{}"),
        ("https://slack.com/api/files.completeUploadExternal", {"data": {"files": '[{"id": "F{}"}]', "channel_id": "C1"}}),
        service="slack",
    ),
    "chatgpt": Flow(
        ("https://chatgpt.com/backend-api/files", {"json": {"file_name": NAME, "file_size": "{size}"}}),
        {"upload_url": "https://files.oaiusercontent.com/file-{}?sig=s", "file_id": "file-{}"},
        ("PUT", "https://files.oaiusercontent.com/file-{}?sig=s"),
        ("https://chatgpt.com/backend-api/files/file-{}/uploaded", {"json": {}}),
        service="chatgpt",
    ),
    "discord": Flow(
        (
            "https://discord.com/api/v9/channels/123/attachments",
            {"json": {"files": [{"filename": NAME, "file_size": "{size}", "id": "1"}]}},
        ),
        {
            "attachments": [
                {
                    "id": 1,
                    "upload_url": "https://discord-attachments-uploads-prd.storage.googleapis.com/{}/a?upload_id=x",
                    "upload_filename": "{}/a",
                }
            ]
        },
        ("PUT", "https://discord-attachments-uploads-prd.storage.googleapis.com/{}/a?upload_id=x"),
        ("https://discord.com/api/v9/channels/123/messages", {"json": {"attachments": [{"uploaded_filename": "{}/a"}]}}),
        conversation="123",
        service="discord",
    ),
    "github": Flow(
        (
            "https://github.com/upload/policies/assets",
            {"files": {"name": (None, NAME), "size": (None, "{size}"), "repository_id": (None, "7")}},
        ),
        {"upload_url": f"https://{GITHUB}", "form": {"key": "1/{}"}},
        ("POST", f"https://{GITHUB}/"),
        ("https://github.com/upload/assets/1", {"json": {}}),
        conversation="7",
        form="1/{}",
        service="github",
    ),
}  # fmt: skip
HOSTS = sorted({urlsplit(url).hostname for flow in FLOWS.values() for url in (flow.announce[0], flow.put[1])})


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=(*HOSTS, "nobody.example")) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    routes = {f"{host}:443": f"127.0.0.1:{origin.port}" for host in (*HOSTS, "nobody.example")}
    with Gateway(tmp_path_factory.mktemp("gateway"), origin_ca=origin.ca, connect_to=routes) as gateway:
        yield gateway


@pytest.fixture
def client(gateway, origin):
    origin.clear()
    with requests.Session() as session:
        session.trust_env, session.proxies = False, {"https": gateway.proxy}
        session.verify = str(gateway.ca)
        yield session


def named(value, upload, size=0):
    """The value with the upload's id and size in their places."""
    if isinstance(value, str):
        done = value.replace("{}", upload)
        return size if done == "{size}" else done
    if isinstance(value, dict):
        return {key: named(inner, upload, size) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(named(inner, upload, size) for inner in value)
    return value


def run(client, origin, flow, upload, data):
    """The three answers."""
    origin.reply = lambda seen: (
        200,
        {"content-type": "application/json"},
        json.dumps(named(flow.gives, upload)).encode(),
    )
    url, sent = flow.announce
    sent = named(sent, upload, len(data))
    if "files" in sent:
        sent["files"] = {key: (None, str(value)) for key, (_, value) in sent["files"].items()}
    first = client.post(named(url, upload), **sent)
    method, url = flow.put
    body = {"data": data}
    if flow.form:
        body = {"files": {"key": (None, named(flow.form, upload)), "file": (NAME, data)}}
    second = client.request(method, named(url, upload), **body)
    url, sent = flow.finish
    third = client.post(named(url, upload), **named(sent, upload))
    return first, second, third


@pytest.mark.parametrize("name", FLOWS)
def test_a_clean_file_goes_to_the_recipient_that_was_announced(gateway, client, origin, name):
    flow = FLOWS[name]
    answers = run(client, origin, flow, f"{name}1", CLEAN)
    assert [answer.status_code for answer in answers] == [200, 200, 200]

    def told():
        host = urlsplit(flow.put[1]).hostname
        return [event for event in gateway.events() if event["destination"]["host"] == host and event["parts"]]

    (event,) = eventually(told)
    assert event["destination"]["service"] == flow.service
    assert event["destination"]["conversation"] == flow.conversation


@pytest.mark.parametrize("name", FLOWS)
def test_a_file_that_is_refused_is_not_completed(client, origin, name):
    flow = FLOWS[name]
    first, second, third = run(client, origin, flow, f"{name}2", id_list())
    assert (first.status_code, second.status_code) == (200, 403)
    assert len(origin.requests) <= 2
    assert not [seen for seen in origin.requests if seen.path == urlsplit(named(flow.put[1], f"{name}2")).path]
    if name in {"slack", "chatgpt"}:
        assert third.status_code == 403
        assert len(origin.requests) == 1


def test_an_upload_to_nobody_listed_is_listed_for_classification(gateway, client, origin):
    origin.reply = lambda seen: (200, {}, b"ok")
    assert client.put("https://nobody.example/v/1", data=CLEAN).status_code == 200

    def told():
        return [event for event in gateway.events() if event["destination"]["host"] == "nobody.example"]

    (event,) = eventually(told)
    found = {key: event["destination"][key] for key in ("service", "endpoint", "kind", "category")}
    assert found == {"service": "generic", "endpoint": "upload_put", "kind": "file", "category": "other"}
