import json
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.facts import NO_FACTS
from gateway.destinations.match import NO_MATCH, CatalogueMatch
from gateway.errors import ConfigError
from gateway.settings import PACKAGE_DIR
from gateway.transfer import Category

param = pytest.param

SHIPPED = load_catalogue([PACKAGE_DIR / "destinations" / "data"])


def match(request, headers=None, catalogue=SHIPPED):
    """The match of `METHOD URL`."""
    method, _, url = request.partition(" ")
    parts = urlsplit(url)
    port = parts.port or {"http": 80}.get(parts.scheme, 443)
    return catalogue.match(parts.hostname or "", port, method, parts.path, parts.query, headers or {})


def bearer(claims):
    body = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return {"authorization": f"Bearer e30.{body}.c2ln"}


SEEN = [
    line.split()
    for line in (Path(__file__).parent / "seen.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("request_line", "expected"), [
    param(f"{method} {url}", rest, id=rest[0] + " " + urlsplit(url).hostname)
    for method, url, *rest in SEEN
])  # fmt: skip
def test_requests_of_real_clients(request_line, expected):
    found = match(request_line)

    assert [
        f"{found.service}/{found.endpoint}",
        found.kind or "-",
        str(found.category),
        found.jurisdiction or "-",
        found.dialect or "-",
    ] == expected


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        param("GET https://webalfa.dingtalk.com/lwp", {"upgrade": "WebSocket"}, "dingtalk/web_lwp", id="WebSocket"),
        param("GET https://webalfa.dingtalk.com/lwp", {}, "dingtalk/", id="no WebSocket"),
        param("PATCH https://up.example/files/1", {"upload-offset": "0"}, "generic/tus_part", id="tus part"),
        param("POST https://up.example/files", {"tus-resumable": "1.0.0"}, "generic/tus_create", id="tus create"),
        param("POST https://up.example/files", {}, "/", id="no tus"),
        param(
            "POST https://up.example/files/1",
            {"x-http-method-override": "PATCH", "upload-offset": "0"},
            "generic/tus_part",
            id="tus part by override",
        ),
        param(
            "POST https://upload.box.com/api/2.0/files/upload_sessions/F",
            {"x-http-method-override": "put"},
            "box/part",
            id="override elsewhere",
        ),
        param(
            "PUT https://store.corp.example/bucket/a?partNumber=1&uploadId=2",
            {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
            "generic/s3_part",
            id="S3 of anybody",
        ),
        param(
            "POST https://qyapi.weixin.qq.com/cgi-bin/media/upload",
            {"upgrade": "websocket", "x-http-method-override": "GET"},
            "wecom/media_upload",
            id="headers hide nothing",
        ),
    ],
)
def test_headers_decide(request_line, headers, expected):
    found = match(request_line, headers)

    assert f"{found.service}/{found.endpoint}" == expected


@pytest.mark.parametrize(
    "headers", [{"tus-resumable": "1.0.0"}, {"x-amz-content-sha256": "x"}, {"upload-offset": "0"}], ids=str
)
def test_no_header_moves_a_known_host_into_another_category(headers):
    assert match("POST https://qyapi.weixin.qq.com/own/path", headers).category is Category.MESSAGING


@pytest.mark.parametrize(
    "request_line",
    [
        "POST https://QYAPI.weixin.qq.com./cgi-bin/media/upload",
        "POST https://qyapi.weixin.qq.com//cgi-bin//media/upload",
        "POST https://qyapi.weixin.qq.com/cgi%2Dbin/medi%61/upload",
        "POST https://qyapi.weixin.qq.com/CGI-BIN/media/UPLOAD",
        "post https://qyapi.weixin.qq.com/cgi-bin/media/upload",
        "POST https://qyapi.weixin.qq.com:8443/cgi-bin/media/upload",
        "POST https://qyapi.weixin.qq.com/cgi-bin/media/upload/",
        "POST https://qyapi.weixin.qq.com/cgi-bin/media/upload;a=1",
        "POST https://qyapi.weixin.qq.com/x/../cgi-bin/./media/upload",
        "POST https://qyapi.weixin.qq.com/cgi-bin/media%255cupload%20",
    ],
)
def test_other_spellings_are_the_same_request(request_line):
    assert match(request_line).endpoint == "media_upload"


