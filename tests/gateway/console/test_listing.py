import pytest

from gateway.console.filters import PageQuery
from gateway.console.language import Words
from gateway.console.listing import called, list_view
from gateway.console.titles import Titles
from gateway.records.overview import KnownValues
from gateway.records.queries import IncidentFilter
from gateway.settings import Settings
from tests.samples.incidents import identity

KNOWN = KnownValues(("li.wei",), ("slack", "wecom"), ("cloud.personal",), ("cn.mobile",))


@pytest.fixture(scope="module")
def titles():
    return Titles(Settings().catalogue)


@pytest.fixture
def view(store, titles):
    def shown(*, has_older=False, newer=None, language="en", **asked):
        return list_view(
            PageQuery(**asked),
            rows=store.incidents(IncidentFilter(limit=2)),
            total=6,
            has_older=has_older,
            newer=newer,
            known=KNOWN,
            words=Words(language),
            titles=titles,
        )

    return shown


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("action", "hold", "暂扣", id="action"),
        pytest.param("region", "hk-mo-tw", "港澳台", id="region"),
        pytest.param("state", "open", "待处理", id="state"),
        pytest.param("service", "wecom", "企业微信", id="service"),
        pytest.param("signature", "cn.mobile", "手机号", id="signature"),
        pytest.param("rule", "cloud.personal", "cloud.personal", id="rule"),
        pytest.param("user", "li.wei", "li.wei", id="user"),
        pytest.param("since", "7d", "7d", id="how long ago"),
        pytest.param("since", "2026-03-01T00:00:00Z", "2026-03-01 08:00", id="a time, on China's clock"),
        pytest.param("until", "2026-03-01T08:00:05", "2026-03-01 08:00:05", id="with seconds"),
    ],
)
def test_called(titles, name, value, expected):
    assert called(name, value, Words("zh"), titles) == expected


def test_a_list_without_filters(view):
    page = view()
    assert (page.chips, page.older, page.newer, page.clear, page.json) == ((), "", "", "/", "/api/v1/incidents")
    assert [(one.label, one.url, one.is_set) for one in page.ranges] == [
        ("24 hours", "/?since=24h", False),
        ("7 days", "/?since=7d", False),
        ("30 days", "/?since=30d", False),
        ("Any time", "/", True),
    ]
    assert page.is_more_set is False


def test_chips_take_one_filter_away(view):
    page = view(action="hold", since="24h", lang="zh", before_id=identity(9), language="zh")
    assert [(chip.name, chip.value, chip.url) for chip in page.chips] == [
        ("处置", "暂扣", "/?since=24h&lang=zh"),
        ("起（含）", "24h", "/?action=hold&lang=zh"),
    ]
    assert (page.clear, page.waiting) == ("/?lang=zh", "/?state=open&lang=zh")
    assert [one.is_set for one in page.ranges] == [True, False, False, False]
    assert page.json == f"/api/v1/incidents?action=hold&since=24h&before_id={identity(9)}"
    assert page.is_more_set is True


def test_pages_before_and_after(view):
    page = view(user="li.wei", before_id=identity(9), has_older=True, newer=identity(30))
    assert page.older == f"/?user=li.wei&before_id={page.rows[-1].id}"
    assert page.newer == f"/?user=li.wei&before_id={identity(30)}"
    assert page.newest == "/?user=li.wei"
    assert view(user="li.wei", before_id=identity(9), newer="").newer == "/?user=li.wei"


def test_controls_hold_what_is_asked(view):
    page = view(service="gone", region="private", since="2026-03-01", until="24h", text="a", user="x")
    fields = {field.name: field for field in page.fields}
    assert list(fields) == [
        "text",
        "action",
        "state",
        "user",
        "service",
        "region",
        "rule",
        "signature",
        "since",
        "until",
    ]
    assert [(one.value, one.is_set) for one in fields["service"].choices] == [
        ("gone", True),
        ("slack", False),
        ("wecom", False),
    ]
    assert [one.value for one in fields["region"].choices if one.is_set] == ["private"]
    assert [one.value for one in fields["user"].choices] == ["li.wei"]
    assert (fields["since"].kind, fields["since"].value) == ("datetime-local", "2026-03-01T00:00")
    assert (fields["until"].kind, fields["until"].value) == ("text", "24h")
    assert (fields["text"].value, fields["user"].value) == ("a", "x")
    assert all(not one.is_set for one in fields["action"].choices)
