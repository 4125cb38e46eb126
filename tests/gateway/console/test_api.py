import json

import pytest

from gateway.records.queries import IncidentState
from tests.samples.incidents import RECORDS, identity, put, record

LIST = "/api/v1/incidents"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, [7, 5, 4, 3, 2, 1], id="all, the newest id first"),
        pytest.param({"action": "hold"}, [2], id="action"),
        pytest.param({"state": "released"}, [2], id="state"),
        pytest.param({"user": "wang.fang"}, [2], id="user"),
        pytest.param({"service": "baidu_netdisk"}, [3], id="service"),
        pytest.param({"region": "unknown"}, [5], id="region"),
        pytest.param({"rule": "overseas.personal-information"}, [2, 1], id="rule"),
        pytest.param({"signature": "marking.state-secret"}, [4], id="signature"),
        pytest.param({"since": "24h"}, [5, 4, 3, 2, 1], id="since, a while ago"),
        pytest.param({"since": "2026-03-02T18:04:00"}, [5, 4], id="since, China's clock"),
        pytest.param({"until": "2026-03-01"}, [7], id="until"),
        pytest.param({"text": "客户资料"}, [7, 1], id="text"),
        pytest.param({"text": "10.0.0.99", "action": ""}, [5], id="an empty filter asks for nothing"),
        pytest.param({"before_id": identity(3)}, [2, 1], id="from an id on"),
        pytest.param({"user": "nobody"}, [], id="nothing"),
    ],
)
async def test_filters(browser, asked, expected):
    answer = await browser.get(LIST, params=asked)
    assert answer.status_code == 200
    assert [one["id"] for one in answer.json()["incidents"]] == [identity(number) for number in expected]


async def test_the_cursor_leads_through_all_pages(browser):
    seen, cursor = [], {}
    for _ in range(4):
        page = (await browser.get(LIST, params={"limit": 2, **cursor})).json()
        assert page["total"] == 6
        seen += [one["id"] for one in page["incidents"]]
        if page["next_before_id"] is None:
            break
        cursor = {"before_id": page["next_before_id"]}
    assert seen == [identity(number) for number in (7, 5, 4, 3, 2, 1)]


async def test_a_row(browser):
    (row,) = (await browser.get(LIST, params={"user": "wang.fang"})).json()["incidents"]
    assert row == {
        "id": identity(2),
        "at": "2026-03-02T10:02:00.000Z",
        "action": "hold",
        "user": "wang.fang",
        "ip": "10.0.0.8",
        "host": "files.slack.com",
        "service": "slack",
        "category": "messaging",
        "region": "overseas",
        "country": "US",
        "rules": ["overseas.personal-information"],
        "signatures": ["cn.resident-id"],
        "coverage": "inspected",
        "bytes": 735210,
        "outcome": "refused (403)",
        "state": "released",
        "note": "合同已备案",
        "closed_by": "chen.it",
        "state_at": row["state_at"],
    }


async def test_one_incident_is_its_record(browser):
    answer = (await browser.get(f"{LIST}/{identity(1)}")).json()
    expected = json.loads(json.dumps(RECORDS[0])) | {"outcome": "refused (403)"}
    assert {key: answer[key] for key in expected} == expected
    assert answer["incident"] == {"state": "open", "note": "", "closed_by": "", "at": "2026-03-02T10:01:00.000Z"}
    assert answer["journal"] == {"file": "edge-1.jsonl", "seq": 2}


@pytest.mark.parametrize("wanted", [identity(6), identity(99), "x", "%00", "%ff", "..%2f", "x" * 5000, "' OR 1=1 --"])
async def test_no_such_incident(browser, wanted):
    answer = await browser.get(f"{LIST}/{wanted}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("query", "status", "parameter", "allowed"),
    [
        ("action=allow", 422, "action", "block, hold"),
        ("region=mars", 422, "region", "domestic, overseas, hk-mo-tw, private, unknown"),
        ("state=gone", 422, "state", "open, released, closed"),
        ("limit=0", 422, "limit", "a whole number of 1 to 200"),
        ("limit=many", 422, "limit", "a whole number of 1 to 200"),
        ("limit=201", 422, "limit", "a whole number of 1 to 200"),
        ("before_id=1", 422, "before_id", "the id of an incident (UUID)"),
        ("user=" + "x" * 201, 422, "user", "a user name, at most 200 characters"),
        ("action=block&action=hold", 400, "action", "block, hold"),
        ("lang=en", 422, "lang", None),
    ],
)
async def test_what_cannot_be_asked_is_named(browser, query, status, parameter, allowed):
    answer = await browser.get(f"{LIST}?{query}")
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert allowed in {problem["errors"][0]["allowed"], None}
    assert parameter in problem["detail"]


@pytest.mark.parametrize("path", [f"{LIST}/{identity(1)}?x=1", "/api/v1/status?lang=zh"])
async def test_addresses_without_parameters(browser, path):
    assert (await browser.get(path)).status_code == 422


async def test_a_record_that_is_none_is_a_problem(browser, store):
    broken = {**record(30), "parts": [{"path": 7}]}
    put(store, [broken])
    answer = await browser.get(f"{LIST}/{identity(30)}")
    assert (answer.status_code, answer.json()["title"]) == (500, "This record cannot be read")


async def test_half_a_surrogate_pair_is_replaced(browser, store):
    content = record(31)
    content["parts"][0]["name"] = "a\ud800"
    put(store, [content])
    answer = await browser.get(f"{LIST}/{identity(31)}")
    assert answer.json()["parts"][0]["name"] == "a?"


async def test_a_store_that_is_gone(browser, store, tmp_path):
    store.close()
    for file in tmp_path.glob("sluice.db*"):
        file.unlink()
    (tmp_path / "sluice.db").mkdir()
    answer = await browser.get(LIST)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


async def test_status(browser, store):
    answer = (await browser.get("/api/v1/status")).json()
    assert (answer["ready"], answer["open_incidents"], answer["loopback_only"]) == (False, 5, True)
    assert (answer["listen"], answer["version"]) == ("127.0.0.1:8081", "0.1.0")
    assert answer["checks"]["proxy"] == "nobody listens on 127.0.0.1:9"
    assert answer["last_24h"]["transfers"] == 7
    store.set_state(identity(1), IncidentState.CLOSED, "x", "")
    assert (await browser.get("/api/v1/status")).json()["open_incidents"] == 5  # a few seconds old at most