@pytest.mark.parametrize(
    ("request_line", "endpoint", "step"),
    [
        param(
            "POST https://open.feishu.cn/open-apis/drive/v1/files/upload_finish", "drive_finish", "finish", id="plain"
        ),
        param(
            "POST https://open.feishu.cn/open-apis/drive/v1/files/upload_finish/", "drive_finish", "finish", id="slash"
        ),
        param("POST https://b.s3.cn-north-1.amazonaws.com.cn/a?upload%49d=1", "complete", "finish", id="name encoded"),
        param(
            "GET https://oapi.dingtalk.com/file/upload/transaction?x=;upload_id=1", "upload_commit", "finish", id=";"
        ),
        param("PUT https://b.s3.cn-north-1.amazonaws.com.cn/a?partNumber=1&uploadId=1", "part", "chunk", id="piece"),
        param(
            "PUT https://b.s3.cn-north-1.amazonaws.com.cn/a?partNumber=1&upload%49d=1", "part", "piece", id="odd piece"
        ),
        param(
            "POST https://open.feishu.cn/open-apis/drive/v1/files/upload_part;", "drive_part", "piece", id="odd path"
        ),
    ],
)
def test_an_odd_spelling_hides_no_end_and_makes_no_piece(request_line, endpoint, step):
    """Some servers take the odd one for the plain one, others do not: so it counts where that is stricter."""
    found = match(request_line)
    assert (found.endpoint, found.split and found.split.step) == (endpoint, step)


@pytest.mark.parametrize(
    ("request_line", "tenant", "conversation"),
    [
        param(
            "POST https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc",
            "",
            "sha256:ba7816bf8f01cfea414140de5dae2223",
            id="key of a robot by digest",
        ),
        param("POST https://hooks.slack.com/services/T1/B2/secret", "T1", "T1/B2", id="webhook without its secret"),
        param("POST https://github.com/acme/plans.git/git-receive-pack", "acme", "acme/plans", id="repository"),
        param("PUT https://api.github.com/repos/acme/plans/contents/a", "acme", "", id="owner"),
        param("POST https://gitlab.com/a/b/c.git/git-receive-pack", "a", "a/b/c", id="nested groups"),
        param("PUT https://bucket.s3.amazonaws.com/a", "bucket", "", id="bucket in the host"),
        param("PUT https://s3.eu-west-1.amazonaws.com/bucket/a", "bucket", "", id="bucket in the path"),
        param("PUT https://contoso-my.sharepoint.com/x/uploadSession", "contoso-my", "", id="tenant in the host"),
        param("POST https://api.telegram.org/bot1:x/sendDocument?chat_id=7", "", "7", id="chat in the query"),
        param("POST https://discord.com/api/channels/123/messages", "", "123", id="channel"),
        param("GET https://qyapi.weixin.qq.com/x", "", "", id="none"),
    ],
)
def test_tenant_and_conversation(request_line, tenant, conversation):
    found = match(request_line)

    assert (found.tenant, found.conversation) == (tenant, conversation)


MSA = "9188040d-6c67-4c5b-b112-36a304b66dad"


@pytest.mark.parametrize(
    ("headers", "account", "category"),
    [
        param(bearer({"tid": "tenant-1"}), "both", Category.ENTERPRISE_CLOUD, id="company"),
        param(bearer({"tid": MSA}), "personal", Category.PERSONAL_CLOUD, id="tenant of consumers"),
        param({"authorization": "Bearer EwBopaque"}, "personal", Category.PERSONAL_CLOUD, id="opaque token"),
        param({}, "personal", Category.PERSONAL_CLOUD, id="no token"),
    ],
)
def test_an_account_of_nobody_known_makes_the_cloud_personal(headers, account, category):
    found = match("PUT https://graph.microsoft.com/v1.0/me/drive/root:/a:/content", headers)

    assert (found.account, found.category) == (account, category)


def test_a_personal_tenant_changes_no_other_category(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "{id: a, name: {zh: a, en: a}, category: messaging, jurisdiction: CN, account: both, "
        "hosts: [a.example], personal_tenants: ['']}",
        encoding="utf-8",
    )

    found = match("POST https://a.example/", catalogue=load_catalogue([path]))

    assert (found.account, found.category) == ("personal", Category.MESSAGING)


