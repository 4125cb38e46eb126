import pytest

from gateway.console.guard import CSP
from tests.samples.incidents import identity


async def test_healthz(browser):
    answer = await browser.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_readyz_tells_what_is_wrong(browser):
    answer = await browser.get("/readyz", headers={"host": "gateway:8081"})
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "checks": {
            "policy": "",
            "store": "",
            "journal": "",
            "inspectors": "the inspectors do not answer",
            "proxy": "nobody listens on 127.0.0.1:9",
            "processes": "",
        },
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        (f"/incidents/{identity(1)}", "text/html; charset=utf-8"),
        ("/static/console.css", "text/css; charset=utf-8"),
        ("/static/sluice.svg", "image/svg+xml"),
        ("/api/v1/incidents", "application/json"),
        ("/api/v1/status", "application/json"),
        ("/api/openapi.json", "application/json"),
        ("/healthz", "text/plain; charset=utf-8"),
    ],
)
async def test_every_answer_is_of_its_kind_and_guarded(browser, path, kind):
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/", "/docs", "/redoc", "/openapi.json"]
)
async def test_what_is_not_served(browser, path):
    assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/api/v1/incidents", f"/api/v1/incidents/{identity(1)}"])
async def test_nothing_can_be_changed(browser, method, path):
    answer = await browser.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_a_rebound_name_gets_nothing(browser):
    answer = await browser.get("/api/v1/incidents", headers={"host": "evil.example"})
    assert (answer.status_code, "incidents" in answer.json()) == (421, False)


async def test_the_document_names_every_answer(browser):
    document = (await browser.get("/api/openapi.json")).json()
    assert list(document["paths"]) == ["/api/v1/incidents", "/api/v1/incidents/{identity}", "/api/v1/status"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path in document["paths"].values():
        for status, response in path["get"]["responses"].items():
            kind = "application/json" if status == "200" else "application/problem+json"
            assert list(response["content"]) == [kind]
            if status != "200":
                assert response["content"][kind]["schema"] == {"$ref": "#/components/schemas/Problem"}
    parameters = document["paths"]["/api/v1/incidents"]["get"]["parameters"]
    assert [one["name"] for one in parameters] == (
        [
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
            "before_id",
            "limit",
        ]
    )
    assert all(one["description"] and one["in"] == "query" for one in parameters)
    action = next(one for one in parameters if one["name"] == "action")
    assert {"enum": ["block", "hold"], "type": "string"} in action["schema"]["anyOf"]
    assert (await browser.get("/api/openapi.json")).json() == document


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        pytest.param("/?acton=1", 422, "text/html", id="page, parameter"),
        pytest.param("/incidents/x", 404, "text/html", id="page, no incident"),
        pytest.param("/nowhere", 404, "text/html", id="page, nowhere"),
        pytest.param("/api/v1/incidents?acton=1", 422, "application/problem+json", id="API, parameter"),
        pytest.param("/api/v1/incidents/x", 404, "application/problem+json", id="API, no incident"),
        pytest.param("/api/nowhere", 404, "application/problem+json", id="API, nowhere"),
    ],
)
async def test_people_get_pages_and_programs_get_problems(browser, path, status, kind):
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, kind)


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/api/v1/incidents", "application/problem+json")])
async def test_a_store_that_is_gone(browser, store, tmp_path, path, kind):
    store.close()
    for file in tmp_path.glob("sluice.db*"):
        file.unlink()
    (tmp_path / "sluice.db").mkdir()
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (503, kind)
