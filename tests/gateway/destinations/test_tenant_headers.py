import pytest

from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.tenant_headers import VALUES, TenantHeader, TenantHeaders
from gateway.settings import PACKAGE_DIR
from gateway.tenant_settings import Tenants

param = pytest.param
HEADERS = load_catalogue([PACKAGE_DIR / "destinations" / "data"]).tenant_headers
FULL = Tenants.model_validate(
    {
        "google": ["corp.example", "consumer_accounts"],
        "google_cloud": ["123456789012"],
        "microsoft": {"tenants": ["corp.example"], "context": "d1", "refuse_consumers": True},
        "slack": {"workspaces": ["T1", "E2"], "requester": "T1"},
        "dropbox": ["1234"],
        "openai": {"workspaces": ["w1"], "organizations": ["org-1"]},
        "anthropic": ["o1", "o2"],
        "github": "corp",
        "webex": ["corp.example"],
    }
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        param("accounts.google.com", {"X-GoogApps-Allowed-Domains": "corp.example,consumer_accounts", "X-Goog-Allowed-Resources": "eyJyZXNvdXJjZXMiOlsib3JnYW5pemF0aW9ucy8xMjM0NTY3ODkwMTIiXSwib3B0aW9ucyI6InN0cmljdCJ9"}, id="google"),
        param("google.com", {"X-GoogApps-Allowed-Domains": "corp.example,consumer_accounts"}, id="google itself"),
        param("Login.MicrosoftOnline.com.", {"Restrict-Access-To-Tenants": "corp.example", "Restrict-Access-Context": "d1", "sec-Restrict-Tenant-Access-Policy": ""}, id="microsoft, version 1"),
        param("login.live.com", {"sec-Restrict-Tenant-Access-Policy": "restrict-msa"}, id="private microsoft accounts"),
        param("acme.slack.com", {"X-Slack-Allowed-Workspaces-Requester": "T1", "X-Slack-Allowed-Workspaces": "T1,E2"}, id="slack"),
        param("www.dropbox.com", {"X-Dropbox-allowed-Team-Ids": "1234"}, id="dropbox"),
        param("chatgpt.com", {"ChatGPT-Allowed-Workspace-Id": "w1"}, id="chatgpt"),
        param("api.openai.com", {"OpenAI-Allowed-Organization-Ids": "org-1"}, id="openai"),
        param("api.anthropic.com", {"anthropic-allowed-org-ids": "o1,o2"}, id="anthropic"),
        param("api.github.com", {"sec-GitHub-allowed-enterprise": "corp"}, id="github"),
        param("idbroker.webex.com", {"CiscoSpark-Allowed-Domains": "corp.example"}, id="webex"),
        param("example.com", {}, id="elsewhere"),
        param("google.com.evil.example", {}, id="a host that begins like it"),
        param("notgoogle.com", {}, id="a host that ends like it"),
        param("", {}, id="no host"),
    ],
)  # fmt: skip
def test_shipped_headers(host, expected):
    assert dict(TenantHeaders(HEADERS, FULL.values()).for_host(host)) == expected


def test_a_vendor_that_is_not_named_is_left_alone():
    headers = TenantHeaders(HEADERS, {"google": "corp.example"})

    assert dict(headers.for_host("login.live.com")) == {}
    assert dict(TenantHeaders(HEADERS, {}).for_host("mail.google.com")) == {}


def test_version_2_takes_the_header_that_version_1_sends_to_one_host_alone():
    headers = TenantHeaders(HEADERS, {"microsoft.policy": "d1:p1"})

    assert dict(headers.for_host("login.live.com")) == {"sec-Restrict-Tenant-Access-Policy": "d1:p1"}
    assert headers.for_host("login.windows.net")["Restrict-Access-To-Tenants"] == ""


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_entries_with_one_name_the_one_with_a_value_counts(order):
    entries = [
        TenantHeader("X-A", ("a.example",), "slack.requester"),
        TenantHeader("X-A", ("a.example",), "slack.workspaces"),
    ]

    headers = TenantHeaders(entries[::order], {"slack.workspaces": "T1"})

    assert dict(headers.for_host("a.example")) == {"X-A": "T1"}


def test_each_word_has_a_header_and_a_setting():
    full = dict(FULL.values()) | {
        "microsoft.policy": Tenants.model_validate({"microsoft": {"policy": "a:b"}}).values()["microsoft.policy"]
    }
    assert {header.value for header in HEADERS} == set(VALUES) == set(full)