@pytest.mark.parametrize(
    "host",
    ["a.example", "slack.com.evil.example", "notslack.com", "1.2.3.4", "::1", "", "com", "xqyapi.weixin.qq.com.cn"],
)
def test_hosts_nobody_listed(host):
    assert SHIPPED.match(host, 443, "POST", "/x", "", {}) == NO_MATCH


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        param("PUT https://up.nobody.example/a.zip", {"content-length": "5"}, "generic/upload_put", id="put"),
        param("PUT https://up.nobody.example/a.zip", {"content-length": "0"}, "/", id="empty"),
        param("PUT https://up.nobody.example/a.zip", {"content-length": "9" * 16}, "/", id="length that is none"),
        param("PUT https://up.nobody.example/a.zip", {"content-length": "x"}, "/", id="length of letters"),
        param("PUT https://www.qq.com/a.zip", {"content-length": "5"}, "qq/", id="known host"),
        param(
            "POST http://203.0.113.7/mmtls/00a1b2",
            {"content-type": "application/octet-stream", "content-length": "5000"},
            "wechat_app/mmtls_shortlink",
            id="what is known goes before its shape",
        ),
        param(
            "PUT https://graph.corp.example/x",
            {"content-length": "5", "x-amz-content-sha256": "x"},
            "generic/s3_put",
            id="protocols go before shapes",
        ),
    ],
)
def test_shapes_of_uploads_to_hosts_nobody_listed(request_line, headers, expected):
    found = match(request_line, headers)

    assert f"{found.service}/{found.endpoint}" == expected


@settings(max_examples=200)
@given(
    host=st.text() | st.sampled_from(["slack.com", "graph.microsoft.com", "github.com", "a.s3.amazonaws.com"]),
    method=st.text() | st.sampled_from(["POST", "PUT"]),
    path=st.text().map(lambda text: "/" + text),
    query=st.text(),
    header=st.text(),
)
def test_hostile_requests_raise_nothing(host, method, path, query, header):
    headers = {"authorization": header, "upgrade": header, "content-length": header, "content-type": header}
    found = SHIPPED.match(host, 443, method, path, query, headers)

    assert isinstance(found, CatalogueMatch)
    assert max(len(found.tenant), len(found.conversation)) <= 128


def test_a_service_that_shares_a_host_speaks_for_its_endpoints_alone():
    assert match("POST https://graph.microsoft.com/v1.0/chats/1/messages").service == "msteams"
    assert match("POST https://graph.microsoft.com/v1.0/me/sendMail").service == "outlook_mail"
    found = match("POST https://graph.microsoft.com/v1.0/me/anything")
    assert (found.service, found.endpoint) == ("onedrive_sharepoint", "")
    assert match("PUT https://www.googleapis.com/upload/anything").service == "google_drive"


def test_facts_of_an_endpoint():
    facts = match("POST https://api.telegram.org/bot1:x/sendDocument").facts
    assert facts.conversation == ("query:chat_id", "field:chat_id", "json:chat_id")
    assert facts.in_body == ("field:chat_id", "json:chat_id")
    assert match("GET https://api.telegram.org/").facts == NO_FACTS


