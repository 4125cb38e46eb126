"""Refusals of connections: each counted, the first recorded at once, repeats together, the sender known."""

import asyncio

import pytest
from mitmproxy.test import tflow
from pytest import param

from addons import unread as module
from addons.unread import Unread, coverage_of
from gateway.channels.repeats import MAX_KEYS, MAX_NEW
from gateway.parts import Coverage
from gateway.transfer import Actor, Category
from metrics import catalogue as metrics
from tests.support.connections import client, connection_judge, outcomes, records
from tests.support.waiting import eventually

EXCEPTION = """
version: 1
exceptions:
  - {id: x, rules: wire.unknown-protocol, destination: {host: git.example}, port: 22, protocol: ssh,
     ticket: T, approver: a, owner: o, expires: 2099-12-31}
"""


@pytest.fixture
def judge(tmp_path):
    networks = {"10.0.0.7/32": "li.wei"}
    with connection_judge(
        tmp_path,
        EXCEPTION,
        identity={"networks": networks},
        upstream={"connect_to": {"203.0.113.5:443": "127.0.0.1:9"}},
        upstream_private=["10.20.0.0/16", "fd00::/8"],
    ) as judge:
        yield judge


def test_one_refusal(judge, tmp_path):
    own = Unread(judge)
    counted = metrics.UNREAD_CONNECTIONS.labels(protocol="mtproto", action="block")
    covered = metrics.COVERAGE.labels(coverage="unknown-protocol")
    before = counted._value.get(), covered._value.get()
    identity = own.refuse(client(), "t.example", 443, protocol="mtproto", reason="unknown-protocol", size_bytes=64)
    judge.journal.close()
    (record,) = records(tmp_path)
    assert record["id"] == identity
    assert (record["actor"]["user"], record["actor"]["ip"]) == ("li.wei", "10.0.0.7")
    assert (record["destination"]["service"], record["destination"]["category"]) == ("telegram", "messaging")
    assert record["verdict"]["rules"][0]["because"].startswith("Telegram (MTProto): ")
    assert (record["request"]["bytes"], record["connection"]["count"]) == (64, 1)
    assert outcomes(tmp_path) == ["refused (closed)"]
    assert (counted._value.get(), covered._value.get()) == (before[0] + 1, before[1] + 1)


def test_repeats_are_counted_each_and_recorded_together(judge, tmp_path):
    clock = [1000.0]
    own = Unread(judge, lambda: clock[0])
    counted = metrics.UNREAD_CONNECTIONS.labels(protocol="ssh", action="block")
    before = counted._value.get()
    facts = {"protocol": "ssh", "reason": "unknown-protocol", "size_bytes": 10}
    first = own.refuse(client(), "git.example", 443, **facts)
    again = [own.refuse(client(), "git.example", 443, **facts) for _ in range(500)]
    assert set(again) == {first}
    own.flush(1059.0)
    own.flush(1061.0)
    judge.journal.close()
    one, more = records(tmp_path)
    assert (one["connection"]["count"], more["connection"]["count"]) == (1, 500)
    assert (more["request"]["bytes"], more["connection"]["sent_bytes"]) == (5000, 5000)
    assert one["id"] != more["id"]
    assert counted._value.get() == before + 501


def test_a_scan_of_many_hosts_is_a_crowd(judge, tmp_path):
    own = Unread(judge)
    for number in range(1000):
        own.refuse(client(), f"h{number}.example", 443, protocol="unknown", reason="unknown-protocol")
    own.done()
    judge.journal.close()
    found = records(tmp_path)
    assert len(found) == MAX_NEW + 2
    assert (found[-1]["destination"]["host"], found[-1]["connection"]["count"]) == ("", 1000 - MAX_NEW - 1)
    assert len(own._ids) <= MAX_KEYS


