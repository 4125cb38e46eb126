import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import gateway.destinations
from gateway.destinations.dialects import DIALECTS as NAMES_OF_THE_CATALOGUE
from gateway.refusal.dialects import DIALECTS, XML_SHAPES, for_git, in_dialect
from gateway.refusal.wording import notice_of
from gateway.yamlfile import load_yaml
from tests.samples import refusals
from tests.samples.refusals import INCIDENT, SENTENCE_EN, SENTENCE_ZH, ground, verdict

param = pytest.param
BLOCKED = notice_of(refusals.BLOCKED, incident=INCIDENT, console_url="")
TOO_LARGE = notice_of(verdict(ground(is_size=True)), incident=INCIDENT, console_url="")
HOSTILE = notice_of(refusals.HOSTILE_VERDICT, incident=INCIDENT, console_url="")
ZH = BLOCKED.message("zh")
EN = BLOCKED.message("en")
ALL = [*DIALECTS, *XML_SHAPES]


def body_of(name, notice=BLOCKED, asked=None):
    answer = in_dialect(name, notice, asked)
    return answer and json.loads(answer.body)


BODIES = [
    param("wecom", {"errcode": 403, "errmsg": ZH}, id="wecom"),
    param(
        "dingtalk",
        {"errcode": 403, "errmsg": ZH, "code": "Forbidden.AccessDenied", "message": ZH, "requestid": INCIDENT},
        id="dingtalk",
    ),
    param("feishu", {"code": 403, "msg": ZH}, id="feishu"),
    param("baidu", {"errno": 403, "errmsg": ZH, "error_code": 403, "error_msg": ZH}, id="baidu"),
    param("slack", {"ok": False, "error": EN}, id="slack"),
    param("telegram", {"ok": False, "error_code": 403, "description": EN}, id="telegram"),
    param(
        "dropbox",
        {
            "error_summary": EN,
            "error": {".tag": "blocked_by_policy"},
            "user_message": {"text": EN, "locale": "en"},
        },
        id="dropbox",
    ),
    param("github", {"message": EN, "documentation_url": refusals.ROUTE, "status": "403"}, id="github"),
    param(
        "google",
        {
            "error": {
                "code": 403,
                "message": EN,
                "status": "PERMISSION_DENIED",
                "errors": [{"message": EN, "domain": "global", "reason": "forbidden"}],
            }
        },
        id="google",
    ),
    param(
        "graph",
        {"error": {"code": "accessDenied", "message": EN, "innerError": {"request-id": INCIDENT}}},
        id="graph",
    ),
    param(
        "box",
        {"type": "error", "status": 403, "code": "forbidden", "message": EN, "request_id": INCIDENT},
        id="box",
    ),
    param("gitlab", {"message": EN}, id="gitlab"),
    param(
        "anthropic",
        {"type": "error", "error": {"type": "permission_error", "message": EN}, "request_id": INCIDENT},
        id="anthropic",
    ),
    param("discord", {"message": EN, "code": 0}, id="discord"),
    param("matrix", {"errcode": "M_FORBIDDEN", "error": EN}, id="matrix"),
    param("zulip", {"result": "error", "msg": EN, "code": "BAD_REQUEST"}, id="zulip"),
    param(
        "openai",
        {"error": {"message": EN, "type": "policy", "param": None, "code": "blocked_by_policy"}},
        id="openai",
    ),
]


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_shapes(name, body):
    assert body_of(name) == body


def test_every_shape_is_in_the_table_above():
    assert {case.id for case in BODIES} == set(DIALECTS)


def dialects_in(value):
    """Every value of a key `dialect`, however deep."""
    if isinstance(value, list):
        return {name for one in value for name in dialects_in(one)}
    if isinstance(value, dict):
        own = {value["dialect"]} if "dialect" in value else set()
        return own | {name for one in value.values() for name in dialects_in(one)}
    return set()


def test_every_dialect_of_the_catalogue_is_known():
    files = sorted((Path(gateway.destinations.__file__).parent / "data").glob("*.yaml"))
    used = {name for file in files for name in dialects_in(load_yaml(str(file)).value)} - {"none"}
    assert {"wecom", "s3", "dropbox"} <= used
    assert used <= set(ALL)


def test_names_and_shapes_are_one_list():
    assert sorted(NAMES_OF_THE_CATALOGUE) == sorted(ALL)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("notice", [BLOCKED, TOO_LARGE], ids=["403", "413"])
def test_sentence_and_number_are_in_every_shape(name, notice):
    text = in_dialect(name, notice, None).body.decode()
    for words in (SENTENCE_ZH, SENTENCE_EN, refusals.GUIDANCE_ZH, refusals.GUIDANCE_EN, INCIDENT):
        assert words in text


