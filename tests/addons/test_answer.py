"""What the refused client gets."""

import json

from mitmproxy import http
from mitmproxy.test import tflow, tutils

from addons.answer import answer_for, last_resort
from addons.held import Held
from gateway.policy.builtin import builtin_verdict
from gateway.spool import Spool
from gateway.transfer import Actor, Channel, Destination, Request, Transfer


def test_answer_in_the_services_own_shape():
    flow = tflow.tflow(req=tutils.treq(headers=http.Headers(((b"Accept", b"application/json"),))))
    held = Held(spool=Spool("unused"), max_body_bytes=1)
    destination = Destination("qyapi.weixin.qq.com", dialect="wecom")
    held.transfer = Transfer("0190-ab", "2026-11-21T00:00:00Z", Actor(), destination, Channel.HTTP1, Request())
    response = answer_for(flow, held, builtin_verdict("spool", "digest"))
    told = json.loads(response.raw_content)
    assert (response.status_code, response.headers["x-sluice-verdict"]) == (403, "block")
    assert response.headers["x-sluice-incident"] == "0190-ab"
    assert "网关暂时没有空间" in told["errmsg"]
    assert int(response.headers["content-length"]) == len(response.raw_content)


def test_answer_without_a_transfer():
    held = Held(spool=Spool("unused"), max_body_bytes=1)
    response = answer_for(tflow.tflow(), held, builtin_verdict("internal", ""))
    assert (response.status_code, "x-sluice-incident" in response.headers) == (403, False)


def test_last_resort_needs_nothing():
    response = last_resort(tflow.tflow())
    assert (response.status_code, json.loads(response.raw_content)["title"]) == (403, "blocked")
    assert response.headers["x-sluice-verdict"] == "block"
