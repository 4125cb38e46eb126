"""Bytes may leave only with everything in place."""

import pytest
from mitmproxy import http
from mitmproxy.test import tflow
from pytest import param

from addons.held import HELD, Held, held_of
from gateway.findings import Action, Verdict
from gateway.spool import Spool


def held(**facts) -> Held:
    return Held(spool=Spool("unused"), max_body_bytes=1, **facts)


@pytest.mark.parametrize(
    ("facts", "may_leave"),
    [
        param({}, False, id="nothing known"),
        param({"verdict": Verdict(Action.ALLOW)}, False, id="not recorded"),
        param({"recorded": True}, False, id="no verdict"),
        param({"bare": True}, False, id="no body, no verdict"),
        param({"verdict": Verdict(Action.BLOCK), "recorded": True}, False, id="block"),
        param({"verdict": Verdict(Action.HOLD), "recorded": True}, False, id="hold"),
        param({"verdict": Verdict(Action.ALLOW), "recorded": True}, True, id="allow"),
        param({"verdict": Verdict(Action.LOG), "recorded": True}, True, id="log"),
        param({"verdict": Verdict(Action.COACH), "recorded": True}, True, id="coach"),
        param({"verdict": Verdict(Action.ALLOW), "bare": True}, True, id="no body to record"),
        param({"verdict": Verdict(Action.BLOCK), "bare": True}, False, id="no body, block"),
    ],
)
def test_may_leave(facts, may_leave):
    assert held(**facts).may_leave is may_leave


def test_held_of():
    flow = tflow.tflow()
    with pytest.raises(KeyError):
        held_of(flow)
    flow.metadata[HELD] = made = held()
    assert held_of(flow) is made


@pytest.mark.parametrize(
    ("fields", "are_proper", "expected"),
    [
        param([(b"x", b"1")], True, (False, True), id="proper"),
        param([], True, (False, False), id="none"),
        param([(b"x", b"1")], False, (True, False), id="not proper"),
        param([], False, (True, False), id="over HTTP/1"),
    ],
)
def test_trailers(fields, are_proper, expected):
    found = held()
    found.take_trailers(http.Headers(fields), are_proper=are_proper)
    assert (found.trailers, found.trailer_fields is not None) == expected
