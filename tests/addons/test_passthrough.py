"""What passes unread: judged and recorded first, counted both ways, told while it runs and at its end, refused on any doubt."""

import asyncio
import time
from datetime import date

import pytest
from mitmproxy import connection, options
from mitmproxy.proxy import commands, context, events
from pytest import param

from addons import passthrough as module
from addons.passthrough import Passing, Passthrough, RawRelay, SluicePassedHook, SluicePassHook
from addons.unread import Unread
from gateway.errors import RecordError
from metrics import catalogue as metrics
from tests.support.connections import client, connection_judge, outcomes, records
from tests.support.waiting import eventually

ENTRY = {"host": "*.bank.example", "reason": "pins", "owner": "finance", "expires": "2099-12-31"}
ROUTES = {"app.bank.example:443": "127.0.0.1:9443", "pan.baidu.com:443": "127.0.0.1:9443"}
EXCEPTION = """
version: 1
rules:
  - id: cloud.personal
    says: {zh: 甲。, en: A.}
    guidance: {zh: 乙。, en: B.}
    basis: S001
    action: block
    owner: o
    since: 2026-01-01
    when: {destination: {category: personal-cloud}, body: true}
exceptions:
  - {id: x, rules: wire.unknown-protocol, destination: {host: git.example}, port: 22, protocol: ssh,
     ticket: T, approver: a, owner: platform, expires: 2099-12-31}
"""


@pytest.fixture
def addon(tmp_path):
    with connection_judge(
        tmp_path,
        EXCEPTION,
        upstream={"connect_to": ROUTES},
        tls={"passthrough": [ENTRY, ENTRY | {"host": "old.example", "expires": "2020-01-01"}]},
    ) as judge:
        yield Passthrough(judge, Unread(judge))


def by_list(addon, host="app.bank.example", **changed) -> Passing:
    entry = addon.judge.resolver.settings.tls.passthrough[0]
    return addon.by_entry(client(), host, 443, "tls", entry)


async def test_an_opening_is_recorded_before_it_may_pass(addon, tmp_path):
    passing = by_list(addon)
    assert not passing.may_pass
    await addon.sluice_pass(passing)
    assert passing.may_pass
    (record,) = records(tmp_path)
    assert (record["connection"]["phase"], record["connection"]["entry"]) == ("open", "*.bank.example")
    assert (record["coverage"], record["verdict"]["action"]) == ("passthrough-policy", "log")
    (ground,) = record["verdict"]["rules"]
    assert (ground["id"], ground["because"]) == (
        "wire.passthrough",
        "tls.passthrough *.bank.example: finance answers for it until 2099-12-31",
    )
    assert (record["destination"]["ip"], record["destination"]["region"]) == ("127.0.0.1", "private")
    assert outcomes(tmp_path) == ["forwarded (unread)"]
    assert addon.judge.routes.target(("app.bank.example", 443)) == ("127.0.0.1", 9443)


async def test_the_end_is_told_once_with_both_counts(addon, tmp_path):
    passing = by_list(addon)
    await addon.sluice_pass(passing)
    passing.sent_bytes, passing.received_bytes = 700, 90
    addon.sluice_passed(passing)
    addon.sluice_passed(passing)
    addon.client_disconnected(passing.client)
    addon.judge.journal.close()
    opened, closed = records(tmp_path)
    assert (closed["connection"]["phase"], closed["connection"]["opened"]) == ("closed", opened["id"])
    assert (closed["connection"]["sent_bytes"], closed["connection"]["received_bytes"]) == (700, 90)
    assert (closed["request"]["bytes"], closed["coverage"]) == (700, "passthrough-policy")
    assert closed["id"] != opened["id"]


