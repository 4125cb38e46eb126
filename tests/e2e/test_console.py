"""The console as people use it: its own process, a real browser, clicks and keys."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect, sync_playwright

from gateway.demo.samples import id_list
from tests.samples.incidents import ABROAD, BAIDU, CLOUD, LI, NOBODY, SLACK, WANG, WECOM, fill, identity, record
from tests.samples.incidents import RECORDS as SAMPLES
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 860}


def _records():
    """The samples, and two pages of others within the last day."""
    now = datetime.now(UTC)
    more = [
        record(
            number,
            at=now - timedelta(minutes=10 * (180 - number)),
            actor=(LI, WANG, NOBODY)[number % 3],
            to=(SLACK, WECOM, BAIDU)[number % 3],
            grounds=((ABROAD,), (CLOUD,))[number % 2],
        )
        for number in range(100, 180)
    ]
    return [*SAMPLES, *more]


@pytest.fixture(autouse=True)
def _empty_log():
    """No origin takes part here."""


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """Address of a running console with a filled store."""
    folder = tmp_path_factory.mktemp("console")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "sluice.yaml"
    config.write_text(f"state_dir: state\nconsole: {{listen: '127.0.0.1:{port}'}}\n")
    (folder / "state" / "journal").mkdir(parents=True)
    fill(folder / "state" / "sluice.db", _records())

    def is_up():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
        except OSError:
            return False

    with subprocess.Popen([sys.executable, "-m", "gateway.console", "--config", config], cwd=ROOT) as process:
        try:
            eventually(is_up)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, console):
    """Opens a page; at the end nothing may have gone wrong in the browser, and nothing may have left this machine."""
    contexts, told, asked = [], [], []

    def visited(path="/", *, viewport=WIDE, locale="zh-CN", status=200, **options):
        context = chromium.new_context(viewport=viewport, locale=locale, base_url=console, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        # A violation of the policy is an event of the page even where the browser's console stays silent.
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective))"
        )
        answer = page.goto(path)
        assert answer.status == status
        return page

    yield visited
    for context in contexts:
        context.close()
    assert told == []
    assert [url for url in asked if not url.startswith(console)] == []


def _rows(page):
    return page.locator("table.incidents tbody tr")


def _overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_the_list_renders(visit):
    page = visit()
    expect(page).to_have_title("拦截与暂扣 · Sluice 外发网关")
    expect(_rows(page)).to_have_count(50)
    first = _rows(page).first
    expect(first).to_contain_text("身份不明")
    expect(first).to_contain_text("百度网盘")
    assert page.evaluate("getComputedStyle(document.querySelector('.badge')).borderTopLeftRadius") == "99px"
    assert page.evaluate("document.querySelector('.brand img').naturalWidth") > 0


def test_filtering_by_click_changes_the_address_and_the_rows(visit, console):
    page = visit("/")
    _rows(page).locator("a.only", has_text="Slack").first.click()
    expect(page).to_have_url(f"{console}/?service=slack")
    page.locator("table.incidents a.only", has_text="li.wei").first.click()
    expect(page).to_have_url(f"{console}/?user=li.wei&service=slack")
    expect(page.locator(".chips li")).to_have_count(3)
    assert set(page.locator("td.column-who .first").all_inner_texts()) == {"li.wei"}
    page.get_by_role("link", name="移除筛选：用户 li.wei").click()
    expect(page).to_have_url(f"{console}/?service=slack")
    page.get_by_role("link", name="清除全部").click()
    expect(page).to_have_url(f"{console}/")


def test_the_form_gives_a_clean_address(visit, console):
    page = visit("/")
    page.get_by_label("处置", exact=True).select_option("hold")
    page.get_by_label("规则", exact=True).select_option("overseas.personal-information")
    page.get_by_role("button", name="应用筛选").click()
    expect(page).to_have_url(f"{console}/?action=hold&rule=overseas.personal-information")
    assert set(page.locator("td.column-action").all_inner_texts()) == {"暂扣"}
    page.get_by_label("起（含）", exact=True).fill("2026-03-02T18:00")
    page.get_by_label("止（不含）", exact=True).fill("2026-03-02T18:03")
    page.get_by_label("处置", exact=True).select_option("")
    page.get_by_label("规则", exact=True).select_option("")
    page.get_by_role("button", name="应用筛选").click()
    expect(page).to_have_url(re.compile(r"/\?since=2026-03-02T18%3A00&until=2026-03-02T18%3A03$"))
    expect(_rows(page)).to_have_count(2)
    page.get_by_label("搜索", exact=True).fill("工资表")
    page.get_by_label("搜索", exact=True).press("Enter")
    expect(_rows(page)).to_have_count(1)
    page.get_by_role("link", name="24 小时").click()
    expect(page.locator(".empty h2")).to_have_text("没有符合条件的事件")
    expect(page.get_by_label("起（含）", exact=True)).to_have_value("24h")


def test_paging(visit, console):
    page = visit("/?region=overseas")
    pages = page.get_by_role("navigation", name="翻页")
    total = int(re.search(r"\d+", page.get_by_role("status").inner_text())[0])
    expect(pages).to_have_count(0 if total <= 50 else 1)
    page.goto("/")
    page.get_by_role("link", name="较早 →").click()
    expect(page).to_have_url(f"{console}/?before_id={identity(130)}")
    expect(page.locator(f"#incident-{identity(129)}")).to_be_visible()
    page.get_by_role("link", name="← 较新").click()
    expect(page).to_have_url(f"{console}/")


def test_an_incident_shows_rules_and_tree(visit):
    page = visit("/?rule=draft.source-code")
    _rows(page).first.get_by_role("link", name="查看事件").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("li.wei 发往 Slack 的内容被拦截")
    rules = page.get_by_role("table", name="适用的规则，从最严格的开始")
    assert rules.get_by_role("rowheader").all_inner_texts() == [
        "sensitive.unencrypted",
        "overseas.personal-information",
        "draft.source-code",
    ]
    expect(rules).to_contain_text("S001-3.3(3)")
    tree = page.locator("ul.tree.level-0")
    expect(tree.locator("> li")).to_have_count(1)
    expect(tree.locator("ul.level-1 > li")).to_have_count(3)
    expect(tree.locator("ul.level-2 > li .label")).to_contain_text("合同.pdf")
    expect(page.get_by_role("table", name="2026/名单.xlsx 中的发现")).to_contain_text("**************002X")
    expect(page.locator("blockquote").first).to_contain_text("未加密的敏感信息")
    page.get_by_role("link", name="返回列表").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("拦截与暂扣")


def test_the_language_is_switched_and_stays(visit):
    page = visit("/?action=hold")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Blocked and held")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert set(page.locator("td.column-action").all_inner_texts()) == {"held"}
    page.goto("/")
    expect(page.get_by_role("button", name="Apply filters")).to_be_visible()
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("button", name="应用筛选")).to_be_visible()


def test_an_english_browser_gets_english(visit):
    expect(visit("/", locale="en-US").get_by_role("heading", level=1)).to_contain_text("Blocked and held")


def test_a_hostile_name_runs_nothing(visit):
    page = visit(f"/incidents/{identity(5)}")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    expect(page.locator(".part .label")).to_contain_text('<script>alert("1")</script>⟨U+202E⟩gpj.exe\' onmouseover')
    page.locator(".part .label bdi").hover()
    assert page.evaluate("document.scripts.length") == 0


def test_keys_alone_are_enough(visit, console):
    page = visit("/?user=wang.fang")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_have_id("filter-text")
    outline = (
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    )
    assert page.evaluate(outline) == "solid2px"
    page.keyboard.type("slack")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{console}/?text=slack&user=wang.fang")


@pytest.mark.parametrize("path", ["/", f"/incidents/{identity(1)}", f"/incidents/{identity(5)}", "/?text=zzz"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [pytest.param(WIDE, id="1280"), pytest.param(NARROW, id="400")])
def test_nothing_sticks_out_and_text_can_be_read(visit, tmp_path, path, scheme, viewport):
    page = visit(path, viewport=viewport, color_scheme=scheme)
    assert _overflow(page) == 0
    picture = page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert len(picture) > 10_000
    assert page.evaluate(CONTRAST) == []


def test_all_filters_stand_open_where_there_is_room(visit):
    expect(visit("/").get_by_label("规则", exact=True)).to_be_visible()
    page = visit("/", viewport=NARROW)
    expect(page.get_by_label("规则", exact=True)).to_be_hidden()
    page.get_by_text("更多筛选").click()
    expect(page.get_by_label("规则", exact=True)).to_be_visible()
    expect(visit("/?rule=cloud.personal", viewport=NARROW).get_by_label("规则", exact=True)).to_be_visible()


CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest('.unseen, option')) continue;
    const pair = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) poor.add(element.tagName + '.' + element.className + ' ' + ratio.toFixed(2));
  }
  return [...poor];
}"""
"""Text whose contrast to what is behind it is under 4.5 (WCAG 2.2, 1.4.3)."""


