import pytest
from pydantic import ValidationError

from gateway.tenant_settings import Tenants

param = pytest.param


def test_nothing_is_set_by_itself():
    assert dict(Tenants().values()) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        param({"google": ["corp.example", "b.example"]}, {"google": "corp.example,b.example"}, id="list"),
        param({"github": "corp-emu"}, {"github": "corp-emu"}, id="one"),
        param(
            {"microsoft": {"refuse_consumers": True}}, {"microsoft.consumers": "restrict-msa"}, id="private accounts"
        ),
        param({"microsoft": {"policy": "d1:p1"}}, {"microsoft.policy": "d1:p1"}, id="version 2"),
        param(
            {"google_cloud": ["123456789012"]},
            {"google_cloud": "eyJyZXNvdXJjZXMiOlsib3JnYW5pemF0aW9ucy8xMjM0NTY3ODkwMTIiXSwib3B0aW9ucyI6InN0cmljdCJ9"},
            id="base64",
        ),
        param(
            {"slack": {"workspaces": ["T1"], "requester": "T1"}},
            {"slack.workspaces": "T1", "slack.requester": "T1"},
            id="both of Slack",
        ),
    ],
)
def test_values(given, expected):
    assert dict(Tenants.model_validate(given).values()) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        param({"google": ["a,b"]}, "String should match pattern", id="comma"),
        param({"google": ["a\r\nX-Evil: 1"]}, "String should match pattern", id="line break"),
        param({"google": "corp.example"}, "Input should be a valid tuple", id="no list"),
        param({"google_cloud": ["organizations/1"]}, "String should match pattern", id="organization"),
        param({"github": ""}, "String should match pattern", id="empty"),
        param({"microsoft": {"tenants": ["a"]}}, "tenants and context need each other", id="no context"),
        param({"microsoft": {"context": "a"}}, "tenants and context need each other", id="no tenants"),
        param({"microsoft": {"policy": "a"}}, "String should match pattern", id="policy"),
        param(
            {"microsoft": {"policy": "a:b", "refuse_consumers": True}}, "sent in the same header", id="both versions"
        ),
        param({"slack": {"workspaces": ["T1"]}}, "workspaces and requester need each other", id="no requester"),
        param({"zoom": ["a"]}, "Extra inputs are not permitted", id="vendor without a header"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ValidationError) as caught:
        Tenants.model_validate(given)

    assert message in caught.value.errors()[0]["msg"]
