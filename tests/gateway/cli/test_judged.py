"""A judged file for people and for programs."""

from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gateway.cli.apart import Extract, Look
from gateway.cli.judged import Judged, show, summary, to_json
from gateway.findings import Action, Inspection, Verdict
from gateway.parts import Coverage
from gateway.policy.builtin import builtin_verdict
from gateway.transfer import Channel, Request, Transfer
from tests.samples.incidents import AES, ARCHIVE, BAIDU, LI, SECRET, UNENCRYPTED, WATCHED, finding, part

ROSTER = part("名单.csv", "text/csv", findings=(finding(), finding("doc.customer-list", sample="", location="")))


def judged(*parts, grounds=(UNENCRYPTED,), failure="", extracts=(), path="名单.csv") -> Judged:
    verdict = Verdict(max((ground.action for ground in grounds), default=Action.ALLOW), tuple(grounds), "d" * 64)
    transfer = Transfer("id", "2026-01-01T00:00:00.000Z", LI, BAIDU, Channel.HTTP1, Request(bytes=9))
    return Judged(Path(path), transfer, Look(Inspection(parts=parts, failure=failure), extracts), verdict)


def shown(one: Judged, language: str = "en", columns: int = 80) -> list[str]:
    file = StringIO()
    console = Console(file=file, width=columns, force_terminal=True, color_system=None, highlight=False, emoji=False)
    show(console, one, language)
    return file.getvalue().splitlines()


def test_verdict_rule_sentence_and_findings():
    assert shown(judged(ROSTER)) == [
        "block  名单.csv",
        "       sensitive.unencrypted  S001-3.3(3)",
        "       The upload holds sensitive information that is not encrypted (resident ID",
        "       number × 12), so it was not sent.",
        "       名单.csv  text/csv",
        "         cn.resident-id ×12  high  **************002X  sheet 1",
        "         doc.customer-list ×12  high",
    ]


def test_language():
    assert shown(judged(ROSTER), "zh")[2].startswith("       上传内容中有未加密的敏感信息")


def test_rule_on_monitor_is_not_shown_as_a_reason():
    assert not [line for line in shown(judged(ROSTER, grounds=(UNENCRYPTED, WATCHED))) if "draft." in line]


def test_clean_file_is_one_line():
    assert shown(judged(part("a.txt"), grounds=(), path="a.txt")) == ["allow  a.txt"]


@pytest.mark.parametrize(
    ("one", "line"),
    [
        pytest.param(
            judged(part("a.zip", "application/zip", encryption=AES, coverage=Coverage.ENCRYPTED, reason="encrypted")),
            "       a.zip  application/zip  zip-aes-256 encryption, strong",
            id="encrypted",
        ),
        pytest.param(
            judged(
                part("a.pdf", "application/pdf", coverage=Coverage.MALFORMED, reason="malformed", detail="pdf: cut")
            ),
            "         pdf: cut",
            id="unread",
        ),
        pytest.param(judged(failure="timeout"), "       not inspected: timeout", id="no inspection"),
        pytest.param(judged(part("")), None, id="clean part without a name"),
        pytest.param(judged(part("", findings=(finding(),))), "       (unnamed)  text/plain", id="part without a name"),
    ],
)
def test_what_was_not_read_is_said(one, line):
    lines = shown(one)
    assert line in lines if line else len(lines) == 4


def test_texts_follow_and_obey_nobody():
    lines = shown(judged(extracts=(Extract("a.txt line 1", "一\x1b[2J\n\t二"),)))
    assert lines[-3:] == ["--- a.txt line 1", "一\\x1b[2J", "\t二"]


def test_own_refusal_has_a_sentence():
    one = judged(grounds=builtin_verdict("body-limit", "d").grounds, failure="too-large")
    assert "       The upload is larger than the gateway can read, so it was not sent." in shown(one)


def test_no_line_is_wider_than_the_terminal():
    for columns in (40, 80):
        for line in shown(judged(ROSTER, *ARCHIVE, extracts=()), "zh", columns):
            assert sum(2 if char > "\u2e80" else 1 for char in line) <= columns


def test_json_has_what_a_record_has():
    told = to_json(judged(ROSTER, extracts=(Extract("a", "b"),)))
    assert list(told) == ["path", "parts", "coverage", "verdict", "text"]
    assert told["path"] == "名单.csv"
    assert told["parts"][0]["findings"][0]["signature"] == "cn.resident-id"
    assert told["verdict"]["rules"][0]["basis"] == ["S001-3.3(3)"]
    assert told["text"] == [{"location": "a", "text": "b"}]
    assert "text" not in to_json(judged(ROSTER))


def test_json_of_a_state_secret_keeps_no_name():
    (one,) = to_json(judged(ROSTER, grounds=(SECRET,)))["parts"]
    assert "名单" not in str(one)


@pytest.mark.parametrize(
    ("actions", "failed", "told"),
    [
        ({"allow": 2, "block": 1}, 0, "3 files: 2 allow, 1 block"),
        ({"allow": 1}, 2, "1 file: 1 allow; 2 could not be read"),
        ({}, 0, "0 files: nothing to inspect"),
    ],
)
def test_summary(actions, failed, told):
    file = StringIO()
    summary(Console(file=file, width=80), Counter(actions), failed)
    assert file.getvalue() == f"\n{told}\n"
