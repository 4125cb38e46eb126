"""`sluice passthrough`: what passes, with days left and bytes; what is asked for, with an entry that is not complete."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.cli.passthrough import Span, carried_by
from gateway.findings import Action, Ground, Verdict
from gateway.parts import Coverage
from gateway.policy.builtin import builtin_verdict
from gateway.records.chain import rfc3339
from gateway.records.connection import Connection, connection_record
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.yamlfile import parse_yaml
from tests.samples.incidents import fill

NOW = datetime.now(UTC)
ENTRY = {"host": "app.bank.example", "reason": "pins", "owner": "finance", "expires": "2099-12-31"}
PASSES = Verdict(Action.LOG, (Ground("wire.passthrough", Action.LOG, (), "listed"),), "digest")


def record(number: int, host: str, *, ago_h=1.0, user="li.wei", verdict=None, service="", **connection):
    transfer = Transfer(
        f"019a8c1e-0000-7000-8000-{number:012d}",
        rfc3339(NOW - timedelta(hours=ago_h)),
        Actor(user, ip="10.0.0.7"),
        Destination(host, 443, service=service),
        Channel.TCP,
        Request("CONNECT"),
    )
    told = Connection(**{"protocol": "tls", "last_at": transfer.at} | connection)
    refused = builtin_verdict("tls-refused", "digest")
    return connection_record(transfer, verdict or refused, told, Coverage.ENCRYPTED, node="n", duration_ms=0)


@pytest.fixture
def state(folder, config):
    (folder / "state").mkdir()
    records = [
        record(1, "pin.example", count=1, service="slack"),
        record(2, "pin.example", count=59, user="wang.fang"),
        record(3, "old.example", ago_h=24 * 30),
        record(4, "app.bank.example"),
        record(5, "app.bank.example", verdict=PASSES, phase="open", entry="app.bank.example"),
        record(6, "app.bank.example", verdict=PASSES, phase="closed", entry="app.bank.example", sent_bytes=1500, received_bytes=40),
    ]  # fmt: skip
    fill(folder / "state" / "sluice.db", records)
    return config(
        state_dir="state",
        tls={"passthrough": [ENTRY, ENTRY | {"host": "*.gone.example", "expires": "2020-01-01"}]},
    )


def test_list_as_json(sluice, state):
    first, second = (json.loads(line) for line in sluice("passthrough", "list", "--json").lines)
    assert (first["host"], first["in_force"], first["owner"]) == ("app.bank.example", True, "finance")
    assert (first["connections"], first["sent_bytes"], first["received_bytes"]) == (1, 1500, 40)
    assert first["days_left"] > 20_000
    assert (second["host"], second["in_force"], second["sent_bytes"]) == ("*.gone.example", False, 0)


def test_list_for_people(sluice, state):
    done = sluice("passthrough", "list")
    assert done.lines[0].startswith("app.bank.example  ")
    assert "  1 connections, 1500 bytes sent" in done.lines
    assert any("*.gone.example  ended on 2020-01-01, finance: pins" in line for line in done.lines)
    assert any("has no effect" in line for line in done.lines)
    assert any("app.bank.example runs until 2099-12-31" in line for line in done.lines)
    assert done.lines[-1] == "2 entries"


def test_proposals_as_json(sluice, state):
    (line,) = sluice("passthrough", "proposals", "--json").lines
    found = json.loads(line)
    assert (found["host"], found["handshakes"], found["senders"]) == ("pin.example", 60, 2)
    assert (found["users"], found["service"]) == (["li.wei", "wang.fang"], "slack")
    (entry,) = parse_yaml(found["entry"], "entry").value
    assert entry == {"host": "pin.example", "reason": "", "owner": "", "expires": ""}


def test_proposals_for_people(sluice, state):
    done = sluice("passthrough", "proposals", "--since", "8w")
    assert [line.split()[0] for line in done.lines if "handshakes" in line] == ["pin.example", "old.example"]
    assert "  2 senders: li.wei, wang.fang" in done.lines
    assert "    - host: pin.example" in done.lines
    assert done.lines[-1].startswith("2 hosts; nothing is added by itself")


def test_nothing_is_added(sluice, state):
    before = state.read_bytes()
    sluice("passthrough", "proposals")
    assert state.read_bytes() == before


def test_where_no_gateway_ran(sluice, folder, config):
    config(state_dir="state", tls={"passthrough": [ENTRY]})
    assert json.loads(sluice("passthrough", "list", "--json").lines[0])["sent_bytes"] == 0
    assert sluice("passthrough", "proposals").lines[-1].startswith("0 hosts")
    assert not (folder / "state").exists()


def test_an_empty_list(sluice, config, folder):
    config(state_dir="state")
    assert sluice("passthrough", "list").lines == ["0 entries"]


def test_a_store_that_cannot_be_read_is_said(sluice, state, folder):
    (folder / "state" / "sluice.db").write_bytes(b"no database at all, but long enough to look like one" * 20)
    done = sluice("passthrough", "proposals")
    assert done.code == 1
    assert "cannot be opened" in done.err


@pytest.mark.parametrize("wrong", ["7", "d", "0d", "7y", "-1d", "99999d"])
def test_wrong_span(sluice, state, wrong):
    done = sluice("passthrough", "proposals", "--since", wrong)
    assert done.code == 2
    assert "not a time back" in done.err


def test_span():
    assert Span().convert("12h", None, None) == timedelta(hours=12)
    assert Span().convert(timedelta(days=1), None, None) == timedelta(days=1)


def test_bytes_of_records_of_another_kind():
    assert carried_by([{}]) == {"None": (0, 0, 0)}


def test_check_says_which_entries_ended(sluice, state):
    done = sluice("check")
    assert done.code == 0
    assert any("*.gone.example ended on 2020-01-01" in line for line in done.lines)