async def test_long_connections_are_told_piece_by_piece(addon, tmp_path):
    passing = by_list(addon)
    await addon.sluice_pass(passing)
    passing.sent_bytes = 100
    addon.tell_long_ones(time.monotonic())
    addon.tell_long_ones(time.monotonic() + module.TELL_S)
    passing.sent_bytes, passing.received_bytes = 130, 5
    addon.client_disconnected(client())
    addon.client_disconnected(passing.client)
    addon.judge.journal.close()
    told = [
        (r["connection"]["phase"], r["connection"]["sent_bytes"], r["connection"]["received_bytes"])
        for r in records(tmp_path)
    ]
    assert told == [("open", 0, 0), ("running", 100, 0), ("closed", 30, 5)]


async def test_a_worker_that_ends_tells_what_is_open(addon, tmp_path):
    passing = by_list(addon)
    await addon.sluice_pass(passing)
    addon.running()
    addon.done()
    addon.judge.journal.close()
    assert [record["connection"]["phase"] for record in records(tmp_path)] == ["open", "closed"]
    Passthrough(addon.judge, addon.unread).done()


async def test_the_clock_tells_too(addon, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "TELL_S", 0.0)
    passing = by_list(addon)
    await addon.sluice_pass(passing)
    addon.running()
    await asyncio.to_thread(eventually, lambda: len(records(tmp_path)) > 1)
    addon.done()
    assert records(tmp_path)[1]["connection"]["phase"] == "running"


async def test_an_exception_of_the_policy(addon, tmp_path):
    exception = addon.judge.policy().exceptions[0]
    addon.judge.resolver.settings.upstream.connect_to.update(
        addon.judge.resolver.settings.upstream.model_validate(
            {"connect_to": {"git.example:22": "127.0.0.1:9022"}}
        ).connect_to
    )
    passing = addon.by_exception(client(), "git.example", 22, "ssh", exception)
    await addon.sluice_pass(passing)
    assert passing.may_pass
    (record,) = records(tmp_path)
    assert (record["verdict"]["exception"], record["connection"]["entry"]) == ("x", "x")
    assert "platform answers for it" in record["verdict"]["rules"][0]["because"]


async def test_a_rule_about_the_destination_stands_above_the_list(addon, tmp_path):
    passing = by_list(addon, "pan.baidu.com")
    await addon.sluice_pass(passing)
    assert not passing.may_pass
    (record,) = records(tmp_path)
    assert (record["verdict"]["action"], record["connection"]["phase"]) == ("block", "refused")
    assert {rule["id"] for rule in record["verdict"]["rules"]} == {"cloud.personal", "wire.passthrough"}
    with pytest.raises(OSError, match="approved"):
        addon.judge.routes.target(("pan.baidu.com", 443))


@pytest.mark.parametrize(
    ("host", "change", "rule"),
    [
        param("localhost", {}, "destination.private", id="private address"),
        param("nowhere.invalid", {}, "destination.unresolved", id="no address"),
        param("app.bank.example", {"draining": True}, "gateway.draining", id="the worker drains"),
        param("app.bank.example", {"identity_required": True}, "identity.required", id="nobody known sends"),
    ],
)
async def test_what_stands_above_any_list(addon, tmp_path, host, change, rule):
    for name, value in change.items():
        setattr(addon.judge, name, value)
    passing = by_list(addon, host)
    await addon.sluice_pass(passing)
    addon.judge.journal.close()
    assert not passing.may_pass
    assert [record["verdict"]["rules"][0]["id"] for record in records(tmp_path)] == [rule]


async def test_what_cannot_be_recorded_does_not_pass(addon):
    addon.judge.journal.close()
    passing = by_list(addon)
    before = metrics.FAILURES.labels(part="judge")._value.get()
    await addon.sluice_pass(passing)
    assert not passing.may_pass
    assert metrics.FAILURES.labels(part="judge")._value.get() == before + 1
    with pytest.raises(OSError, match="approved"):
        addon.judge.routes.target(("app.bank.example", 443))


async def test_a_journal_that_does_not_answer_in_time(addon, monkeypatch):
    monkeypatch.setattr(module, "RECORD_S", 0.0)
    passing = by_list(addon)
    await addon.sluice_pass(passing)
    assert not passing.may_pass
    with pytest.raises(RecordError):
        await addon._judge(by_list(addon))


