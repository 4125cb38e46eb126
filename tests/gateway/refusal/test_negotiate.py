import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.refusal.negotiate import allowed_origin, asked_language, wants_page

param = pytest.param

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        param({"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": CHROMIUM}, True, id="form"),
        param({"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, True, id="form-in-a-frame"),
        param({"sec-fetch-dest": "document"}, True, id="dest-alone"),
        param({"sec-fetch-mode": "cors", "sec-fetch-dest": "empty", "accept": CHROMIUM}, False, id="fetch"),
        param({"sec-fetch-mode": "no-cors", "accept": "text/html"}, False, id="beacon"),
        param({"sec-fetch-mode": "same-origin"}, False, id="xhr"),
        param({"accept": CHROMIUM}, True, id="browser-over-plain-http"),
        param({"accept": "text/html, application/json;q=0.9"}, True, id="likes-html-better"),
        param({"accept": "application/json, text/html;q=0.9"}, False, id="likes-json-better"),
        param({"accept": "text/html, application/problem+json"}, False, id="html-and-problems"),
        param({"accept": "text/html;q=0.5, application/*;q=0.4"}, True, id="wildcard-of-a-type"),
        param({"accept": "application/json, text/plain, */*"}, False, id="axios"),
        param({"accept": "*/*"}, False, id="anything"),
        param({"accept": "text/html;q=0"}, False, id="html-not-wanted"),
        param({"accept": "text/html;q=lots"}, False, id="odd-quality"),
        param({"accept": "text/html;q=nan, */*;q=0"}, False, id="not-a-number"),
        param({"accept": ",;,;q=1,,"}, False, id="rubbish"),
        param({"accept": ""}, False, id="empty"),
        param({}, False, id="nothing"),
    ],
)
def test_wants_page(headers, expected):
    assert wants_page(headers) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        param("zh-CN,zh;q=0.9,en;q=0.8", "zh", id="chinese-browser"),
        param("en-US,en;q=0.9,zh-CN;q=0.8", "en", id="english-browser"),
        param("zh;q=0.5, en;q=0.7", "en", id="by-quality"),
        param("de, fr;q=0.9, EN-gb;q=0.1", "en", id="other-languages-first"),
        param("zh-Hant-TW", "zh", id="traditional"),
        param("en, zh", "en", id="equal-first-wins"),
        param("zh;q=0, en;q=0.1", "en", id="not-wanted"),
        param("en;q=2", None, id="odd-quality"),
        param("en; q = 1", "en", id="unknown-parameter"),
        param("zhx, eng", None, id="longer-words"),
        param("de", None, id="neither"),
        param("*", None, id="any"),
        param("", None, id="empty"),
        param("x," * 64 + "en", None, id="past-the-limit"),
        param("x," * 63 + "en", "en", id="at-the-limit"),
    ],
)
def test_asked_language(value, expected):
    assert asked_language({"accept-language": value}) == expected


def test_no_language_asked():
    assert asked_language({}) is None


@pytest.mark.parametrize(
    ("origin", "is_origin"),
    [
        param("https://pan.example.com", True, id="https"),
        param("http://localhost:8080", True, id="port"),
        param("http://[2001:db8::1]:80", True, id="ipv6"),
        param("https://xn--fiqs8s.example.com", True, id="a-label"),
        param("chrome-extension://abcdefghijklmnop", True, id="extension"),
        param("null", True, id="null"),
        param("", False, id="empty"),
        param("*", False, id="star"),
        param("pan.example.com", False, id="no-scheme"),
        param("https://", False, id="no-host"),
        param("https://a.example.com/", False, id="path"),
        param("https://user@a.example.com", False, id="user"),
        param("https://a.example.com https://b.example.com", False, id="two"),
        param("https://a.example.com, https://b.example.com", False, id="joined"),
        param("https://a.example.com\r\nSet-Cookie: a=b", False, id="line-break"),
        param("https://a.example.com\n", False, id="trailing-line-break"),
        param("https://a.example.com\x00", False, id="nul"),
        param("https://网盘.example.com", False, id="not-ascii"),
        param("https://a.example.com\udcff", False, id="surrogate"),
        param("https://a.example.com:123456", False, id="port-too-long"),
        param("https://" + "a" * 292, True, id="longest"),
        param("https://" + "a" * 293, False, id="too-long"),
    ],
)
def test_allowed_origin(origin, is_origin):
    assert allowed_origin({"origin": origin}) == (origin if is_origin else "")


def test_no_origin():
    assert allowed_origin({}) == ""


@given(st.dictionaries(st.sampled_from(["accept", "accept-language", "origin", "sec-fetch-mode"]), st.text()))
def test_never_raises(headers):
    assert wants_page(headers) in {True, False}
    assert asked_language(headers) in {"zh", "en", None}
    assert allowed_origin(headers).isprintable()
