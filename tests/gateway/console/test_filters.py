from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from gateway.console.filters import FILTERS, ApiQuery, IncidentQuery, LanguageQuery, PageQuery, is_ago, parse_moment
from gateway.records.queries import IncidentFilter
from gateway.transfer import Region
from tests.samples.incidents import NOW, identity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("30m", "2026-03-02T11:30:00", id="minutes ago"),
        pytest.param("24h", "2026-03-01T12:00:00", id="hours ago"),
        pytest.param("7d", "2026-02-23T12:00:00", id="days ago"),
        pytest.param("4w", "2026-02-02T12:00:00", id="weeks ago"),
        pytest.param("2026-03-01", "2026-02-28T16:00:00", id="a day of China"),
        pytest.param("2026-03-01T08:30", "2026-03-01T00:30:00", id="a clock field"),
        pytest.param("2026-03-01 08:30:05", "2026-03-01T00:30:05", id="with a space"),
        pytest.param("2026-03-01T08:30:00Z", "2026-03-01T08:30:00", id="UTC"),
        pytest.param("2026-03-01T08:30:00+02:00", "2026-03-01T06:30:00", id="another zone"),
        pytest.param("2026-03-01T08:30:00 02:00", "2026-03-01T06:30:00", id="a plus that the URL made a space"),
    ],
)
def test_parse_moment(text, expected):
    moment = parse_moment(text, NOW)
    assert (moment.isoformat(), moment.tzinfo) == (f"{expected}+00:00", UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0h",
        "24",
        "24 h",
        "24y",
        "99999d",
        "-1h",
        "2026-13-01",
        "0001-01-01",
        "9999-12-31",
        "٢h",
        "1970-01-01T00:00+25:00",
    ],
)
def test_what_is_no_moment(text):
    with pytest.raises(ValueError):
        parse_moment(text, NOW)


def test_is_ago():
    assert (is_ago("24h"), is_ago("2026-03-01")) == (True, False)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        pytest.param({"action": "allow"}, "action", id="action outside the set"),
        pytest.param({"action": "BLOCK"}, "action", id="action in capitals"),
        pytest.param({"state": "gone"}, "state", id="state"),
        pytest.param({"region": "mars"}, "region", id="region"),
        pytest.param({"user": "x" * 201}, "user", id="too long"),
        pytest.param({"text": "x" * 201}, "text", id="text too long"),
        pytest.param({"since": "soon"}, "since", id="since"),
        pytest.param({"until": "1" * 41}, "until", id="until too long"),
        pytest.param({"before_id": "1"}, "before_id", id="no id"),
        pytest.param({"before_id": identity(1).upper().replace("019A", "019G")}, "before_id", id="nearly an id"),
        pytest.param({"before_id": identity(1) + "\n"}, "before_id", id="an id and a line feed"),
        pytest.param({"acton": "block"}, "acton", id="unknown"),
        pytest.param({"lang": "zh"}, "lang", id="a parameter of the pages"),
    ],
)
def test_what_cannot_be_asked(given, name):
    with pytest.raises(ValidationError) as caught:
        IncidentQuery.model_validate(given)
    assert [error["loc"] for error in caught.value.errors()] == [(name,)]


@pytest.mark.parametrize(("limit", "right"), [("1", True), ("200", True), ("0", False), ("201", False), ("x", False)])
def test_limit(limit, right):
    if right:
        assert ApiQuery.model_validate({"limit": limit}).limit == int(limit)
    else:
        with pytest.raises(ValidationError):
            ApiQuery.model_validate({"limit": limit})


def test_regions_are_those_of_a_destination():
    assert [IncidentQuery(region=region.value).region for region in Region] == [region.value for region in Region]


def test_empty_fields_ask_for_nothing():
    query = PageQuery.model_validate(dict.fromkeys((*FILTERS, "before_id", "lang"), " "))
    assert (query.filters(), query.parameters(), query.url()) == ({}, {}, "/")
    assert LanguageQuery.model_validate({"lang": ""}).lang is None


def test_the_question_for_the_store():
    query = IncidentQuery.model_validate(
        {
            "text": " 合同 ",
            "action": "hold",
            "state": "open",
            "user": "li.wei",
            "service": "slack",
            "region": "overseas",
            "rule": "a.b",
            "signature": "cn.mobile",
            "since": "24h",
            "until": "2026-03-02",
            "before_id": identity(5),
        }
    )
    assert query.asked(NOW, 50) == IncidentFilter(
        action="hold",
        user="li.wei",
        service="slack",
        rule="a.b",
        region="overseas",
        signature="cn.mobile",
        since=datetime(2026, 3, 1, 12, tzinfo=UTC),
        until=datetime(2026, 3, 1, 16, tzinfo=UTC),
        text="合同",
        state="open",
        limit=50,
        before_id=identity(5),
    )


QUERY = PageQuery(action="hold", user="李 伟&", before_id=identity(5), lang="en")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {}, f"/?action=hold&user=%E6%9D%8E+%E4%BC%9F%26&before_id={identity(5)}&lang=en", id="the same page"
        ),
        pytest.param({"user": None}, "/?action=hold&lang=en", id="a filter less starts at the top"),
        pytest.param({"user": "", "action": None}, "/?lang=en", id="no filter"),
        pytest.param({"region": "private", "user": None}, "/?action=hold&region=private&lang=en", id="another filter"),
        pytest.param(
            {"lang": "zh", "user": "a"}, "/?action=hold&user=a&lang=zh", id="a changed filter and another language"
        ),
        pytest.param({"before_id": None}, "/?action=hold&user=%E6%9D%8E+%E4%BC%9F%26&lang=en", id="the newest page"),
        pytest.param({"user": "\ud800"}, "/?action=hold&user=%3F&lang=en", id="what has no UTF-8"),
    ],
)
def test_url(changes, expected):
    assert QUERY.url(**changes) == expected
