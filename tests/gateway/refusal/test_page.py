import shutil
from html.parser import HTMLParser

import pytest
from playwright.sync_api import sync_playwright

from gateway.refusal.page import page
from gateway.refusal.wording import notice_of
from tests.samples import refusals
from tests.samples.refusals import INCIDENT, ground, verdict

param = pytest.param
VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Tags, attributes and text of a page; fails when tags do not close in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def html_of(judged, first="zh", incident=INCIDENT, console_url=""):
    return page(notice_of(judged, incident=incident, console_url=console_url), first).body.decode()


def outline(judged, first="zh", **more):
    return Outline(html_of(judged, first, **more))


def links(seen):
    return [value for tag, name, value in seen.attributes if (tag, name) == ("a", "href")]


def test_answer():
    answer = page(notice_of(refusals.BLOCKED, incident=INCIDENT, console_url=""), "zh")
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers == (
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ("Referrer-Policy", "no-referrer"),
    )
    assert answer.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("judged", "headline", "state"),
    [
        param(refusals.BLOCKED, ("已拦截", "Blocked"), (), id="block"),
        param(
            refusals.HELD,
            ("已暂扣待审批", "Held for approval"),
            ("内容尚未发出，须待审批。", "Nothing has been sent; approval is needed."),
            id="hold",
        ),
    ],
)
def test_says_what_a_person_needs(judged, headline, state):
    seen = outline(judged, console_url="https://sluice.example.com/appeal")
    for words in (
        *headline,
        *state,
        refusals.SENTENCE_ZH,
        refusals.SENTENCE_EN,
        refusals.GUIDANCE_ZH,
        refusals.GUIDANCE_EN,
        INCIDENT,
        "如认为这是误报，请把本页的事件编号告诉信息安全部门，由其复核。",
        "If you think so, give the incident number on this page to the security team, who will review it.",
        "sensitive.unencrypted",
        "S001-3.3(3)",
    ):
        assert words in seen.text
    assert links(seen) == [refusals.ROUTE, "https://sluice.example.com/appeal"] * 2


@pytest.mark.parametrize(
    ("first", "lang", "order"),
    [
        param("zh", "zh-CN", (refusals.SENTENCE_ZH, INCIDENT, refusals.SENTENCE_EN), id="zh"),
        param("en", "en", (refusals.SENTENCE_EN, INCIDENT, refusals.SENTENCE_ZH), id="en"),
    ],
)
def test_language_order(first, lang, order):
    seen = outline(refusals.BLOCKED, first)
    assert ("html", "lang", lang) in seen.attributes
    assert next(value for tag, name, value in seen.attributes if (tag, name) == ("section", "lang")) == lang
    assert [seen.text.index(words) for words in order] == sorted(seen.text.index(words) for words in order)


def test_further_grounds_have_their_own_advice_and_link():
    judged = verdict(
        ground(), ground("b", says=("也不行。", "Nor that."), guidance=("问。", "Ask."), route="https://b.example.com/")
    )
    seen = outline(judged)
    assert "也不行。 问。" in seen.text
    assert "Nor that. Ask." in seen.text
    assert links(seen) == [refusals.ROUTE, "https://b.example.com/"] * 2
    assert "sensitive.unencrypted, b" in seen.text


def test_what_is_not_there_leaves_no_gap():
    seen = outline(verdict(ground(rule="", basis=(), route="", guidance=("", ""))), incident="")
    for words in ("您可以这样做", "What to do instead", "另外", "Also", "事件编号", "Incident number", "依据", "Rules"):
        assert words not in seen.text
    assert "如认为这是误报，请联系信息安全部门复核。" in seen.text
    assert links(seen) == []


def test_guidance_without_a_route_and_a_route_that_is_no_link():
    assert links(outline(verdict(ground(route="")))) == []
    seen = outline(verdict(ground(route="sftp://files.example.com/", guidance=("", ""))))
    assert links(seen) == []
    assert "sftp://files.example.com/" in seen.text


@pytest.mark.parametrize("first", ["zh", "en"])
def test_hostile_words_are_escaped(first):
    html = html_of(refusals.HOSTILE_VERDICT, first, console_url='javascript:"><script>')
    seen = Outline(html)
    assert "script" not in seen.tags
    assert [name for _, name, _ in seen.attributes if name.startswith("on")] == []
    assert links(seen) == ['https://a.example.com/"><script>'] * 2
    assert "<script>alert(1)</script>\"'& X-Evil: 1 {{ 7*7 }}]]>" in seen.text
    assert "\u202e" not in html


def test_loads_nothing():
    html = html_of(refusals.HOSTILE_VERDICT)
    seen = Outline(html)
    assert {"img", "link", "script", "iframe", "base", "form", "object"}.isdisjoint(seen.tags)
    assert {name for _, name, _ in seen.attributes} <= {"lang", "charset", "name", "content", "class", "href", "rel"}
    assert "url(" not in html
    assert "@import" not in html


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield running
        running.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_readable_at_every_width(browser, width, scheme):
    shown = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.set_content(html_of(verdict(ground("a" * 120), ground("b", says=("二。" * 80, "long" * 80)))))
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    assert shown.locator("main").bounding_box()["width"] <= 640
    ink, card = shown.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.querySelector('main')).backgroundColor]"
    )
    light, dark = (card, ink) if scheme == "light" else (ink, card)
    assert brightness(light) > 220
    assert brightness(dark) < 50
    assert asked == []
    shown.close()


def brightness(color):
    """Mean of the three channels of a computed colour, `rgb(1, 2, 3)`."""
    return sum(int(part) for part in color[4:-1].split(",")) / 3