def test_ids_that_are_remembered_are_bounded(judge, monkeypatch):
    monkeypatch.setattr(module, "MAX_KEYS", 3)
    own = Unread(judge)
    for number in range(10):
        own.refuse(client(), f"h{number}.example", 443, protocol="unknown", reason="unknown-protocol")
    assert len(own._ids) == 3


def test_the_catalogue_goes_before_the_guess(judge):
    own = Unread(judge)
    assert own.destination("files.slack.com", 443, "mtproto").service == "slack"
    assert own.destination("t.example", 443, "ssh").category is Category.FILE_TRANSFER
    assert own.destination("", 0, "unknown").host == ""


def test_a_program_says_which_app_it_is(judge, tmp_path):
    own, flow = Unread(judge), tflow.tflow()
    flow.client_conn = client()
    own.remember_agent(flow)
    flow.request.headers["user-agent"] = "DingTalk/7.5 and-a-secret"
    own.remember_agent(flow)
    own.refuse(flow.client_conn, "a.example", 443, protocol="tls", reason="tls-refused")
    judge.journal.close()
    (record,) = records(tmp_path)
    assert (record["connection"]["app"], record["coverage"]) == ("dingtalk", "encrypted")
    assert "secret" not in str(record)


def test_a_sender_that_cannot_be_found_out_is_recorded_by_address(judge, monkeypatch):
    judge.identify.senders = None
    before = metrics.FAILURES.labels(part="judge")._value.get()
    assert Unread(judge).actor(client()) == Actor(ip="10.0.0.7")
    nobody = client()
    nobody.peername = None
    assert Unread(judge).actor(nobody) == Actor()
    assert metrics.FAILURES.labels(part="judge")._value.get() == before + 2


@pytest.mark.parametrize(
    ("host", "port", "protocol", "reason", "passes"),
    [
        param("git.example", 22, "ssh", "unknown-protocol", True, id="named"),
        param("git.example", 443, "ssh", "unknown-protocol", False, id="another port"),
        param("git.example", 22, "qq", "unknown-protocol", False, id="another protocol"),
        param("git.example", 22, "ssh", "bare-address", False, id="another refusal"),
    ],
)
def test_exceptions(judge, host, port, protocol, reason, passes):
    found = Unread(judge).lifted(client(), host, port, protocol=protocol, reason=reason)
    assert (found is not None) is passes


@pytest.mark.parametrize(
    ("address", "port", "is_listed"),
    [
        param("a.example", 443, True, id="a name is none of this"),
        param("203.0.113.5", 443, True, id="fixed route"),
        param("10.20.3.4", 443, True, id="listed private network"),
        param("fd00::1", 443, True, id="listed private network, IPv6"),
        param("203.0.113.5", 80, False, id="fixed route of another port"),
        param("10.30.3.4", 443, False, id="other private network"),
        param("203.0.113.6", 443, False, id="any"),
    ],
)
def test_bare_addresses_that_somebody_listed(judge, address, port, is_listed):
    assert Unread(judge).is_listed(address, port) is is_listed


async def test_what_waits_is_told_by_the_clock(judge, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FLUSH_S", 0.01)
    clock = [1000.0]
    own = Unread(judge, lambda: clock[0])
    for _ in range(3):
        own.refuse(client(), "a.example", 443, protocol="unknown", reason="unknown-protocol")
    own.running()
    clock[0] += 61
    await asyncio.to_thread(eventually, lambda: len(records(tmp_path)) == 2)
    own.done()
    judge.journal.close()
    assert [record["connection"]["count"] for record in records(tmp_path)] == [1, 2]


def test_nobody_to_stop(judge):
    Unread(judge).done()


@pytest.mark.parametrize(
    ("reason", "coverage"),
    [("tls-refused", Coverage.ENCRYPTED), ("tls-unclear", Coverage.ENCRYPTED), ("relay", Coverage.UNKNOWN_PROTOCOL)],
)
def test_coverage(reason, coverage):
    assert coverage_of(reason) is coverage
