"""The login to the next proxy: only where it belongs, only on what may leave; its 407 stays here."""

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.held import HELD, Held
from addons.parent import Parent
from gateway.findings import Action, Verdict
from gateway.spool import Spool
from metrics import catalogue as metrics

LOGIN = "Basic Z2F0ZTpodW50ZXIy"


def flow(tmp_path, *, scheme=b"http", action=Action.ALLOW, recorded=True, held=True):
    made = tflow.tflow(req=tutils.treq(scheme=scheme))
    if held:
        made.metadata[HELD] = Held(Spool(str(tmp_path)), 10, verdict=Verdict(action), recorded=recorded)
    return made


def test_tunnel_is_asked_for_with_the_login():
    made = tflow.tflow(req=tutils.treq(method=b"CONNECT"))
    Parent("gate:hunter2").http_connect_upstream(made)
    assert made.request.headers["proxy-authorization"] == LOGIN


@pytest.mark.parametrize(
    ("given", "has_login"),
    [
        param({}, True, id="in the clear"),
        param({"scheme": b"https"}, False, id="in a tunnel, where the server would read it"),
        param({"action": Action.BLOCK}, False, id="refused"),
        param({"recorded": False}, False, id="not recorded"),
        param({"held": False}, False, id="never held"),
    ],
)
def test_login_only_on_what_leaves_in_the_clear(tmp_path, given, has_login):
    made = flow(tmp_path, **given)
    Parent("gate:hunter2").request(made)
    assert made.request.headers.get("proxy-authorization") == (LOGIN if has_login else None)


def test_no_login(tmp_path):
    made = flow(tmp_path)
    parent = Parent("")
    parent.request(made)
    parent.http_connect_upstream(made)
    assert "proxy-authorization" not in made.request.headers


@pytest.mark.parametrize(("status", "shown"), [(407, 502), (401, 401), (200, 200)])
def test_client_is_not_asked_for_the_gateways_password(status, shown):
    made = tflow.tflow(resp=True)
    made.response = http.Response.make(status, b"", {"Proxy-Authenticate": "Basic", "X": "1"})
    before = metrics.FAILURES.labels(part="parent")._value.get()
    Parent("gate:hunter2").responseheaders(made)
    assert (made.response.status_code, "proxy-authenticate" in made.response.headers) == (shown, shown == status)
    assert metrics.FAILURES.labels(part="parent")._value.get() - before == (status == 407)


def test_no_response_no_trouble():
    Parent("").responseheaders(tflow.tflow())