async def test_a_client_that_went_away_meanwhile(addon, tmp_path):
    passing = by_list(addon)
    passing.client.timestamp_end = 1.0
    await addon.sluice_pass(passing)
    addon.judge.journal.close()
    assert not passing.may_pass
    assert [record["connection"]["phase"] for record in records(tmp_path)] == ["open", "closed"]


def test_what_was_never_opened_is_not_told(addon, tmp_path):
    addon._tell(by_list(addon), "closed")
    addon.judge.journal.close()
    assert records(tmp_path) == []


def test_entries_are_found_and_counted(addon, monkeypatch):
    assert addon.entry_for("app.bank.example").host == "*.bank.example"
    assert addon.entry_for("bank.example") is None
    assert addon.entry_for("old.example") is None
    addon.count_entries()
    addon.count_entries()
    gauge = metrics.PASSTHROUGH_ENTRIES
    assert [gauge.labels(status=status)._value.get() for status in ("in-force", "ended")] == [1, 1]
    monkeypatch.setattr(module, "today", lambda: date(2100, 1, 1))
    addon.count_entries()
    assert [gauge.labels(status=status)._value.get() for status in ("in-force", "ended")] == [0, 2]


# --- the layer ---


@pytest.fixture
def relay():
    own = client()
    own.state = connection.ConnectionState.OPEN
    made = context.Context(own, options.Options())
    made.server = connection.Server(address=("app.bank.example", 443))
    return RawRelay(made, Passing(own, "app.bank.example", 443, "tls", "e", "w"))


def step(relay, event):
    return list(relay.handle_event(event))


def opened(relay):
    (hook,) = step(relay, events.Start())
    assert isinstance(hook, SluicePassHook)
    relay.passing.may_pass = True
    (command,) = step(relay, events.HookCompleted(hook))
    assert isinstance(command, commands.OpenConnection)
    return command


def test_nothing_is_connected_to_before_it_may_pass(relay):
    (hook,) = step(relay, events.Start())
    assert step(relay, events.DataReceived(relay.context.client, b"secret")) == []
    (command,) = step(relay, events.HookCompleted(hook))
    assert isinstance(command, commands.CloseConnection)
    assert command.connection is relay.context.client
    assert relay.passing.sent_bytes == 0


def test_bytes_pass_both_ways_and_are_counted(relay):
    sent, covered = (
        metrics.PASSTHROUGH_BYTES.labels(direction="sent"),
        metrics.COVERAGE_BYTES.labels(coverage="passthrough-policy"),
    )
    before = sent._value.get(), covered._value.get()
    command = opened(relay)
    relay.context.server.state = connection.ConnectionState.OPEN
    assert step(relay, events.OpenConnectionCompleted(command, None)) == []
    (forward,) = step(relay, events.DataReceived(relay.context.client, b"hello"))
    assert (forward.connection, forward.data) == (relay.context.server, b"hello")
    (back,) = step(relay, events.DataReceived(relay.context.server, b"hi"))
    assert (back.connection, back.data) == (relay.context.client, b"hi")
    assert (relay.passing.sent_bytes, relay.passing.received_bytes) == (5, 2)
    assert (sent._value.get(), covered._value.get()) == (before[0] + 5, before[1] + 5)


def test_the_end_is_a_hook(relay):
    command = opened(relay)
    relay.context.server.state = connection.ConnectionState.OPEN
    step(relay, events.OpenConnectionCompleted(command, None))
    relay.context.client.state = connection.ConnectionState.CAN_WRITE
    step(relay, events.ConnectionClosed(relay.context.client))
    relay.context.server.state = connection.ConnectionState.CAN_WRITE
    told = step(relay, events.ConnectionClosed(relay.context.server))
    assert isinstance(told[-1], SluicePassedHook)


def test_a_server_that_cannot_be_reached(relay):
    command = opened(relay)
    told = step(relay, events.OpenConnectionCompleted(command, "refused"))
    assert isinstance(told[0], commands.CloseConnection)
    assert isinstance(told[-1], SluicePassedHook)
