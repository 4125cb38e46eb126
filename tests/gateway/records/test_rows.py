import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records.rows import clean, join, split, to_rows
from tests.samples.records import body, identity, line, outcome


def test_a_verdict_becomes_a_transfer_and_an_incident():
    content = body(7, rules=["a", "b", "a"], signatures=["cn.mobile", "email"])
    rows = to_rows([line("verdict", content, seq=5)], "edge-1.jsonl")
    assert rows.transfers == {
        identity(7): {
            "id": identity(7),
            "at": "2026-03-01T12:00:00.007Z",
            "action": "block",
            "user": "li.wei",
            "ip": "10.0.0.7",
            "host": "api.slack.com",
            "service": "slack",
            "category": "messaging",
            "region": "overseas",
            "country": "US",
            "rules": "\na\nb\n",
            "signatures": "\ncn.mobile\nemail\n",
            "names": "\n名单.xlsx\n",
            "coverage": "inspected",
            "bytes": 1007,
            "outcome": "",
            "record": json.dumps(content),
            "journal": "edge-1.jsonl",
            "seq": 5,
        }
    }
    assert rows.incidents == [
        {"id": identity(7), "state": "open", "note": "", "closed_by": "", "at": "2026-03-01T12:00:00.007Z"}
    ]
    assert (rows.outcomes, rows.skipped) == ({}, 0)


@pytest.mark.parametrize(("action", "incidents"), [("allow", 0), ("log", 0), ("coach", 0), ("hold", 1), ("block", 1)])
def test_held_and_blocked_transfers_are_incidents(action, incidents):
    rows = to_rows([line("verdict", body(1, action=action))])
    assert (len(rows.transfers), len(rows.incidents)) == (1, incidents)


def test_an_outcome_goes_to_its_transfer():
    rows = to_rows([line("outcome", outcome(1, "aborted")), line("outcome", outcome(1, "forwarded (200)"))])
    assert rows.outcomes == {identity(1): "forwarded (200)"}
    assert rows.transfers == {}


@pytest.mark.parametrize("kind", ["open", "system", "close"])
def test_other_lines_are_passed_over(kind):
    rows = to_rows([line(kind, {"id": "x"})])
    assert (rows.transfers, rows.outcomes, rows.skipped) == ({}, {}, 0)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{not json}", id="no JSON"),
        pytest.param(b"{" * 100_000, id="too deep to read"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, id="deep and well formed"),
        pytest.param([1], id="no object"),
        pytest.param({}, id="no id"),
        pytest.param({"id": 7}, id="id no text"),
        pytest.param(b'{"id":"\xff"', id="not UTF-8"),
    ],
)
@pytest.mark.parametrize("kind", ["verdict", "outcome"])
def test_a_line_that_breaks_its_promise_is_counted_and_the_next_one_read(kind, content):
    rows = to_rows([line(kind, content), line("verdict", body(1))])
    assert rows.skipped == 1
    assert list(rows.transfers) == [identity(1)]


@pytest.mark.parametrize(
    ("given_at", "expected"),
    [
        pytest.param("2026-03-01T20:00:00.5+08:00", "2026-03-01T12:00:00.500Z", id="another zone"),
        pytest.param("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z", id="no fraction"),
        pytest.param("2026-03-01T12:00:00", "2026-03-01T12:00:00.500Z", id="no zone: that of the line"),
        pytest.param("yesterday", "2026-03-01T12:00:00.500Z", id="no time: that of the line"),
        pytest.param(None, "2026-03-01T12:00:00.500Z", id="missing: that of the line"),
        pytest.param("0001-01-01T00:00:00+14:00", "2026-03-01T12:00:00.500Z", id="before all time"),
    ],
)
def test_times_have_one_form(given_at, expected):
    assert to_rows([line("verdict", body(1, at=given_at))]).transfers[identity(1)]["at"] == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(5, 5), (-1, 0), (1 << 70, (1 << 63) - 1), ("5", 0), (None, 0), (1.5, 0)]
)
def test_sizes_fit_their_column(value, expected):
    content = body(1) | {"request": {"bytes": value}}
    assert to_rows([line("verdict", content)]).transfers[identity(1)]["bytes"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("合同", "合同", id="text"),
        pytest.param("a\0b", "a\ufffdb", id="NUL"),
        pytest.param("a\ud800b", "a?b", id="half a surrogate pair"),
        pytest.param("x" * 5000, "x" * 4096, id="long"),
        pytest.param(None, "", id="nothing"),
        pytest.param(7, "", id="a number"),
    ],
)
def test_clean(value, expected):
    assert clean(value) == expected


def test_join_and_split():
    assert join([]) == ""
    assert join(["", None]) == ""
    assert join(["a\nb", "c"]) == "\na b\nc\n"
    assert split("\na b\nc\n") == ("a b", "c")
    assert split("") == ()
    assert len(join([f"{number:04}" * 100 for number in range(1000)])) == 65536


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"id": json_values},
        optional=dict.fromkeys(["at", "actor", "destination", "request", "parts", "verdict", "coverage"], json_values),
    )
)
def test_no_body_makes_it_fail(content):
    to_rows([line("verdict", content), line("outcome", content)])
