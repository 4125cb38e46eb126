"""Rules that never hold, that change nothing, that no case shows; each beside one that is fine."""

from datetime import date

import pytest

from gateway.policy.reach import contradictions, ended, idle, uncased
from gateway.policy.schema import When
from gateway.policy.schema_file import PolicyFile
from tests.samples.policies import rule


def never(**when):
    return [(".".join(map(str, where)), text) for where, text in contradictions(When.model_validate(when), ("when",))]


@pytest.mark.parametrize(
    "when",
    [
        pytest.param({"destination": {"service": "a"}, "all": [{"destination": {"service": ["a", "b"]}}]}, id="shared"),
        pytest.param({"actor": {"known": False}, "destination": {"service": "a"}}, id="nobody, somewhere"),
        pytest.param({"actor": {"known": True, "role": "head"}}, id="somebody"),
        pytest.param(
            {"actor": {"group": "a"}, "all": [{"actor": {"group": "b"}}]}, id="two groups, which one may have"
        ),
        pytest.param({"body": True, "any": [{"body": False}, {"persons": 3}]}, id="one branch can hold"),
        pytest.param({"body": True, "not": {"body": True, "persons": 3}}, id="less is taken out"),
        pytest.param({"part": {"media_type": "image/*", "except_media_type": "image/png"}}, id="some images"),
        pytest.param({"findings": {"signature": "secret.*", "except_signature": "secret.jwt"}}, id="some secrets"),
        pytest.param({"part": {"read": False, "reason": "malformed"}}, id="not read, and why"),
    ],
)
def test_what_can_hold(when):
    assert never(**when) == []


@pytest.mark.parametrize(
    ("when", "told"),
    [
        pytest.param(
            {"destination": {"service": "a"}, "all": [{"all": [{"destination": {"service": "b"}}]}]},
            ("when", "destination.service is asked for twice with no word in common: never holds"),
            id="two services",
        ),
        pytest.param(
            {"channel": "tcp", "all": [{"channel": "udp"}]},
            ("when", "channel is asked for twice with no word in common: never holds"),
            id="two channels",
        ),
        pytest.param(
            {"body": True, "all": [{"body": False}]},
            ("when", "body is asked for as true and as false: never holds"),
            id="with and without",
        ),
        pytest.param(
            {"actor": {"known": False}, "all": [{"actor": {"department": "sales"}}]},
            ("when", "asks for a sender nobody knows and for who it is: never holds"),
            id="nobody of a department",
        ),
        pytest.param(
            {"body": True, "any": [{"body": False}, {"persons": 3, "all": [{"body": False}]}]},
            ("when.any", "none of these can hold with what stands beside them: never holds"),
            id="no branch",
        ),
        pytest.param(
            {"body": True, "persons": 3, "not": {"body": True}},
            ("when.not", "takes out all that the condition beside it asks for: never holds"),
            id="all is taken out",
        ),
        pytest.param(
            {"part": {"media_type": "image/png", "except_media_type": ["image/gif", "image/png"]}},
            ("when.part", "except_media_type takes out all of media_type: never holds"),
            id="no type is left",
        ),
        pytest.param(
            {"findings": {"signature": "cn.mobile", "except_signature": "cn.mobile"}},
            ("when.findings", "except_signature takes out all of signature: never holds"),
            id="no signature is left",
        ),
        pytest.param(
            {"part": {"read": True, "reason": "malformed"}},
            ("when.part", "asks for a part that was read and for why it was not: never holds"),
            id="read and not",
        ),
    ],
)
def test_what_never_holds(when, told):
    assert never(**when) == [told]


def file(*rules, **sections):
    return PolicyFile.model_validate({"version": 1, "rules": rules, **sections})


WIDE = {"destination": {"category": "webmail"}}
NARROW = {**WIDE, "persons": 3}
EXCEPTION = {
    "id": "E",
    "rules": "wide",
    "actor": {"user": "li"},
    "ticket": "T",
    "approver": "A",
    "owner": "O",
    "expires": date(2026, 11, 30),
}


@pytest.mark.parametrize(
    ("rules", "sections", "found"),
    [
        pytest.param([rule("wide", WIDE), rule("narrow", NARROW)], {}, ["narrow"], id="covered"),
        pytest.param([rule("narrow", NARROW), rule("wide", WIDE)], {}, ["narrow"], id="in any order"),
        pytest.param([rule("wide", WIDE), rule("twin", WIDE)], {}, ["twin"], id="the second of twins"),
        pytest.param([rule("wide", WIDE), rule("narrow", NARROW, "log")], {}, ["narrow"], id="asks for less"),
        pytest.param([rule("wide", WIDE, "log"), rule("narrow", NARROW)], {}, [], id="asks for more"),
        pytest.param([rule("wide", WIDE, mode="monitor"), rule("narrow", NARROW)], {}, [], id="beside one on monitor"),
        pytest.param([rule("wide", WIDE), rule("narrow", NARROW, mode="monitor")], {}, [], id="on monitor itself"),
        pytest.param(
            [rule("wide", WIDE), rule("narrow", NARROW)], {"exceptions": [EXCEPTION]}, [], id="lifted for some"
        ),
        pytest.param([rule("wide", WIDE), rule("narrow", NARROW, keep_content=False)], {}, [], id="keeps no content"),
        pytest.param([rule("wide", WIDE), rule("other", {"persons": 3})], {}, [], id="another condition"),
    ],
)
def test_rules_that_change_nothing(rules, sections, found):
    entries = file(*rules, **sections)
    assert [entries.rules[where[1]].id for where, _ in idle(entries)] == found


def test_what_a_rule_that_changes_nothing_is_told():
    assert list(idle(file(rule("wide", WIDE), rule("narrow", NARROW)))) == [
        (("rules", 1), "changes no verdict: wide holds wherever it does and asks for no less")
    ]


@pytest.mark.parametrize(
    ("given", "must"),
    [
        pytest.param({}, True, id="blocks"),
        pytest.param({"action": "hold"}, True, id="holds"),
        pytest.param({"action": "coach"}, False, id="coaches"),
        pytest.param({"action": "log"}, False, id="logs"),
        pytest.param({"mode": "monitor"}, False, id="on monitor"),
        pytest.param({"mode": "off"}, None, id="off"),
    ],
)
def test_rules_without_a_case(given, must):
    found = list(uncased(file(rule("a", **given), rule("b"), cases=[{"name": "c", "action": "block", "rules": ["b"]}])))
    assert [(where, why.startswith("no case shows what it does; "), need) for where, why, need in found] == (
        [] if must is None else [(("rules", 0), True, must)]
    )


def test_what_has_ended():
    authorised = {"id": "P", "destination": {"host": "a.example"}, "class": "personal", "owner": "O"}
    entries = file(
        rule("wide"),
        exceptions=[EXCEPTION],
        authorised=[authorised, {**authorised, "id": "Q", "expires": date(2026, 1, 1)}],
    )
    assert list(ended(entries, date(2026, 11, 30))) == [(("authorised", 1), "ended with 2026-01-01 and has no effect")]
    assert [where for where, _ in ended(entries, date(2026, 12, 1))] == [("exceptions", 0), ("authorised", 1)]
