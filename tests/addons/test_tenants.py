"""Tenant headers: unit cases on the engine's own requests, then a real gateway whose origin says what it got."""

import subprocess
from types import SimpleNamespace

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.held import HELD, Held
from addons.tenants import Tenants
from gateway.destinations.tenant_headers import TenantHeader, TenantHeaders
from gateway.findings import Action, Verdict
from metrics import catalogue as metrics
from tests.support.gateway import Gateway
from tests.support.origin import Origin

param = pytest.param
ENTRIES = [
    TenantHeader("X-Allowed", ("*.corp.example",), "google"),
    TenantHeader("X-Requester", ("*.corp.example",), "slack.requester"),
    TenantHeader("X-Workspaces", ("*.corp.example",), "slack.workspaces"),
]


class Judge:
    """Takes down the outcomes."""

    def __init__(self):
        self.outcomes = []

    def tell_outcome(self, held, outcome):
        self.outcomes.append(outcome)


def allowed():
    held = Held(spool=None, max_body_bytes=1, bare=True)
    held.verdict = Verdict(action=Action.ALLOW, grounds=(), policy_digest="d")
    return held


def flow_of(headers=(), host="mail.corp.example", version=b"HTTP/1.1", held=None):
    request = tutils.treq(host=host, http_version=version, headers=http.Headers([(b"host", host.encode()), *headers]))
    flow = tflow.tflow(req=request)
    flow.metadata[HELD] = held or allowed()
    return flow


def run(flow, values=None, judge=None):
    headers = TenantHeaders(ENTRIES, {"google": "corp.example", "slack.requester": "T1"} if values is None else values)
    Tenants(judge or Judge(), headers).request(flow)
    return [(name, value) for name, value in flow.request.headers.fields if name.lower().startswith(b"x-")]


@pytest.mark.parametrize(
    "sent",
    [
        param([], id="none"),
        param([(b"X-Allowed", b"gmail.com")], id="one"),
        param([(b"x-allowed", b"a"), (b"X-ALLOWED", b"b"), (b"X-Allowed", b"c")], id="many, in every spelling"),
        param([(b"X-Workspaces", b"T9")], id="one without a value of ours"),
    ],
)
def test_the_clients_copies_are_replaced_or_removed(sent):
    assert sorted(run(flow_of(sent))) == [(b"X-Allowed", b"corp.example"), (b"X-Requester", b"T1")]


def test_names_are_in_lower_case_for_http2():
    assert sorted(run(flow_of([(b"x-allowed", b"a")], version=b"HTTP/2.0"))) == [
        (b"x-allowed", b"corp.example"),
        (b"x-requester", b"T1"),
    ]


def test_a_vendor_that_is_not_named_keeps_its_headers():
    assert run(flow_of([(b"X-Requester", b"T9")]), {"google": "corp.example"}) == [
        (b"X-Requester", b"T9"),
        (b"X-Allowed", b"corp.example"),
    ]


def test_other_hosts_get_nothing():
    assert run(flow_of([(b"X-Allowed", b"a")], host="other.example")) == [(b"X-Allowed", b"a")]


@pytest.mark.parametrize("where", ["host", "sni"])
def test_a_server_known_by_address_is_known_by_what_the_client_calls_it(where):
    flow = flow_of()
    flow.request.host = "203.0.113.7"
    flow.request.host_header = "mail.corp.example" if where == "host" else "203.0.113.7"
    flow.client_conn.sni = "mail.corp.example" if where == "sni" else None

    assert len(run(flow)) == 2


@pytest.mark.parametrize("why", ["no verdict", "refused", "not ours"])
def test_what_will_not_leave_is_left_as_it_is(why):
    held = allowed()
    if why == "no verdict":
        held.verdict = None
    if why == "refused":
        held.refusal = http.Response.make(403)
    flow = flow_of(held=held)
    if why == "not ours":
        del flow.metadata[HELD]

    assert run(flow) == []


def test_an_error_refuses():
    broken = SimpleNamespace(for_host=lambda host: 1 / 0)
    judge, flow = Judge(), flow_of()
    before = metrics.FAILURES.labels(part="judge")._value.get()

    Tenants(judge, broken).request(flow)

    assert flow.metadata[HELD].refusal.status_code == 403
    assert judge.outcomes == ["refused (403)"]
    assert metrics.FAILURES.labels(part="judge")._value.get() == before + 1


# --- a real gateway ---

HOSTS = ("slack.com", "accounts.google.com", "plain.example")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    with Origin(tmp_path_factory.mktemp("origin"), names=HOSTS, alpn=("h2", "http/1.1")) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin):
    routes = {f"{host}:443": f"127.0.0.1:{origin.port}" for host in HOSTS}
    tenants = {"google": ["corp.example"], "slack": {"workspaces": ["T1", "T2"], "requester": "T1"}}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, origin_ca=origin.ca, connect_to=routes, settings={"tenants": tenants}) as gateway:
        yield gateway


def curl(gateway, *words):
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--proxy", gateway.proxy, "--cacert"]
    done = subprocess.run([*command, str(gateway.ca), *words], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("body", [[], ["--data", "text=hello"]], ids=["no body", "body"])
def test_the_origin_gets_ours_and_nothing_of_the_clients(gateway, origin, version, body):
    origin.clear()
    own = ["-H", "X-Slack-Allowed-Workspaces: T9", "-H", "x-slack-allowed-workspaces: T8", "-H", "X-SLACK-Allowed-Workspaces-Requester: T9"]  # fmt: skip

    assert curl(gateway, version, *body, *own, "https://slack.com/api/auth.test") == 200

    (seen,) = origin.requests
    got = sorted(field for field in seen.fields if field[0].startswith("x-slack"))
    assert got == [("x-slack-allowed-workspaces", "T1,T2"), ("x-slack-allowed-workspaces-requester", "T1")]


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_the_sign_in_gets_its_header_and_other_hosts_none(gateway, origin, version):
    origin.clear()

    assert curl(gateway, version, "https://accounts.google.com/signin") == 200
    assert curl(gateway, version, "-H", "X-GoogApps-Allowed-Domains: own.example", "https://plain.example/") == 200

    told = [[value for name, value in one.fields if name == "x-googapps-allowed-domains"] for one in origin.requests]
    assert told == [["corp.example"], ["own.example"]]