@pytest.mark.parametrize(
    ("name", "asked", "zh_is_first"),
    [
        *[param(name, None, True, id=f"{name}-zh") for name in ("wecom", "dingtalk", "feishu", "baidu")],
        *[
            param(name, None, False, id=f"{name}-en")
            for name in sorted({*ALL} - {"wecom", "dingtalk", "feishu", "baidu"})
        ],
        param("wecom", "en", False, id="asked-en"),
        param("s3", "zh", True, id="asked-zh-xml"),
        param("slack", "zh", True, id="asked-zh"),
    ],
)
def test_language_order(name, asked, zh_is_first):
    text = in_dialect(name, BLOCKED, asked).body.decode()
    assert (text.index(SENTENCE_ZH) < text.index(SENTENCE_EN)) is zh_is_first


@pytest.mark.parametrize("name", DIALECTS)
def test_hostile_words_stay_words(name):
    body = in_dialect(name, HOSTILE, None).body
    assert "alert(1)" in str(json.loads(body))
    assert b"\n" not in body
    assert b"\x00" not in body


@pytest.mark.parametrize(("notice", "code"), [(BLOCKED, "AccessDenied"), (TOO_LARGE, "EntityTooLarge")])
def test_s3(notice, code):
    answer = in_dialect("s3", notice, None)
    root = ET.fromstring(answer.body)
    assert answer.content_type == "application/xml"
    assert root.tag == "Error"
    assert {child.tag: child.text for child in root} == {
        "Code": code,
        "Message": EN,
        "RequestId": INCIDENT,
        "HostId": "sluice",
    }


@pytest.mark.parametrize(("notice", "code"), [(BLOCKED, "AuthorizationFailure"), (TOO_LARGE, "RequestBodyTooLarge")])
def test_azure(notice, code):
    answer = in_dialect("azure", notice, None)
    root = ET.fromstring(answer.body)
    assert answer.content_type == "application/xml"
    assert root.tag == "Error"
    assert {child.tag: child.text for child in root} == {"Code": code, "Message": f"{EN}\nRequestId:{INCIDENT}"}


def test_azure_escapes_hostile_words_and_needs_no_number():
    root = ET.fromstring(in_dialect("azure", HOSTILE, None).body)
    assert [child.tag for child in root] == ["Code", "Message"]
    notice = notice_of(refusals.BLOCKED, incident="", console_url="")
    assert "RequestId" not in in_dialect("azure", notice, None).body.decode()


def test_s3_escapes_hostile_words():
    root = ET.fromstring(in_dialect("s3", HOSTILE, None).body)
    assert [child.tag for child in root] == ["Code", "Message", "RequestId", "HostId"]
    assert "<script>alert(1)</script>" in root.findtext("Message")


def test_no_documentation_address_but_links():
    notice = notice_of(verdict(ground(route="sftp://files.example.com/")), incident="", console_url="")
    assert body_of("github", notice)["documentation_url"] == ""
    assert "sftp://files.example.com/" in body_of("github", notice)["message"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        param("wecom", "application/json; charset=utf-8", id="json"),
        param("dropbox", "application/json", id="dropbox"),
        param("s3", "application/xml", id="xml"),
    ],
)
def test_content_type(name, content_type):
    assert in_dialect(name, BLOCKED, None).content_type == content_type


@pytest.mark.parametrize(
    ("name", "incident", "headers"),
    [
        param("dropbox", INCIDENT, (("X-Dropbox-Request-Id", INCIDENT),), id="dropbox"),
        param("s3", INCIDENT, (("x-amz-request-id", INCIDENT),), id="s3"),
        param("dropbox", "", (), id="dropbox-without-number"),
        param("s3", "", (), id="s3-without-number"),
        param("azure", INCIDENT, (("x-ms-request-id", INCIDENT),), id="azure"),
        param("slack", INCIDENT, (), id="others"),
    ],
)
def test_number_in_the_header_that_the_sdk_reads(name, incident, headers):
    notice = notice_of(refusals.BLOCKED, incident=incident, console_url="")
    assert in_dialect(name, notice, None).headers == headers


@pytest.mark.parametrize("name", ["", "none", "S3", "unknown"])
def test_unknown_dialect(name):
    assert in_dialect(name, BLOCKED, None) is None


@pytest.mark.parametrize("agent", ["git/2.47.3", "git/2.0 (libgit2 1.7.2)"])
@pytest.mark.parametrize(("asked", "text"), [(None, ZH), ("en", EN)], ids=["default", "en"])
def test_git_gets_plain_text(agent, asked, text):
    answer = for_git({"user-agent": agent, "accept": "*/*"}, BLOCKED, asked)
    assert answer == ("text/plain; charset=utf-8", text.encode(), ())


def test_git_lfs():
    headers = {"accept": "application/vnd.git-lfs+json; charset=utf-8", "user-agent": "git-lfs/3.5.1"}
    answer = for_git(headers, BLOCKED, None)
    assert answer.content_type == "application/vnd.git-lfs+json"
    assert json.loads(answer.body) == {
        "message": ZH,
        "documentation_url": refusals.ROUTE,
        "request_id": INCIDENT,
    }


@pytest.mark.parametrize(
    "headers",
    [
        param({}, id="nothing"),
        param({"user-agent": "github-cli/2.0 git/2", "accept": "application/json"}, id="git-inside"),
        param({"user-agent": "gitea/1"}, id="longer-word"),
    ],
)
def test_not_git(headers):
    assert for_git(headers, BLOCKED, None) is None