def test_a_place_of_the_service_serves_endpoints_without_one(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(ONE.replace("hosts:", "tenant: json:org\nhosts:"), encoding="utf-8")

    assert match("POST https://a.example/up", catalogue=load_catalogue([path])).facts.tenant == ("json:org",)


def test_ports_decide(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(ONE.replace("path: /up", "path: /up, ports: [8443]"), encoding="utf-8")
    catalogue = load_catalogue([path])

    assert match("POST https://a.example:8443/up", catalogue=catalogue).endpoint == "up"
    found = match("POST https://a.example/up", catalogue=catalogue)
    assert found == CatalogueMatch(service="a", category=Category.MESSAGING, jurisdiction="CN", account="both")


ONE = """id: a
name: {zh: 甲, en: A}
category: messaging
jurisdiction: CN
account: both
hosts: [a.example]
endpoints: [{id: up, kind: file, evidence: memory, path: /up}]
cases: [{request: no case at all}]
"""


def test_files_are_merged_in_order(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/1.yaml").write_text(ONE, encoding="utf-8")
    (tmp_path / "d/2.yaml").write_text(ONE.replace("id: a\n", "id: b\n"), encoding="utf-8")
    (tmp_path / "d/notes.txt").write_text("no catalogue", encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(ONE.replace("messaging", "other").replace("/up", "/up2"), encoding="utf-8")

    catalogue = load_catalogue([tmp_path / "d", str(own)])

    assert list(catalogue.services) == ["a", "b"]
    assert catalogue.services["a"].category is Category.OTHER
    assert catalogue.services["a"].name == {"zh": "甲", "en": "A"}
    assert match("POST https://a.example/up2", catalogue=catalogue).endpoint == "up"


def problems(*paths):
    with pytest.raises(ConfigError) as caught:
        load_catalogue(paths)
    return [str(problem) for problem in caught.value.problems]


KEYS = (
    "id",
    "name",
    "category",
    "jurisdiction",
    "account",
    "dialect",
    "hosts",
    "shared_hosts",
    "tenant",
    "personal_tenants",
    "tenant_headers",
    "endpoints",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param(ONE.replace("account:", "acount:"), [
            "1.yaml:1: account: is missing",
            "1.yaml:5: acount: unknown key; did you mean account? allowed: " + ", ".join(KEYS),
        ], id="unknown key"),
        param(ONE.replace("/up}", "'(/up'}"), [
            "1.yaml:7: endpoints.0.path: not a regular expression of the linear kind: unclosed group",
        ], id="pattern"),
        param("hosts:\n- &x 1\n- *x", [
            "1.yaml:2: anchors (&name) and aliases (*name) are not allowed; write the value out",
        ], id="alias"),
        param("", ["1.yaml:1: the document: must be a mapping of keys to values"], id="empty file"),
    ],
)  # fmt: skip
def test_refused(tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.yaml").write_text(text, encoding="utf-8")

    assert problems("1.yaml") == expected


def test_problems_of_all_files_come_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.yaml").write_text("[", encoding="utf-8")
    (tmp_path / "empty").mkdir()

    assert problems("1.yaml", "empty", "missing.yaml") == [
        "1.yaml:2: YAML: did not find expected node content",
        "empty:0: the folder has no catalogue file (*.yaml)",
        "missing.yaml:0: cannot be read: No such file or directory",
    ]


def test_every_shipped_service_is_complete():
    for service in SHIPPED.services.values():
        assert service.name["zh"], service.id
        assert service.name["en"], service.id
        assert service.jurisdiction or service.category in {
            Category.OBJECT_STORAGE,
            Category.FILE_TRANSFER,
            Category.OTHER,
        }, service.id


def test_the_shipped_catalogue_names_the_services_people_use():
    assert {
        "wecom", "wechat_web", "wechat_app", "qq", "dingtalk", "feishu", "lark", "slack", "msteams", "telegram",
        "whatsapp", "discord", "line", "onedrive_sharepoint", "sharepoint", "onedrive_personal", "dropbox", "box",
        "google_drive", "gmail", "icloud", "baidu_netdisk", "aliyun_drive", "drive_115", "drive_123", "quark_drive",
        "drive_139", "drive_189", "tencent_weiyun", "aws_s3", "aliyun_oss", "tencent_cos", "github", "gitlab", "gitee",
        "chatgpt", "claude", "deepseek", "kimi", "doubao", "netease_mail", "qq_mail", "wetransfer", "generic",
    } <= set(SHIPPED.services)  # fmt: skip


@pytest.mark.parametrize(
    ("host", "query", "upgrade", "reader"),
    [
        param("webalfa.dingtalk.com", "", "websocket", "dingtalk-lwp", id="a reader of its own"),
        param("gateway.discord.gg", "v=10&encoding=json", "websocket", "generic", id="JSON"),
        param("gateway.discord.gg", "v=10&encoding=etf", "websocket", "none", id="another encoding"),
        param("webalfa.dingtalk.com", "", "", "none", id="no WebSocket"),
        param("elsewhere.example", "", "websocket", "none", id="unknown host"),
    ],
)
def test_the_reader_of_a_websocket(host, query, upgrade, reader):
    assert SHIPPED.match(host, 443, "GET", "/lwp", query, {"upgrade": upgrade}).reader == reader