def test_a_refused_upload_is_on_the_console_of_its_gateway(gateway, chromium):
    archive = gateway.folder / "名单.zip"
    with ZipFile(archive, "w") as packed:
        packed.writestr("2026/名单.csv", id_list())
    url = "https://qyapi.weixin.qq.com/cgi-bin/media/upload?access_token=t&type=file"
    curl = ["curl", "-sS", "-x", gateway.proxy, "--cacert", gateway.ca, "-D", "-", "-o", "/dev/null"]
    head = subprocess.run([*curl, "-F", f"media=@{archive}", url], capture_output=True, check=True).stdout.decode()
    incident = re.search(r"(?im)^x-sluice-incident: *(\S+)", head)[1]
    gateway.wait_event(incident)
    with chromium.new_context(base_url=f"http://127.0.0.1:{gateway.console_port}", locale="zh-CN") as context:
        page = context.new_page()
        page.goto("/")
        expect(page.locator(".state.good")).to_contain_text("就绪")
        page.locator(f"#incident-{incident} th a").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("企业微信")
        expect(page.locator("ul.tree ul.tree .label").first).to_contain_text("2026/名单.csv")
        expect(page.get_by_role("table", name="适用的规则，从最严格的开始")).to_contain_text("sensitive.unencrypted")
        expect(page.locator("dl.record")).to_contain_text(".jsonl #")
        told = page.get_by_role("table", name="2026/名单.csv 中的发现").inner_text()
        assert "居民身份证号" in told
        shown = page.content()
    assert re.findall(r"\d{17}[\dX]", shown.replace(incident, "")) == []
