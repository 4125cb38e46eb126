"""Mistakes of sense."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.policy.load import read_policy
from gateway.yamlfile import Document
from tests.samples.policies import rule


def problems(value, signatures=None):
    """Messages of the problems, without file and line, sorted."""
    try:
        read_policy(Document("p.yaml", {"version": 1, **value}), signatures=signatures)
    except ConfigError as error:
        return sorted(problem.message for problem in error.problems)
    return []


def when(**condition):
    return {"rules": [rule("a", condition)]}


MESSAGING, OTHER = {"category": ["messaging", "webmail"]}, {"category": "other"}
SIZE = {"part": {"over_mb": 50}}
EXCEPTION = {
    "id": "E",
    "rules": "a",
    "actor": {"user": "chang"},
    "ticket": "T",
    "approver": "A",
    "owner": "O",
    "expires": "2027-01-01",
}
AUTHORISED = {"id": "A", "destination": {"host": "a.example"}, "class": "personal", "owner": "O"}
CASE = {"name": "n", "action": "block"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="empty"),
        pytest.param({"rules": [rule("a", action="log", guidance={"zh": "问", "en": "ask"})]}, id="guidance on a log"),
        pytest.param({"rules": [rule("a", route="big")], "routes": {"big": ""}}, id="route without a link"),
        pytest.param({"rules": [rule("a", says={"zh": "{found}{limit}", "en": "{found}"})]}, id="placeholders"),
        pytest.param({**when(sensitive="any"), "sensitive": [{"class": "secret"}]}, id="sensitive"),
        pytest.param(when(destination=MESSAGING, all=[{"destination": {"category": "messaging"}}]), id="a shared word"),
        pytest.param(when(destination=MESSAGING, any=[{"destination": OTHER}, {"body": True}]), id="either"),
        pytest.param(when(findings={"at_least": 2, "at_most": 2}), id="exactly two"),
        pytest.param(when(part={"read": False, "reason": "malformed"}), id="unread, and why"),
        pytest.param({"rules": [rule("a", SIZE)], "exceptions": [{**EXCEPTION, "up_to_mb": 90}]}, id="a larger limit"),
        pytest.param({"rules": [rule("a")], "exceptions": [EXCEPTION]}, id="exception"),
        pytest.param({"rules": [rule("a"), rule("b")]}, id="the same condition twice"),
        pytest.param({"authorised": [AUTHORISED]}, id="authorised"),
        pytest.param({"authorised": [{**AUTHORISED, "destination": {"service": "s"}}]}, id="authorised service"),
        pytest.param({"cases": [{**CASE, "rules": ["gateway.not-inspected"]}]}, id="a case of the gateway's own"),
    ],
)
def test_accepted(value):
    assert problems(value) == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param(
            {"rules": [rule("gateway.mine")]},
            "rules 'gateway.mine': id: is an id of the gateway's own refusals; choose another",
            id="the gateway's ids",
        ),
        pytest.param(
            {"rules": [rule("destination.private")]},
            "rules 'destination.private': id: is an id of the gateway's own refusals; choose another",
            id="an id of a built-in refusal",
        ),
        pytest.param(
            {"rules": [{k: v for k, v in rule("a", action="hold").items() if k != "guidance"}]},
            "rules 'a': guidance is missing; a rule with action hold tells the sender what to do instead",
            id="no guidance",
        ),
        pytest.param(
            {"rules": [rule("a", route="bog")], "routes": {"big": ""}},
            "rules 'a': route: no such route; did you mean 'big'?; under `routes` there are: big",
            id="no such route",
        ),
        pytest.param(
            {"rules": [rule("a", route="big")]},
            "rules 'a': route: no such route; under `routes` there are: none",
            id="no routes",
        ),
        pytest.param(
            {"rules": [rule("a", says={"zh": "无", "en": "{size}"})]},
            "rules 'a': says.en: unknown placeholder {size}; allowed: {found}, {limit}",
            id="unknown placeholder",
        ),
        pytest.param(
            when(any=[{"sensitive": "any"}]),
            "rules 'a': when: asks for sensitive content, but the file has no `sensitive` list",
            id="nothing is sensitive",
        ),
        pytest.param(
            when(destination=MESSAGING, all=[{"destination": OTHER}]),
            "rules 'a': when: destination.category is asked for twice with no word in common: never holds",
            id="contradiction",
        ),
        pytest.param(
            when(part={"read": True, "limit": "max_depth"}),
            "rules 'a': when.part: asks for a part that was read and for why it was not: never holds",
            id="read and not read",
        ),
        pytest.param(
            when(any=[{"body": True}, {"not": {"findings": {"at_least": 3, "at_most": 2}}}]),
            "rules 'a': when.any.1.not.findings.at_most: at_most 2 is under at_least 3: never holds",
            id="more than the most",
        ),
        pytest.param(
            {"sensitive": [{"at_least": 3, "at_most": 2}]},
            "sensitive.0.at_most: at_most 2 is under at_least 3: never holds",
            id="more than the most, sensitive",
        ),
        pytest.param(
            {"rules": [rule("a.long")], "exceptions": [{**EXCEPTION, "rules": ["a.lnog"]}]},
            "exceptions 'E': rules.0: no rule 'a.lnog'; did you mean 'a.long'?",
            id="exception from no rule",
        ),
        pytest.param(
            {"rules": [rule("a")], "exceptions": [{k: v for k, v in EXCEPTION.items() if k != "actor"}]},
            "exceptions 'E': names nobody; give actor or destination",
            id="exception for nobody",
        ),
        pytest.param(
            {"rules": [rule("a")], "exceptions": [{**EXCEPTION, "destination": {"region": "overseas"}}]},
            "exceptions 'E': destination: an exception names hosts, services, tenants or categories, never whole regions",
            id="exception for a region",
        ),
        pytest.param(
            {"rules": [rule("a", keep_content=False)], "exceptions": [EXCEPTION]},
            "exceptions 'E': rules.0: a keeps no content and can have no exception",
            id="exception from a state secret",
        ),
        pytest.param(
            {"rules": [rule("a")], "exceptions": [{**EXCEPTION, "up_to_mb": 90}]},
            "exceptions 'E': up_to_mb: a is not a size rule, so a larger limit means nothing for it",
            id="a larger limit of nothing",
        ),
        pytest.param(
            {"authorised": [{k: v for k, v in AUTHORISED.items() if k != "class"}]},
            "authorised 'A': allows nothing; give class or signature",
            id="authorised for nothing",
        ),
        pytest.param(
            {"authorised": [{**AUTHORISED, "destination": {"category": "messaging"}}]},
            "authorised 'A': destination: must name a host or a service",
            id="authorised everywhere",
        ),
        pytest.param(
            {"authorised": [{**AUTHORISED, "destination": {"host": "a.example", "authorised": True}}]},
            "authorised 'A': destination.authorised: has no meaning inside `authorised`",
            id="authorised by itself",
        ),
        pytest.param(
            {"authorised": [{**AUTHORISED, "class": ["personal", "state-secret"]}]},
            "authorised 'A': state secrets can be authorised for no destination",
            id="authorised state secret",
        ),
        pytest.param(
            {"authorised": [{**AUTHORISED, "signature": "marking.*"}]},
            "authorised 'A': state secrets can be authorised for no destination",
            id="authorised marks",
        ),
        pytest.param({"cases": [{**CASE, "rules": ["b"]}]}, "cases 'n': rules.0: no rule 'b'", id="case of no rule"),
    ],
)
def test_mistake(value, problem):
    assert problems(value)[-1:] == [problem]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param(
            {"sensitive": [{"signature": "cn.residentid"}]},
            "sensitive.0.signature.0: no signature 'cn.residentid'; did you mean 'cn.resident-id'?",
            id="sensitive",
        ),
        pytest.param(
            when(findings={"signature": ["acme.code", "acme.cude"]}),
            "rules 'a': when.findings.signature.1: no signature 'acme.cude'; did you mean 'acme.code'?",
            id="a rule",
        ),
        pytest.param(
            when(findings={"class": "secret", "except_signature": "pass.*"}),
            "rules 'a': when.findings.except_signature.0: no signature 'pass.*'",
            id="an exception",
        ),
        pytest.param(
            {"authorised": [{**AUTHORISED, "signature": "doc.contrat"}]},
            "authorised 'A': signature.0: no signature 'doc.contrat'; did you mean 'doc.contract'?",
            id="authorised",
        ),
    ],
)
def test_signatures_that_do_not_exist(value, problem):
    assert problems(value, {"acme.code"}) == [problem]
    assert problems(value) == [], "nobody said what is installed"


@pytest.mark.parametrize("name", ["acme.code", "acme.*", "cn.passport", "secret.*"])
def test_signatures_that_are_installed_or_promised(name):
    assert problems(when(findings={"signature": name}), {"acme.code"}) == []
