import pytest
from pydantic import ValidationError

from gateway.destinations.entries import CaseEntry, EndpointEntry, ServiceEntry, ServiceFile
from gateway.transfer import Category

param = pytest.param

SERVICE = {
    "id": "a",
    "name": {"zh": "甲", "en": "A"},
    "category": "messaging",
    "jurisdiction": "CN",
    "account": "both",
    "hosts": ["a.example"],
}
ENDPOINT = {"id": "up", "kind": "file", "evidence": "observed", "path": "/up"}
HEADER = {"name": "X-Allowed", "hosts": ["a.example"], "value": "google", "evidence": "source"}
CASE = {"request": "POST https://a.example/up", "endpoint": "up"}


def test_defaults():
    service = ServiceEntry.model_validate(SERVICE | {"endpoints": [ENDPOINT]})
    endpoint = service.endpoints[0]

    assert (service.category, service.dialect, service.tenant) == (Category.MESSAGING, "none", [])
    assert (endpoint.method, endpoint.host, endpoint.many_files, endpoint.category) == ("POST", None, False, None)


@pytest.mark.parametrize(
    "given",
    [
        param({"method": ["PUT", "WS"]}, id="methods"),
        param({"host": r"(a|b)\.example", "query": "(^|&)part="}, id="patterns"),
        param({"header": "upload-offset", "ports": [443]}, id="header and port"),
        param({"tenant": "jwt:tid", "conversation": "digest:query:key"}, id="locators"),
        param({"evidence": "memory", "source": "vendor.example/docs"}, id="evidence"),
        param({"conversation": ["query:to", "field:to"], "hash": "json:md5", "name": "field:name"}, id="places"),
        param({"category": "webmail", "dialect": "none", "many_files": True}, id="own category"),
    ],
)
def test_endpoint(given):
    assert EndpointEntry.model_validate(ENDPOINT | given).id == "up"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        param({"id": "Up"}, "String should match pattern", id="id"),
        param({"evidence": "rumour"}, "Input should be 'observed', 'source' or 'memory'", id="evidence"),
        param({"kind": "upload"}, "Input should be 'file', 'part'", id="kind"),
        param({"method": "MKCOL"}, "Input should be 'GET', 'POST'", id="method"),
        param({"path": "/(a"}, "not a regular expression of the linear kind: unclosed group", id="path"),
        param({"path": ""}, "String should have at least 1 character", id="no path"),
        param({"path": "/" + "a" * 1000}, "String should have at most 1000 characters", id="endless path"),
        param({"host": r"(?!a)"}, "not a regular expression of the linear kind: look-around", id="host"),
        param({"query": "["}, "not a regular expression of the linear kind: unclosed character class", id="query"),
        param({"header": "Upload-Offset"}, "String should match pattern", id="header in capitals"),
        param({"ports": [0]}, "Input should be greater than or equal to 1", id="port"),
        param({"many_files": "yes"}, "Input should be a valid boolean", id="word as truth"),
        param({"dialect": "lark"}, "Input should be 'none', 'wecom'", id="dialect"),
        param({"category": "drive"}, "not a category; allowed: messaging, personal-cloud", id="category"),
        param({"tenant": "body:x"}, "not a place; allowed: path:N", id="tenant"),
        param({"conversation": ["x"]}, "not a place; allowed: path:N", id="conversation"),
        param({"hash": "field"}, "not a place; allowed: path:N", id="hash"),
        param({"name": ["json:a"]}, "Input should be a valid string", id="names"),
        param({"note": "x"}, "Extra inputs are not permitted", id="unknown key"),
    ],
)
def test_endpoint_refused(given, message):
    with pytest.raises(ValidationError) as caught:
        EndpointEntry.model_validate(ENDPOINT | given)

    assert message in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        param({"hosts": []}, "List should have at least 1 item", id="no host"),
        param({"hosts": ["A.example"]}, "not a host; allowed", id="host"),
        param({"hosts": ["a.*"]}, "the last star must stand before a whole domain", id="star at the end"),
        param({"shared_hosts": ["A.example"]}, "not a host; allowed", id="shared host"),
        param({"name": {"en": "A"}}, "Field required", id="name in one language"),
        param({"jurisdiction": "cn"}, "String should match pattern", id="jurisdiction"),
        param({"account": "corporate"}, "Input should be 'personal', 'enterprise' or 'both'", id="account"),
        param({"category": None}, "not a category; allowed", id="category"),
        param({"personal_tenants": [None]}, "Input should be a valid string", id="tenants"),
        param({"tenant_headers": [HEADER | {"value": "zoom"}]}, "Input should be 'google'", id="vendor"),
        param({"tenant_headers": [HEADER | {"name": "X: 1"}]}, "String should match pattern", id="header"),
        param({"tenant_headers": [HEADER | {"hosts": []}]}, "List should have at least 1 item", id="header of no host"),
        param({"endpoints": [ENDPOINT, ENDPOINT]}, "endpoint ids must differ, twice there: up", id="ids"),
    ],
)
def test_service_refused(given, message):
    with pytest.raises(ValidationError) as caught:
        ServiceEntry.model_validate(SERVICE | given)

    assert message in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("key", ["id", "kind", "evidence", "path"])
def test_endpoint_needs(key):
    with pytest.raises(ValidationError) as caught:
        EndpointEntry.model_validate({name: value for name, value in ENDPOINT.items() if name != key})

    assert [error["msg"] for error in caught.value.errors()] == ["Field required"]


def test_a_file_is_a_service_and_its_cases():
    service = ServiceFile.model_validate(SERVICE | {"endpoints": [ENDPOINT], "cases": [CASE]})

    assert (service.id, service.cases[0].endpoint) == ("a", "up")
    with pytest.raises(ValidationError):
        ServiceFile.model_validate({"services": [SERVICE]})
    with pytest.raises(ValidationError):
        ServiceEntry.model_validate(SERVICE | {"cases": [CASE]})


@pytest.mark.parametrize(
    "given",
    [
        param({"request": "WS wss://a.example/lwp"}, id="WebSocket"),
        param({"endpoint": ""}, id="no endpoint"),
        param({"headers": {"content-type": "text/plain"}, "body": "{}"}, id="body"),
        param({"response": {"headers": {"location": "https://b.example/1"}, "body": "{}"}}, id="response"),
    ],
)
def test_case(given):
    assert CaseEntry.model_validate(CASE | given).request.count(" ") == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        param({"request": "https://a.example/up"}, "String should match pattern", id="no method"),
        param({"request": "POST a.example/up"}, "String should match pattern", id="no scheme"),
        param({"request": "POST https://a.example"}, "String should match pattern", id="no path"),
        param({"headers": {"Content-Type": "a"}}, "String should match pattern", id="header in capitals"),
        param({"kind": "upload"}, "Input should be 'file', 'part'", id="kind"),
        param({"endpoint": "Up"}, "String should match pattern", id="endpoint"),
    ],
)
def test_case_refused(given, message):
    with pytest.raises(ValidationError) as caught:
        CaseEntry.model_validate(CASE | given)

    assert message in caught.value.errors()[0]["msg"]
