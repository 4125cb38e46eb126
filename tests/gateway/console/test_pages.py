import re
from html.parser import HTMLParser

import pytest

from gateway.console.pages import TEMPLATES
from gateway.parts import Coverage
from gateway.records.store import Store
from gateway.settings import Console
from tests.samples.incidents import ARCHIVE, HOSTILE, NOW, identity, part, put, record, unread

ROW = re.compile(r'<tr id="incident-([0-9a-f-]{36})">')


class Page(HTMLParser):
    """Tags, attributes and text of a page, and whether what is opened is closed."""

    VOID = frozenset(["meta", "link", "img", "input", "br", "wbr"])

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []
        self.text = re.sub(r"\s+", " ", " ".join(self.texts))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def values(self, tag, name):
        return [value for found, key, value in self.attributes if (found, key) == (tag, name)]


async def _page(browser, url, status=200):
    answer = await browser.get(url)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    # Nothing inline: the policy of the headers would stop it, and stop the page from working.
    assert "script" not in page.tags
    assert [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"] == []
    assert "http" not in {value.partition(":")[0] for value in page.values("a", "href")}
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert set(page.values("label", "for")) <= set(ids)
    return answer, page


def _rows(answer):
    return [int(found[-12:]) for found in ROW.findall(answer.text)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", [7, 5, 4, 3, 2, 1], id="all"),
        pytest.param("?action=hold", [2], id="action"),
        pytest.param("?state=released", [2], id="state"),
        pytest.param("?user=li.wei", [7, 4, 3, 1], id="user"),
        pytest.param("?service=wecom", [4], id="service"),
        pytest.param("?region=unknown", [5], id="region"),
        pytest.param("?rule=cloud.personal", [3], id="rule"),
        pytest.param("?signature=cn.mobile", [7, 1], id="signature"),
        pytest.param("?since=24h", [5, 4, 3, 2, 1], id="since"),
        pytest.param("?until=2026-03-01T00:00", [7], id="until"),
        pytest.param("?text=%E5%90%8D%E5%8D%95", [7, 1], id="text"),
        pytest.param(f"?before_id={identity(3)}", [2, 1], id="cursor"),
        pytest.param("?action=block&service=slack&since=24h", [1], id="three at once"),
    ],
)
async def test_the_address_is_the_whole_state_of_the_list(browser, query, expected):
    answer, page = await _page(browser, f"/{query}")
    assert _rows(answer) == expected
    names = [pair.partition("=")[0] for pair in query.removeprefix("?").split("&") if pair]
    filters = [name for name in names if name != "before_id"]
    assert len(page.values("a", "aria-label")) >= len(expected) + len(filters)


async def test_a_row_says_who_where_and_why(browser):
    _, page = await _page(browser, "/?user=wang.fang")
    for told in ("2026-03-02 18:02:00", "暂扣", "wang.fang", "10.0.0.8", "Slack", "files.slack.com", "境外 US",
                 "overseas.personal-information", "居民身份证号", "718.0 KiB", "已放行", "已拒绝（403）"):  # fmt: skip
        assert told in page.text
    assert "2026-03-02 10:02:00 UTC" in page.values("a", "title")
    assert f"/incidents/{identity(2)}" in page.values("a", "href")
    assert "/?user=wang.fang&service=slack" in page.values("a", "href")


async def test_the_strip_tells_readiness_and_counts(browser):
    _, page = await _page(browser, "/")
    assert "未就绪" in page.text
    assert "代理端口无人监听" in page.text
    assert "nobody listens on 127.0.0.1:9" in page.values("li", "title")
    assert "7 次传输 拦截 4 暂扣 1 记录 1 放行 1" in page.text
    assert "完整读取 57.1 %（4/7）" in page.text
    assert "/?state=open" in page.values("a", "href")
    _, page = await _page(browser, "/?lang=en")
    assert "nobody listens on 127.0.0.1:9" in page.text


async def test_empty_fields_of_a_form_are_taken_out_of_the_address(browser):
    answer = await browser.get("/?text=&action=hold&user=+&since=&lang=en")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?action=hold&lang=en")
    answer = await browser.get("/?text=")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param("/?action=allow", "参数 action 的值不能用。可用的值：block、hold。", id="value"),
        pytest.param("/?acton=block", "没有参数 acton。", id="name"),
        pytest.param("/?action=block&action=hold", "参数 action 出现了不止一次", id="twice"),
        pytest.param("/?since=soon", "距今时长（30m、24h、7d、4w）", id="moment"),
        pytest.param("/?lang=fr", "可用的值：zh、en。", id="language"),
        pytest.param("/?limit=5", "没有参数 limit。", id="a parameter of the API"),
        pytest.param(f"/incidents/{identity(1)}?x=1", "没有参数 x。可用的参数：lang。", id="on an incident"),
    ],
)
async def test_what_cannot_be_asked_is_told_on_a_page(browser, url, told):
    _, page = await _page(browser, url, 400 if url.count("action") == 2 else 422)
    assert told in page.text
    assert "/" in page.values("a", "href")


