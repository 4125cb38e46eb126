"""Proposals: counted from records, ready to be filled in by a person, never complete."""

import pytest
from pydantic import ValidationError

from gateway.passthrough.entries import PassthroughEntry
from gateway.passthrough.proposals import MAX_USERS, is_host, proposals
from gateway.yamlfile import parse_yaml


def record(host, user="", ip="10.0.0.9", count=1, last_at="2026-11-21T08:00:00.000Z", **destination):
    return {
        "at": "2026-11-21T07:00:00.000Z",
        "actor": {"user": user, "ip": ip},
        "destination": {"host": host, **destination},
        "connection": {"protocol": "tls", "count": count, "last_at": last_at},
    }


def test_counts_senders_and_the_last_time():
    found = proposals(
        [
            record("app.bank.example", "li.wei", count=3, last_at="2026-11-21T09:30:00.000Z"),
            record("app.bank.example", "li.wei", count=40, service="bank", region="domestic"),
            record("app.bank.example", ip="10.0.0.7"),
            record("chat.signal.org", "wang.fang", count=2, service="signal", region="overseas"),
        ]
    )
    first, second = found
    assert (first.host, first.handshakes, first.senders, first.users) == (
        "app.bank.example",
        44,
        2,
        ["10.0.0.7", "li.wei"],
    )
    assert (first.last_at, first.service, first.region) == ("2026-11-21T09:30:00.000Z", "bank", "domestic")
    assert (second.host, second.handshakes, second.service) == ("chat.signal.org", 2, "signal")


def test_records_of_another_kind_do_no_harm():
    assert proposals([{}, {"destination": None}, {"destination": {"host": ""}}, record("203.0.113.9")]) == []
    (found,) = proposals([{"destination": {"host": "a.example"}, "connection": {"count": "many"}}])
    assert (found.handshakes, found.senders, found.last_at) == (1, 0, "")


def test_a_host_somebody_decided_about_is_left_out():
    assert proposals([record("a.example"), record("b.example")], listed=["a.example"])[0].host == "b.example"


def test_only_some_senders_are_named():
    (found,) = proposals(record("a.example", f"user{number:03}") for number in range(100))
    assert (found.senders, len(found.users), found.users[0]) == (100, MAX_USERS, "user000")


def test_the_entry_is_right_but_for_the_blanks():
    (found,) = proposals([record("app.bank.example")])
    (given,) = parse_yaml(found.entry(), "entry").value
    assert given == {"host": "app.bank.example", "reason": "", "owner": "", "expires": ""}
    with pytest.raises(ValidationError) as caught:
        PassthroughEntry.model_validate(given)
    assert {error["loc"][0] for error in caught.value.errors()} == {"reason", "owner", "expires"}


@pytest.mark.parametrize(
    "text", ["a.example\n- host: evil.example", "a", "", "2001:db8::9", "名.example", "a b.example"]
)
def test_no_host(text):
    assert not is_host(text)
