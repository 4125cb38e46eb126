"""The list of hosts that pass unread: what may stand in it, whom it names, when it ends."""

from datetime import date, datetime

import pytest
from pydantic import ValidationError
from pytest import param

from gateway.passthrough.entries import PassthroughEntry, listed, notes

TODAY = date(2026, 11, 21)


def entry(host="app.bank.example", **changed) -> PassthroughEntry:
    given = {"host": host, "reason": "pins", "owner": "finance", "expires": "2026-12-31"} | changed
    return PassthroughEntry.model_validate(given)


def test_an_entry_with_everything():
    found = entry("App.Bank.EXAMPLE.", ticket="SEC-1", expires=date(2027, 1, 2))
    assert (found.host, found.reason, found.owner) == ("app.bank.example", "pins", "finance")
    assert (found.expires, found.ticket) == (date(2027, 1, 2), "SEC-1")
    assert PassthroughEntry.model_validate(found) is found


@pytest.mark.parametrize(
    ("changed", "where", "message"),
    [
        param({"host": "*"}, "host", "not a host", id="every host"),
        param({"host": "*.example"}, "host", "not a host", id="a whole top-level domain"),
        param({"host": "a.*.example"}, "host", "not a host", id="star in the middle"),
        param({"host": "localhost"}, "host", "not a host", id="one label"),
        param({"host": "203.0.113.9"}, "host", "not a host", id="address"),
        param({"host": "[2001:db8::9]"}, "host", "not a host", id="IPv6 address"),
        param({"host": "a.example:443"}, "host", "not a host", id="port"),
        param({"host": "https://a.example/"}, "host", "not a host", id="URL"),
        param({"owner": " "}, "owner", "at least 1 character", id="nobody"),
        param({"reason": ""}, "reason", "at least 1 character", id="no reason"),
        param({"expires": "soon"}, "expires", "not a day", id="no day"),
        param({"expires": 20270101}, "expires", "not a day", id="number"),
        param({"expires": datetime(2027, 1, 1)}, "expires", "not a day", id="time"),  # noqa: DTZ001
        param({"expires": None}, "expires", "not a day", id="no end"),
        param({"forever": True}, "forever", "Extra inputs", id="unknown key"),
    ],
)
def test_what_may_not_stand_in_it(changed, where, message):
    with pytest.raises(ValidationError) as caught:
        entry(**changed)
    (error,) = caught.value.errors()
    assert error["loc"] == (where,)
    assert message in error["msg"]


@pytest.mark.parametrize("left_out", ["host", "reason", "owner", "expires"])
def test_nothing_but_the_ticket_may_be_left_out(left_out):
    given = {"host": "a.example", "reason": "r", "owner": "o", "expires": "2027-01-01"}
    del given[left_out]
    with pytest.raises(ValidationError, match=left_out):
        PassthroughEntry.model_validate(given)


def test_a_name_alone_is_no_entry():
    with pytest.raises(ValidationError, match="not an entry"):
        PassthroughEntry.model_validate("a.example")


@pytest.mark.parametrize(
    ("host", "asked", "is_named"),
    [
        param("a.example", "a.example", True, id="itself"),
        param("a.example", "b.a.example", False, id="below a single host"),
        param("a.example", "xa.example", False, id="ends like it"),
        param("*.a.example", "b.a.example", True, id="below"),
        param("*.a.example", "c.b.a.example", True, id="far below"),
        param("*.a.example", "a.example", False, id="the zone itself"),
        param("*.a.example", ".a.example", False, id="no label at all"),
        param("*.a.example", "xa.example", False, id="ends like the zone"),
        param("*.a.example", "", False, id="no name"),
    ],
)
def test_whom_it_names(host, asked, is_named):
    assert entry(host).names(asked) is is_named


def test_the_closest_entry_in_force_is_taken():
    zone, inner = entry("*.a.example"), entry("*.b.a.example")
    exact = entry("c.b.a.example", expires="2026-11-21")
    all_of_them = [zone, exact, inner]
    assert listed(all_of_them, "c.b.a.example", TODAY) is exact
    assert listed(all_of_them, "c.b.a.example", date(2026, 11, 22)) is inner
    assert listed(all_of_them, "d.a.example", TODAY) is zone
    assert listed(all_of_them, "d.example", TODAY) is None
    assert listed(all_of_them, "d.a.example", date(2027, 1, 1)) is None


def test_what_is_said_aloud():
    entries = [
        entry("old.example", expires="2026-11-20"),
        entry("today.example", expires="2026-11-21"),
        entry("year.example", expires="2027-11-21"),
        entry("long.example", expires="2027-11-22"),
        entry("twice.example"),
        entry("twice.example"),
    ]
    assert list(notes(entries, TODAY)) == [
        "tls.passthrough: old.example ended on 2026-11-20 and has no effect; take it out or renew it",
        "tls.passthrough: long.example runs until 2027-11-22, more than a year; its owner is finance",
        "tls.passthrough: twice.example stands more than once; the entry that runs longest counts",
    ]
