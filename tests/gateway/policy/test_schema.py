"""The blocks of a policy file: each closed word, each form of value, what is refused."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from pydantic import ValidationError

from gateway import errors
from gateway.findings import Action, Severity
from gateway.parts import Coverage, Grade
from gateway.policy import schema
from gateway.policy.schema import (
    CLASSES,
    LIMIT_NAMES,
    REASONS,
    ActorTest,
    AuthorisedEntry,
    DestinationTest,
    ExceptionEntry,
    Failures,
    FindingsTest,
    PartTest,
    RuleEntry,
    When,
    failure_words,
)
from gateway.transfer import Audience, Category, Channel, Region
from tests.samples.policies import rule


def accepts(model, value):
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        pytest.param(DestinationTest, "category", list(Category), id="category"),
        pytest.param(DestinationTest, "region", list(Region), id="region"),
        pytest.param(DestinationTest, "audience", list(Audience), id="audience"),
        pytest.param(When, "channel", list(Channel), id="channel"),
        pytest.param(PartTest, "encryption", list(Grade), id="encryption"),
        pytest.param(PartTest, "coverage", list(Coverage), id="coverage"),
        pytest.param(PartTest, "reason", list(REASONS), id="reason"),
        pytest.param(PartTest, "limit", list(LIMIT_NAMES), id="limit"),
        pytest.param(PartTest, "except_limit", list(LIMIT_NAMES), id="except_limit"),
        pytest.param(FindingsTest, "class", list(CLASSES), id="class"),
        pytest.param(FindingsTest, "min_severity", list(Severity), id="min_severity"),
        pytest.param(ActorTest, "role", ["staff", "head", "executive"], id="role"),
        pytest.param(When, "sensitive", ["any", "unauthorised"], id="sensitive"),
    ],
)
def test_every_word_of_a_closed_set_and_no_other(model, key, words):
    assert words
    assert [word for word in words if not accepts(model, {key: str(word)})] == []
    assert not accepts(model, {key: "moon"})
    assert not accepts(model, {key: ""})
    assert not accepts(model, {key: str(words[0]).upper()})


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param("action", [action.word for action in Action], id="action"),
        pytest.param("mode", ["enforce", "monitor", "off"], id="mode"),
    ],
)
def test_every_word_of_a_rule(key, words):
    assert [word for word in words if not accepts(RuleEntry, rule(**{key: word}))] == []
    assert not accepts(RuleEntry, rule(**{key: "deny"}))


def test_reasons_are_those_of_the_content_errors():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ContentError)]
    assert sorted(REASONS) == sorted(kind.reason for kind in kinds)


def test_failures_can_be_held_or_blocked_and_nothing_else():
    assert failure_words() == (
        *("timeout", "crash", "memory", "busy", "protocol", "too-large", "malformed", "detector-failed", "other"),
    )
    for word in failure_words():
        assert accepts(Failures, {word: "hold"})
        assert not accepts(Failures, {word: "log"})


def test_a_policy_selects_on_every_class_a_finding_may_have():
    assert get_args(schema.Klass.__value__) == CLASSES
    assert {"personal", "contact", "account", "secret", "marking", "document", "state-secret"} < set(CLASSES)


@pytest.mark.parametrize(
    ("model", "value"),
    [
        pytest.param(When, {"body": True}, id="a boolean"),
        pytest.param(DestinationTest, {"host": "*.a-b.example"}, id="hosts below"),
        pytest.param(DestinationTest, {"host": ["203.0.113.5", "xn--fiqs8s.example"]}, id="address and A-label"),
        pytest.param(FindingsTest, {"signature": "secret.*"}, id="signatures below"),
        pytest.param(FindingsTest, {"at_least": 1}, id="one"),
        pytest.param(FindingsTest, {"min_confidence": 1}, id="a whole number for a ratio"),
        pytest.param(PartTest, {"over_mb": 0.001}, id="a small size"),
        pytest.param(PartTest, {"media_type": "application/vnd.ms-excel"}, id="a media type"),
        pytest.param(When, {"all": {"body": True}}, id="one condition without brackets"),
    ],
)
def test_accepted(model, value):
    assert accepts(model, value)


@pytest.mark.parametrize(
    ("model", "value"),
    [
        pytest.param(When, {}, id="empty condition"),
        pytest.param(DestinationTest, {}, id="empty destination"),
        pytest.param(When, {"any": []}, id="empty any"),
        pytest.param(DestinationTest, {"category": []}, id="empty list"),
        pytest.param(DestinationTest, {"categories": ["messaging"]}, id="unknown key"),
        pytest.param(When, {"body": "yes"}, id="text for a boolean"),
        pytest.param(When, {"body": 1}, id="number for a boolean"),
        pytest.param(When, {"persons": 0}, id="nobody"),
        pytest.param(When, {"persons": True}, id="boolean for a count"),
        pytest.param(When, {"persons": 2.0}, id="fraction for a count"),
        pytest.param(FindingsTest, {"min_confidence": 1.1}, id="more than certain"),
        pytest.param(FindingsTest, {"signature": "Secret"}, id="capital signature"),
        pytest.param(FindingsTest, {"signature": "*"}, id="every signature"),
        pytest.param(PartTest, {"over_mb": 0}, id="size of nothing"),
        pytest.param(PartTest, {"over_mb": "50"}, id="size in quotes"),
        pytest.param(PartTest, {"over_mb": float("nan")}, id="size that is no number"),
        pytest.param(PartTest, {"media_type": "*/*"}, id="any media type"),
        pytest.param(DestinationTest, {"host": "*"}, id="any host"),
        pytest.param(DestinationTest, {"host": "A.example"}, id="capital host"),
        pytest.param(DestinationTest, {"host": "a.*.example"}, id="star in the middle"),
        pytest.param(DestinationTest, {"service": " "}, id="blank word"),
    ],
)
def test_refused(model, value):
    assert not accepts(model, value)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        pytest.param(date(2026, 12, 31), date(2026, 12, 31), id="YAML's own"),
        pytest.param("2026-12-31", date(2026, 12, 31), id="text"),
        pytest.param("2026-02-30", None, id="no such day"),
        pytest.param("soon", None, id="a word"),
        pytest.param(20261231, None, id="a number"),
        pytest.param("2026-12-31T10:00:00", None, id="a time"),
    ],
)
def test_days(written, day):
    if day is None:
        with pytest.raises(ValidationError, match="must be a day, written YYYY-MM-DD"):
            RuleEntry.model_validate(rule(since=written))
    else:
        assert RuleEntry.model_validate(rule(since=written)).since == day


@pytest.mark.parametrize("key", ["id", "says", "basis", "action", "owner", "since", "when"])
def test_a_rule_cannot_do_without(key):
    entry = rule()
    del entry[key]
    assert not accepts(RuleEntry, entry)


@pytest.mark.parametrize("key", ["id", "rules", "ticket", "approver", "owner", "expires"])
def test_an_exception_cannot_do_without(key):
    entry = {
        "id": "E",
        "rules": "r",
        "actor": {"user": "u"},
        "ticket": "T",
        "approver": "A",
        "owner": "O",
        "expires": "2027-01-01",
    }
    assert accepts(ExceptionEntry, entry)
    del entry[key]
    assert not accepts(ExceptionEntry, entry)


@pytest.mark.parametrize("key", ["id", "destination", "owner"])
def test_an_authorised_destination_cannot_do_without(key):
    entry = {"id": "A", "destination": {"host": "a.example"}, "class": "personal", "owner": "O"}
    assert accepts(AuthorisedEntry, entry)
    del entry[key]
    assert not accepts(AuthorisedEntry, entry)


@pytest.mark.parametrize("says", [{"zh": "只有中文。"}, {"en": "English only."}, {"zh": "", "en": "x"}, "text"])
def test_a_sentence_stands_in_both_languages(says):
    assert not accepts(RuleEntry, rule(says=says))
