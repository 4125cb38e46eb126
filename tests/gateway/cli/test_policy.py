"""`sluice policy`: cases, what was in force, and what changes."""

import json
import os

import pytest

from gateway.policy.kept import Kept
from gateway.policy.load import load_text

POLICY = """version: 1
rules:
  - id: mail
    when: {destination: {category: webmail}}
    action: block
    basis: ["S001-3.3(3)"]
    says: {zh: 不能发送。, en: It may not be sent.}
    guidance: {zh: 请联系。, en: Please ask.}
    owner: it
    since: 2026-12-01
cases:
  - {name: mail, to: {category: webmail}, action: block, rules: [mail]}
"""


@pytest.fixture
def draft(folder):
    path = folder / "draft.yaml"

    def write(old="", new=""):
        assert old in POLICY
        path.write_text(POLICY.replace(old, new, 1), "utf-8")
        return path

    return write


@pytest.fixture
def kept(folder, config):
    """The draft and, before it, one with another action were in force."""
    config(state_dir=folder / "state")
    kept = Kept(folder / "state")
    digests = []
    for number, text in enumerate((POLICY.replace("block", "hold"), POLICY)):
        digests.append(load_text(text, "p.yaml").digest)
        kept.put_in_force(text, digests[-1])
        os.utime(kept.folder / f"{digests[-1]}.yaml", (1_700_000_000 + number, 1_700_000_000 + number))
    return digests


def test_cases_that_come_out_as_they_say(sluice, draft):
    done = sluice("policy", "test", draft())
    assert (done.code, done.out, done.err) == (0, "1 rules: 1 cases, 0 failed\n", "")
    done = sluice("policy", "test", "--verbose", "draft.yaml")
    assert done.lines == ["draft.yaml:12: ok: mail", "1 rules: 1 cases, 0 failed"]


def test_case_that_does_not(sluice, draft):
    done = sluice("policy", "test", draft("action: block, rules", "action: hold, rules"))
    assert done.code == 1
    assert sluice("policy", "test", "-v", "draft.yaml").lines[0].startswith("draft.yaml:12: cases: FAILED")
    assert done.lines == [
        f"{draft()}:12: cases: FAILED: mail: expected hold by mail, got block by mail",
        "1 rules: 1 cases, 1 failed",
    ]


def test_json(sluice, draft):
    path = draft("rules: [mail]", "rules: []")
    found = [json.loads(line) for line in sluice("policy", "test", "--json", path).lines]
    assert found[0] == {
        "name": "mail",
        "line": 12,
        "passed": False,
        "expected": {"action": "block", "rules": []},
        "got": {"action": "block", "rules": ["mail"]},
    }
    assert [(each["line"], each["problem"].partition(";")[0]) for each in found[1:]] == [
        (3, "rules 'mail': no case shows what it does"),
        (12, "cases: FAILED: mail: expected block by no rule, got block by mail"),
    ]


def test_remarks_do_not_fail(sluice, draft):
    text = POLICY.replace("action: block\n", "action: block\n    mode: monitor\n").replace("  - {name: mail", "#")
    draft().write_text(text.replace("cases:", "cases: []"), "utf-8")
    done = sluice("policy", "test", "draft.yaml")
    assert done.code == 0
    assert done.lines[0] == "note: draft.yaml:3: rules 'mail': no case shows what it does; write one"
    told = json.loads(sluice("policy", "test", "--json", "draft.yaml").out)
    assert told == {"remark": "rules 'mail': no case shows what it does; write one", "line": 3}


def test_without_a_file_it_is_that_of_the_settings(sluice, draft, config):
    assert sluice("policy", "test").lines[-1].endswith(" cases, 0 failed")
    config(policy=draft())
    assert sluice("policy", "test").lines == ["1 rules: 1 cases, 0 failed"]


def test_a_file_with_mistakes_is_wrong(sluice, draft):
    done = sluice("policy", "test", draft("action: block", "action: blok"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{draft()}:5: rules 'mail': action: ")
    assert sluice("policy", "test", "nowhere.yaml").code == 2


def test_what_was_in_force_is_listed(sluice, kept):
    old, now = kept
    assert sluice("policy", "list").lines == [
        f"{now[:12]}  2023-11-15 06:13:21  in force",
        f"{old[:12]}  2023-11-15 06:13:20",
    ]
    assert [json.loads(line) for line in sluice("policy", "list", "--json").lines] == [
        {"digest": now, "since": "2023-11-14T22:13:21+00:00", "in_force": True},
        {"digest": old, "since": "2023-11-14T22:13:20+00:00", "in_force": False},
    ]


def test_nothing_was_in_force(sluice, config, folder):
    config(state_dir=folder / "nowhere")
    assert (sluice("policy", "list").code, sluice("policy", "list").out) == (0, "")


def test_one_is_shown_as_it_was_written(sluice, kept):
    assert sluice("policy", "show", kept[1][:8]).out == POLICY
    assert sluice("policy", "show", "in-force").out == POLICY


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ("policy", "diff"), "Rule mail: action hold → block.\nCases: 0 new, 0 removed, 1 changed.\n", id="en"
        ),
        pytest.param(
            ("policy", "diff", "--json"),
            '{"zh": "规则 mail：动作 由 hold 改为 block。", "en": "Rule mail: action hold → block."}\n'
            '{"zh": "用例：新增 0 个，删除 0 个，改动 1 个。", "en": "Cases: 0 new, 0 removed, 1 changed."}\n',
            id="json",
        ),
    ],
)
def test_what_changes(sluice, kept, words, told):
    assert sluice(*words, kept[0], "in-force").out == told


def test_what_changes_in_chinese(sluice, kept, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert sluice("policy", "diff", kept[0], kept[1]).lines[0] == "规则 mail：动作 由 hold 改为 block。"
    assert sluice("policy", "diff", kept[0], kept[0]).out == "两者没有区别。\n"


def test_files_digests_and_the_default_are_compared(sluice, kept, draft):
    assert sluice("policy", "diff", draft(), "in-force").out == "There is no difference.\n"
    assert sluice("policy", "diff", "in-force", "in-force", "--json").out == ""
    done = sluice("policy", "diff", "default", "draft.yaml")
    assert "New rule mail: " in done.out
    assert "The rule cloud.personal is gone (" in done.out


@pytest.mark.parametrize("named", ["ffff", "x", "in-force", "../etc/passwd", "\x1b[2J"])
def test_what_is_no_policy(sluice, config, folder, named):
    config(state_dir=folder / "nowhere")
    done = sluice("policy", "show", named)
    assert (done.code, done.out, "\x1b" in done.err) == (2, "", False)
    assert "is no file, and no digest, or the beginning of more than one" in done.err