@pytest.mark.parametrize("url", ["/nothing", f"/incidents/{identity(6)}", "/incidents/x", "/incidents/", "/static/x"])
async def test_what_there_is_not(browser, url):
    await _page(browser, url, 404)


async def test_pages_back_and_forth(browser, store):
    put(store, [record(number, at=NOW) for number in range(100, 220)])
    answer, page = await _page(browser, "/?user=li.wei")
    assert _rows(answer) == list(range(219, 169, -1))
    assert "共 124 条" in page.text
    assert page.values("a", "rel") == ["next"]
    answer, page = await _page(browser, f"/?user=li.wei&before_id={identity(170)}")
    assert _rows(answer) == list(range(169, 119, -1))
    assert f"/?user=li.wei&before_id={identity(120)}" in page.values("a", "href")
    assert page.values("a", "rel") == ["prev", "next"]
    answer, page = await _page(browser, f"/?user=li.wei&before_id={identity(120)}")
    assert _rows(answer) == [*range(119, 99, -1), 7, 4, 3, 1]
    assert f"/?user=li.wei&before_id={identity(170)}" in page.values("a", "href")


async def test_nothing_matches(browser):
    _, page = await _page(browser, "/?text=nowhere")
    assert "没有符合条件的事件" in page.text
    _, page = await _page(browser, f"/?before_id={identity(1)}")
    assert "没有符合条件的事件" in page.text


async def test_nothing_yet(settings, health, connect, tmp_path):
    with Store.open(tmp_path / "empty.db") as empty:
        object.__setattr__(health, "store", empty)
        async with connect(health) as browser:
            _, page = await _page(browser, "/?lang=en")
    for told in ("Nothing has been blocked or held yet", "sluice demo", "127.0.0.1:9", "sluice ca", "no transfers"):
        assert told in page.text


async def test_a_store_that_is_gone(browser, store, tmp_path):
    await _page(browser, "/")
    store.close()
    for file in tmp_path.glob("sluice.db*"):
        file.unlink()
    (tmp_path / "sluice.db").mkdir()
    _, page = await _page(browser, "/", 503)
    assert "sluice audit verify" in page.text


async def test_an_incident_tells_everything(browser):
    _, page = await _page(browser, f"/incidents/{identity(1)}")
    for told in ("li.wei 发往 Slack 的内容被拦截", "华东销售部", "基层员工", "sales, crm", "10.0.0.7", "代理登录",
                 "POST /api/files.upload", "718.0 KiB", "multipart/form-data", "http/2", ":443",
                 "198.51.100.9", "境外 · US", "即时通讯", "上传内容中有未加密的敏感信息（居民身份证号 × 12），因此没有发出。",
                 "密码请通过电话或当面告知对方", "The upload holds personal information", "sensitive.unencrypted",
                 "S001-3.3(3)", "S000-2.2(3)", "发现 cn.resident-id × 12。Found cn.resident-id × 12.", "仅监测",
                 "draft.source-code", "客户资料.zip", "2026/名单.xlsx", "旧版.zip", "合同.pdf", "zip-crypto", "弱加密",
                 "文件名可见", "已加密，未读取", "9f86d081884c7d659a2feaa0c55ad015", "**************002X", "*******8000",
                 "sheet 1", "0.98", "4f1d4f1d", "edge-1", "41.7 ms", "edge-1.jsonl #2", "已拒绝（403）"):  # fmt: skip
        assert told in page.text
    assert f"/api/v1/incidents/{identity(1)}" in page.values("a", "href")
    assert "/?rule=sensitive.unencrypted" in page.values("a", "href")


async def test_a_released_incident_says_by_whom(browser):
    _, page = await _page(browser, f"/incidents/{identity(2)}?lang=en")
    for told in ("What wang.fang sent to Slack is held", "released", "chen.it", "合同已备案", "State since"):
        assert told in page.text


async def test_a_state_secret_says_that_nothing_is_kept(browser):
    _, page = await _page(browser, f"/incidents/{identity(4)}")
    assert "策略要求不保留内容" in page.text
    assert "秘密.docx" not in page.text
    assert "（无名称）" in page.text


async def test_parts_that_are_left_out_are_counted(browser, store):
    many = [part(f"{number}.txt", coverage=Coverage.PARTIAL) for number in range(1002)]
    put(store, [record(40, parts=many), record(41, parts=())])
    _, page = await _page(browser, f"/incidents/{identity(40)}")
    assert "另有 2 件未列出" in page.text
    assert "内容件数 1,002" in page.text
    _, page = await _page(browser, f"/incidents/{identity(41)}")
    assert "没有可列出的内容" in page.text


