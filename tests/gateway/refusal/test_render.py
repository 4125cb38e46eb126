import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.findings import Action, Verdict
from gateway.policy.builtin import BUILTIN, builtin_verdict
from gateway.refusal import render as module
from gateway.refusal.dialects import DIALECTS
from gateway.refusal.render import Refusal, refusal_status, render
from tests.samples import refusals
from tests.samples.refusals import HOSTILE, INCIDENT, SENTENCE_EN, SENTENCE_ZH, ground, verdict

param = pytest.param
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
CORS = [
    ("Access-Control-Allow-Origin", "https://pan.example.com"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Expose-Headers", "X-Sluice-Verdict, X-Sluice-Incident"),
    ("Vary", "Origin"),
]


def refusal(judged=refusals.BLOCKED, *, incident=INCIDENT, dialect="", headers=None, console_url="") -> Refusal:
    return render(judged, incident=incident, dialect=dialect, headers=headers or {}, console_url=console_url)


@pytest.mark.parametrize(
    ("dialect", "headers", "content_type"),
    [
        param("", {}, "application/problem+json", id="nothing-known"),
        param("unknown", {"accept": "*/*"}, "application/problem+json", id="unknown-dialect"),
        param("wecom", {"accept": "*/*"}, "application/json; charset=utf-8", id="dialect"),
        param("s3", {}, "application/xml", id="xml"),
        param("s3", NAVIGATION, "text/html; charset=utf-8", id="form-to-a-known-service"),
        param("", {"accept": "text/html,*/*;q=0.8"}, "text/html; charset=utf-8", id="browser-by-accept"),
        param("slack", {"sec-fetch-mode": "cors"}, "application/json; charset=utf-8", id="script-of-a-page"),
        param("github", {"user-agent": "git/2.47.3"}, "text/plain; charset=utf-8", id="git"),
        param("", {"accept": "application/vnd.git-lfs+json"}, "application/vnd.git-lfs+json", id="git-lfs"),
    ],
)
def test_which_shape(dialect, headers, content_type):
    seen = refusal(dialect=dialect, headers=headers)
    assert dict(seen.headers)["Content-Type"] == content_type
    assert SENTENCE_ZH in seen.body.decode()
    assert SENTENCE_EN in seen.body.decode()


@pytest.mark.parametrize(
    ("judged", "status", "word"),
    [
        param(refusals.BLOCKED, 403, "block", id="block"),
        param(refusals.HELD, 403, "hold", id="hold"),
        param(verdict(ground(is_size=True)), 413, "block", id="size"),
        param(Verdict(Action.ALLOW), 403, "block", id="allow-is-told-as-block"),
        param(Verdict(Action.COACH, (ground(action=Action.COACH),)), 403, "block", id="coach-is-told-as-block"),
    ],
)
def test_status_and_verdict(judged, status, word):
    seen = refusal(judged)
    assert (seen.status, dict(seen.headers)["X-Sluice-Verdict"]) == (status, word)
    assert json.loads(seen.body)["status"] == status
    assert refusal_status(judged) == status


def test_headers():
    assert refusal().headers == (
        ("X-Sluice-Verdict", "block"),
        ("X-Sluice-Incident", INCIDENT),
        ("Cache-Control", "no-store"),
        ("Content-Type", "application/problem+json"),
        ("X-Content-Type-Options", "nosniff"),
    )


def test_page_has_its_own_headers():
    assert refusal(headers=NAVIGATION).headers[-2:] == (
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ("Referrer-Policy", "no-referrer"),
    )


@pytest.mark.parametrize("incident", ["", "a\r\nSet-Cookie: a=b", "编号"])
@pytest.mark.parametrize("dialect", ["", "dropbox", "s3"])
def test_without_a_number_there_is_no_header(incident, dialect):
    names = {name for name, _ in refusal(incident=incident, dialect=dialect).headers}
    assert names.isdisjoint({"X-Sluice-Incident", "X-Dropbox-Request-Id", "x-amz-request-id"})


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        param("https://pan.example.com", CORS, id="origin"),
        param("null", [("Access-Control-Allow-Origin", "null"), *CORS[1:]], id="null"),
        param("https://a\r\nSet-Cookie: a=b", [("Vary", "Origin")], id="line-break"),
        param("*", [("Vary", "Origin")], id="star"),
        param("", [("Vary", "Origin")], id="empty"),
        param(None, [], id="none"),
    ],
)
@pytest.mark.parametrize("dialect", ["", "slack"])
def test_cross_origin(origin, expected, dialect):
    headers = {"sec-fetch-mode": "cors"} | ({} if origin is None else {"origin": origin})
    assert list(refusal(dialect=dialect, headers=headers).headers)[5:] == expected


@pytest.mark.parametrize(
    ("headers", "zh_is_first"),
    [
        param({}, True, id="default"),
        param({"accept-language": "de"}, True, id="neither"),
        param({"accept-language": "en"}, False, id="en"),
        param({"accept-language": "zh-CN"}, True, id="zh"),
    ],
)
@pytest.mark.parametrize("shape", [{}, NAVIGATION], ids=["problem", "page"])
def test_language_order(headers, zh_is_first, shape):
    text = refusal(headers=headers | shape).body.decode()
    assert (text.index(SENTENCE_ZH) < text.index(SENTENCE_EN)) is zh_is_first


def test_where_to_appeal_is_told():
    for headers in ({}, NAVIGATION):
        assert (
            b"https://sluice.example.com/" in refusal(headers=headers, console_url="https://sluice.example.com/").body
        )
        assert b"javascript:" not in refusal(headers=headers, console_url="javascript:alert(1)").body


@pytest.mark.parametrize("reason", BUILTIN)
@pytest.mark.parametrize("dialect", ["", "s3", *DIALECTS])
def test_every_built_in_refusal_is_told_in_every_shape(reason, dialect):
    seen = refusal(builtin_verdict(reason, "digest"), dialect=dialect)
    assert seen.status == (413 if reason == "body-limit" else 403)
    for words in (BUILTIN[reason].zh, BUILTIN[reason].en, BUILTIN[reason].guidance_zh, BUILTIN[reason].guidance_en):
        assert words in seen.body.decode()


def test_same_in_same_out():
    assert refusal(headers=NAVIGATION) == refusal(headers=NAVIGATION)


HEADERS = st.dictionaries(
    st.sampled_from(
        ["accept", "accept-language", "origin", "sec-fetch-mode", "sec-fetch-dest", "content-type", "user-agent"]
    ),
    st.one_of(
        st.text(),
        st.text(alphabet=st.characters(codec=None, exclude_categories=())),
        st.sampled_from(["navigate", "text/html", "zh;q=1", "https://a", "git/1", HOSTILE]),
    ),
)


@given(headers=HEADERS, dialect=st.sampled_from(["", "s3", *DIALECTS]), incident=st.text(max_size=80))
def test_no_header_value_breaks_it(headers, dialect, incident):
    seen = refusal(refusals.HOSTILE_VERDICT, incident=incident, dialect=dialect, headers=headers)
    assert seen.status == 403
    for name, value in seen.headers:
        assert value.isascii(), name
        assert value.isprintable(), name
    seen.body.decode()
    if "html" in dict(seen.headers)["Content-Type"]:
        assert b"<script" not in seen.body


def test_public_names():
    assert module.__all__ == ["Refusal", "refusal_status", "render"]
