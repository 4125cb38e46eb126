"""`sluice incidents`: a list that fits a terminal, one incident in full, JSON for programs."""

import json

import pytest

from gateway.records.chain import Anchor
from gateway.records.rows import Batch
from gateway.records.store import Store
from tests.samples.incidents import HOSTILE, RECORDS, fill, identity, lines, part, put, record, unread


@pytest.fixture
def state(folder, config):
    """The store of the samples: 1 to 5 and 7 are incidents, 2 was released."""
    (folder / "state").mkdir()
    fill(folder / "state" / "sluice.db")
    config(state_dir="state")
    return folder / "state"


def numbers(done) -> list[int]:
    return [int(json.loads(line)["id"][-2:]) for line in done.lines]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((), [7, 5, 4, 3, 2, 1]),
        (("--action", "hold"), [2]),
        (("--user", "wang.fang"), [2]),
        (("--rule", "overseas.personal-information"), [2, 1]),
        (("--service", "baidu_netdisk"), [3]),
        (("--signature", "marking.state-secret"), [4]),
        (("--state", "released"), [2]),
        (("--limit", "2"), [7, 5]),
        (("--user", "nobody.at-all"), []),
        (("--rule", "cloud.personal", "--action", "block", "--state", "open"), [3]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_list_as_json(sluice, state, asked, found):
    done = sluice("incidents", "list", "--json", *asked)
    assert (done.code, done.err, numbers(done)) == (0, "", found)


@pytest.mark.parametrize("wrong", [("--action", "allow"), ("--state", "lost"), ("--limit", "0"), ("--limit", "x")])
def test_wrong_filter(sluice, state, wrong):
    assert sluice("incidents", "list", *wrong).code == 2


def test_list_for_people(sluice, state):
    done = sluice("incidents", "list")
    # The samples' ids begin alike, so they are shown whole.
    assert done.lines[0].startswith(identity(7))
    assert any("li.wei → slack (US)" in line and "block" in line for line in done.lines)
    assert any("10.0.0.99 → drop.example.net (?)" in line for line in done.lines)
    assert "               overseas.personal-information  released" in done.lines
    assert done.lines[-1] == "6 of 6 incidents"


def test_list_says_how_to_see_more(sluice, state):
    assert sluice("incidents", "list", "--limit", "2").lines[-1] == "2 of 6 incidents; --limit 6 shows more"


def test_ids_that_differ_early_are_shortened(sluice, folder, config):
    (folder / "state").mkdir()
    (one,) = (entry for entry in RECORDS if entry["id"] == identity(3))
    fill(folder / "state" / "sluice.db", [RECORDS[1], one | {"id": "019b1111-2222-7000-8000-000000000001"}])
    config(state_dir="state")
    done = sluice("incidents", "list")
    assert done.lines[0].startswith("019b1111-2222  20")
    assert done.lines[1] == "               cloud.personal"


def test_show_as_json_is_the_record(sluice, state):
    done = sluice("incidents", "show", "--json", identity(1))
    (line,) = done.lines
    shown = json.loads(line)
    assert shown["id"] == identity(1)
    assert {"actor", "destination", "parts", "verdict", "outcome", "incident", "journal"} <= set(shown)


def test_show_for_people(sluice, state, monkeypatch):
    done = sluice("incidents", "show", identity(1))
    for line in (
        f"incident  {identity(1)}",
        "who       li.wei from 10.0.0.7",
        "where     files.slack.com:443 slack (messaging, overseas, US)",
        "verdict   block, refused (403)",
        "why       sensitive.unencrypted → block  S001-3.3(3)",
        "          cn.resident-id ×12  high  **************002X",
    ):
        assert line in done.lines
    assert any(line.endswith("encrypted, encryption weak") for line in done.lines)
    assert "          The upload holds sensitive information" in done.out
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert (
        "          上传内容中有未加密的敏感信息（居民身份证号 × 12），因此没有发出。"
        in sluice("incidents", "show", identity(1)).lines
    )


@pytest.mark.parametrize(
    ("count", "app", "says"),
    [(1, "", ", 1 attempt, "), (3, "slack", ", says it is slack, 3 attempts, ")],
    ids=["once, unnamed", "often, named"],
)
def test_show_a_connection_nobody_reads(sluice, folder, config, count, app, says):
    (folder / "state").mkdir()
    with Store.open(folder / "state" / "sluice.db") as store:
        put(store, [unread(1, count=count, app=app)])
    config(state_dir="state")
    done = sluice("incidents", "show", identity(1))
    assert f"unread    connection, protocol ssh{says}last " in done.out


def test_hostile_names_do_not_reach_the_terminal(sluice, state):
    done = sluice("incidents", "show", identity(5))
    assert HOSTILE not in done.out
    assert "\\u202e" in done.out
    assert "(unknown) from 10.0.0.99" in done.out


def test_what_is_missing_in_a_record_is_said(sluice, folder, config):
    (folder / "state").mkdir()
    bare = record(1, parts=(part(""),))
    del bare["verdict"]["rules"][0]["says"]
    with Store.open(folder / "state" / "sluice.db") as store:
        store.index(Batch("run", lines([bare], outcomes=False), Anchor("edge-1.jsonl", 9, "a" * 64, 90), 90))
    config(state_dir="state")
    done = sluice("incidents", "show", identity(1))
    assert "verdict   block, under way" in done.lines
    assert "          发现 cn.resident-id × 12。Found cn.resident-id × 12." in done.lines
    assert any(line.startswith("part      (unnamed)") for line in done.lines)


@pytest.mark.parametrize(
    "beginning", ["019f", "019a", identity(6), "%"], ids=["none", "several", "logged only", "sign"]
)
def test_no_such_incident(sluice, state, beginning):
    done = sluice("incidents", "show", beginning)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"sluice: no incident, or more than one, begins with {beginning}\n"


def test_unique_beginning_is_enough(sluice, folder, config):
    (folder / "state").mkdir()
    fill(folder / "state" / "sluice.db", [RECORDS[1]])
    config(state_dir="state")
    assert sluice("incidents", "show", identity(2)[:9]).lines[0] == f"incident  {identity(2)}"


@pytest.mark.parametrize("command", [("list",), ("show", "1")], ids=["list", "show"])
def test_gateway_that_has_never_run(sluice, config, folder, command):
    config(state_dir="state")
    done = sluice("incidents", *command)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"sluice: {folder}/state/sluice.db: there is no store that this user can see;")


def test_store_that_is_none(sluice, folder, config):
    (folder / "state").mkdir()
    (folder / "state" / "sluice.db").write_bytes(b"no database, and longer than a header of one hundred bytes" * 10)
    config(state_dir="state")
    done = sluice("incidents", "list")
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
