"""`sluice replay`: counts, samples, what cannot be told, and the exit code."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import click
import pytest

from gateway.cli import replay
from gateway.cli.replay import since_option
from gateway.findings import Action
from gateway.policy.load import load_policy
from gateway.records.store import Store
from tests.samples import incidents
from tests.samples.incidents import LOGGED, identity, record

NOW = datetime.now(UTC)
RECORDS = (
    record(1, at=NOW - timedelta(hours=1)),
    record(2, at=NOW - timedelta(hours=2), grounds=(LOGGED,), parts=(incidents.part("a.txt"),)),
    record(3, at=NOW - timedelta(hours=3), grounds=(), parts=(), to=incidents.BAIDU),
    record(4, at=NOW - timedelta(days=40)),
)
DRAFT = """version: 1
rules:
  - id: no.baidu
    when: {destination: {service: baidu_netdisk}}
    action: block
    basis: ["S001-3.3#2"]
    says: {zh: 不能发送。, en: It may not be sent.}
    guidance: {zh: 请联系。, en: Please ask.}
    owner: it
    since: 2026-12-01
  - id: weak
    when: {part: {encryption: weak}}
    action: log
    basis: ["S001-3.3#2"]
    says: {zh: 弱。, en: Weak.}
    owner: it
    since: 2026-12-01
cases:
  - {name: baidu, to: {service: baidu_netdisk}, action: block, rules: [no.baidu]}
"""


@pytest.fixture
def state(folder, config):
    (folder / "state").mkdir()
    incidents.fill(folder / "state" / "sluice.db", RECORDS)
    (folder / "draft.yaml").write_text(DRAFT, "utf-8")
    config(state_dir=folder / "state")
    return folder / "state"


@pytest.fixture
def sluice(sluice, state):
    return sluice


def test_what_would_change_is_told_as_json(sluice):
    done = sluice("replay", "--policy", "draft.yaml", "--json")
    told = json.loads(done.out)
    assert (done.code, done.err) == (3, "")
    assert told.pop("since") < NOW.isoformat()
    samples = told.pop("samples")
    assert told == {
        "policy_digest": load_policy("draft.yaml").digest,
        "total": 3,
        "would_block": 1,
        "would_release": 1,
        "unchanged": 1,
        "unknown": 0,
        "actions": {"allow → block": 1, "block → log": 1, "log → allow": 1},
        "rules": {"would-block": {"no.baidu": 1}, "would-release": {"sensitive.unencrypted": 1}},
        "persons": {"would-block": {"li.wei": 1}, "would-release": {"li.wei": 1}},
        "not_replayed_exactly": {},
    }
    assert [sample["id"] for sample in samples["would-block"]] == [identity(3)]
    assert [rule["id"] for rule in samples["would-release"][0]["after"]["rules"]] == ["weak"]


def test_what_would_change_is_told_to_people(sluice):
    done = sluice("replay", "--policy", "draft.yaml", "--since", "12h")
    assert done.lines[1:5] == [
        "        1  would block",
        "        1  would release",
        "        1  unchanged",
        "        0  cannot be told",
    ]
    assert "would block by rule: no.baidu 1" in done.lines
    assert "would release by sender: li.wei 1" in done.lines
    assert "    was allow (no rule), would be block (no.baidu)" in done.lines
    assert "    was block (sensitive.unencrypted), would be log (weak)" in done.lines
    assert [line for line in done.lines if line.startswith("note  ")] == [f"note  {line}" for line in replay.NOT_TOLD]


def test_nothing_changed(sluice, state):
    text = DRAFT.replace("baidu_netdisk", "nobody_there").replace(
        "action: log", "action: block\n    guidance: {zh: 问, en: ask}"
    )
    (state.parent / "draft.yaml").write_text(text, "utf-8")
    done = sluice("replay", "--policy", "draft.yaml", "--limit", "0")
    assert (done.code, done.lines[3]) == (0, "        3  unchanged")


def test_samples_are_as_many_as_asked_for(sluice):
    told = json.loads(sluice("replay", "--policy", "draft.yaml", "--since", "8w", "--limit", "1", "--json").out)
    assert (told["would_release"], len(told["samples"]["would-release"])) == (2, 1)


def test_what_cannot_be_replayed_is_said(sluice, state):
    broken, old = record(8, at=NOW), record(9, at=NOW)
    broken["destination"]["region"] = "moon"
    del old["inspection"]
    with Store.open(state / "sluice.db") as store:
        incidents.put(store, [broken, old])
    done = sluice("replay", "--policy", "draft.yaml")
    assert "        1  cannot be told" in done.lines
    assert [line for line in done.lines if line.startswith("note  1 ")] == [
        "note  1 records from before these facts were kept: decided by what they hold, which may differ",
        "note  1 records that cannot be read: left out",
    ]
    assert any(line.endswith(", approximately") for line in done.lines)


def test_a_draft_with_mistakes_is_wrong(sluice, state):
    (state.parent / "draft.yaml").write_text(DRAFT.replace("action: log", "action: lgo"), "utf-8")
    done = sluice("replay", "--policy", "draft.yaml")
    assert (done.code, done.out) == (2, "")
    assert "draft.yaml:13: rules 'weak': action:" in done.err


def test_without_a_store_nothing_is_made(sluice, state):
    (state / "sluice.db").unlink()
    done = sluice("replay", "--policy", "draft.yaml")
    assert (done.code, "the store cannot be read" in done.err) == (1, True)
    assert not (state / "sluice.db").exists()


@pytest.mark.parametrize(
    ("text", "since"),
    [
        pytest.param("12h", "2026-11-30T12:00:00+00:00", id="hours"),
        pytest.param("30d", "2026-11-01T00:00:00+00:00", id="days"),
        pytest.param("2w", "2026-11-17T00:00:00+00:00", id="weeks"),
        pytest.param("2026-11-05", "2026-11-05T00:00:00+08:00", id="a day in China"),
    ],
)
def test_since(text, since):
    assert since_option(text, datetime(2026, 12, 1, tzinfo=UTC)).isoformat() == since


@pytest.mark.parametrize("text", ["", "d", "30", "-3d", "3m", "99999w", "2026-13-01", "yesterday"])
def test_since_that_is_none(text):
    with pytest.raises(click.BadParameter, match="give hours, days or weeks"):
        since_option(text, datetime(2026, 12, 1, tzinfo=UTC))


class Screen(StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("screen", "after_s", "is_shown"),
    [(Screen, -1.0, True), (Screen, 60.0, False), (StringIO, -1.0, False)],
    ids=["it takes long", "it does not", "nobody looks"],
)
def test_progress(monkeypatch, screen, after_s, is_shown):
    monkeypatch.setattr(replay, "SHOW_AFTER_S", after_s)
    monkeypatch.setattr(replay.sys, "stderr", out := screen())
    monkeypatch.setenv("TERM", "xterm")
    assert list(replay.shown(range(1000), 1000)) == list(range(1000))
    assert ("deciding again" in out.getvalue()) is is_shown


def test_a_reading_that_breaks_off_ends_the_bar(monkeypatch):
    monkeypatch.setattr(replay, "SHOW_AFTER_S", -1.0)
    monkeypatch.setattr(replay.sys, "stderr", Screen())

    def rows():
        yield Action.LOG
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        list(replay.shown(rows(), 2))