@pytest.mark.parametrize(
    ("count", "app", "shown"),
    [
        pytest.param(
            1, "", "li.wei 到 ssh.partner.example 的连接被拦截|协议 ssh|尝试次数 1|读取程度 协议不明", id="one"
        ),
        pytest.param(3, "wecom", "协议 ssh|程序自称 企业微信|尝试次数 3|最后一次 2026-03-02 20:05", id="more"),
    ],
)
async def test_a_connection_nobody_reads_says_what_it_spoke_and_how_often(browser, store, count, app, shown):
    put(store, [unread(70, count=count, app=app)])
    _, page = await _page(browser, f"/incidents/{identity(70)}")
    assert [one for one in shown.split("|") if one not in page.text] == []
    assert ("最后一次" in page.text) is (count > 1)
    _, page = await _page(browser, f"/incidents/{identity(70)}?lang=en")
    assert "The connection of li.wei to ssh.partner.example was blocked" in page.text


async def test_a_hash_in_place_of_a_file_is_named(browser, store):
    content = record(71)
    content["inspection"]["known_hash"] = "protected"
    put(store, [content])
    _, page = await _page(browser, f"/incidents/{identity(71)}")
    assert "代替文件的哈希 曾拒绝的文件" in page.text
    _, page = await _page(browser, f"/incidents/{identity(1)}")
    assert "代替文件的哈希" not in page.text


async def test_hostile_names_are_text_and_their_tricks_visible(browser, store):
    content = record(50, parts=[*ARCHIVE, part(HOSTILE)])
    content["actor"]["user"] = HOSTILE
    content["actor"]["department"] = "\ud800" + HOSTILE
    content["destination"]["service"] = HOSTILE
    content["destination"]["country"] = HOSTILE
    content["request"]["path"] = "/" + HOSTILE
    content["verdict"]["action"] = "block"
    content["verdict"]["rules"][0] |= {"id": HOSTILE, "because": HOSTILE, "basis": [HOSTILE], "says": {"zh": HOSTILE}}
    content["parts"][2]["findings"][0] |= {"signature": HOSTILE, "sample": HOSTILE, "severity": HOSTILE}
    content["parts"][2]["media_type"] = HOSTILE * 100
    content["node"] = HOSTILE
    put(store, [content])
    for url in (f"/incidents/{identity(50)}", "/?text=script", "/", "/?lang=en"):
        answer, page = await _page(browser, url)
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text
        assert '<script>alert("1")</script>⟨U+202E⟩gpj.exe\' onmouseover="x"' in page.text


async def test_a_record_with_nothing_in_it_has_a_page(browser, store):
    put(store, [{"id": identity(60), "at": "no time", "verdict": {"action": "hold"}}])
    _, page = await _page(browser, f"/incidents/{identity(60)}")
    assert "身份不明" in page.text
    assert "记录中没有规则" in page.text
    await _page(browser, "/?action=hold")


@pytest.mark.parametrize(
    ("headers", "url", "tag"),
    [
        pytest.param({}, "/", "zh-CN", id="nothing said"),
        pytest.param({"accept-language": "en-GB,en;q=0.9"}, "/", "en", id="browser"),
        pytest.param({"accept-language": "en", "cookie": "sluice-lang=zh"}, "/", "zh-CN", id="cookie"),
        pytest.param({"cookie": "sluice-lang=zh"}, "/?lang=en", "en", id="address"),
        pytest.param({"accept-language": "en"}, "/nowhere", "en", id="error page"),
        pytest.param({"accept-language": "en"}, "/?acton=1&lang=zh", "zh-CN", id="error page by address"),
    ],
)
async def test_language(health, connect, headers, url, tag):
    async with connect(health, **headers) as browser:
        answer = await browser.get(url)
    assert answer.headers["content-language"] == tag
    assert f'<html lang="{tag}">' in answer.text


async def test_the_chosen_language_is_remembered_and_kept_in_links(browser):
    answer, page = await _page(browser, "/?lang=en&action=hold")
    assert answer.headers["set-cookie"] == ("sluice-lang=en; HttpOnly; Max-Age=31536000; Path=/; SameSite=strict")
    assert {"/?action=hold&lang=zh", "/?action=hold&lang=en", "/?lang=en"} <= set(page.values("a", "href"))
    assert f"/incidents/{identity(2)}?lang=en" in page.values("a", "href")
    assert "set-cookie" not in (await browser.get("/")).headers


@pytest.mark.parametrize(("listen", "told"), [("127.0.0.1:8081", False), ("0.0.0.0:8081", True)])
async def test_a_console_that_others_can_reach_says_so(health, connect, settings, listen, told):
    exposed = settings.model_copy(update={"console": Console(listen=listen)})
    object.__setattr__(health, "settings", exposed)
    async with connect(health) as browser:
        for url in ("/", f"/incidents/{identity(1)}", "/nowhere"):
            assert ("控制台尚无登录功能" in (await browser.get(url)).text) is told


def test_everything_printed_is_escaped():
    assert TEMPLATES.autoescape is True
    sources = [TEMPLATES.loader.get_source(TEMPLATES, name)[0] for name in TEMPLATES.list_templates()]
    assert [found for source in sources for found in re.findall(r"\|\s*safe|autoescape|<script|style=", source)] == []
