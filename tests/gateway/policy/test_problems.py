"""Mistakes of form, in words for the person who wrote the file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.policy.problems import allowed_keys, dotted, empty_places, form_problems, nearest
from gateway.policy.schema_file import PolicyFile
from gateway.yamlfile import Document, parse_yaml

RULE = """\
version: 1
rules:
  - id: a.b
    action: block
    basis: S1
    says: {zh: 不, en: no}
    guidance: {zh: 问, en: ask}
    owner: me
    since: 2026-01-01
    when: {body: true}
"""


def problems(text):
    document = parse_yaml(text, "p.yaml")
    with pytest.raises(ValidationError) as caught:
        PolicyFile.model_validate(document.value)
    return [str(problem) for problem in form_problems(document, caught.value.errors(include_url=False), PolicyFile)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "{body: true}",
            "{destination: {categry: messaging}}",
            "p.yaml:10: rules 'a.b': when.destination.categry: unknown key; did you mean 'category'?; allowed: category, "
            "region, service, host, tenant, account, kind, reader, audience, authorised",
            id="unknown key",
        ),
        pytest.param(
            "owner: me",
            "owner: me\n    xyzzy: 1",
            "p.yaml:9: rules 'a.b': xyzzy: unknown key; allowed: id, says, guidance, route, basis, mode, action, owner, "
            "since, keep_content, when",
            id="unknown key, nothing near",
        ),
        pytest.param(
            "{body: true}",
            "{any: [{not: {findings: {clas: secret}}}]}",
            "p.yaml:10: rules 'a.b': when.any.0.not.findings.clas: unknown key; did you mean 'class'?; allowed: "
            "signature, except_signature, class, min_confidence, min_severity, at_least, at_most",
            id="unknown key deep inside",
        ),
        pytest.param(
            "action: block",
            "action: blok",
            "p.yaml:4: rules 'a.b': action: unknown word; did you mean 'block'?; allowed: allow, log, coach, hold, block",
            id="unknown word",
        ),
        pytest.param(
            "action: block",
            "action: 7",
            "p.yaml:4: rules 'a.b': action: unknown word; allowed: allow, log, coach, hold, block",
            id="a number for a word",
        ),
        pytest.param(
            "{body: true}",
            "{destination: {region: moon}}",
            "p.yaml:10: rules 'a.b': when.destination.region.0: unknown word; allowed: domestic, overseas, hk-mo-tw, "
            "private, unknown",
            id="unknown region",
        ),
        pytest.param("    owner: me\n", "", "p.yaml:3: rules 'a.b': owner: is missing", id="missing key"),
        pytest.param(
            "basis: S1",
            "basis: []",
            "p.yaml:5: rules 'a.b': basis: is an empty list; name at least one",
            id="empty list",
        ),
        pytest.param(
            "{body: true}", "{body: 1}", "p.yaml:10: rules 'a.b': when.body: must be true or false", id="boolean"
        ),
        pytest.param(
            "{body: true}", "{persons: x}", "p.yaml:10: rules 'a.b': when.persons: must be a whole number", id="count"
        ),
        pytest.param(
            "{body: true}",
            "{part: {over_mb: x}}",
            "p.yaml:10: rules 'a.b': when.part.over_mb: must be a number",
            id="size",
        ),
        pytest.param(
            "owner: me", "owner: 7", "p.yaml:8: rules 'a.b': owner: must be text; put it into quotes", id="text"
        ),
        pytest.param("owner: me", 'owner: " "', "p.yaml:8: rules 'a.b': owner: must not be empty", id="blank text"),
        pytest.param("{body: true}", "[]", "p.yaml:10: rules 'a.b': when: must be a block of keys", id="block"),
        pytest.param("version: 1", "version: 1\ncases: {}", "p.yaml:2: cases: must be a list", id="list"),
        pytest.param(
            "version: 1", "version: 1\nroutes: x", "p.yaml:2: routes: must be a block of names and values", id="mapping"
        ),
        pytest.param(
            "version: 1",
            "version: 1\nnames: {X: {zh: 某, en: x}}",
            r"p.yaml:2: names.X: has a form that is not allowed here (pattern ^[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?$)",
            id="form of a name",
        ),
        pytest.param(
            "{body: true}",
            "{part: {limit: max_everything}}",
            "p.yaml:10: rules 'a.b': when.part.limit.0: is no bound of the inspection; allowed: max_body_bytes,",
            id="a sentence of our own",
        ),
        pytest.param(
            "{body: true}",
            "{persons: 0}",
            "p.yaml:10: rules 'a.b': when.persons: too small; allowed: at least 1",
            id="a sentence of the library",
        ),
    ],
)
def test_one_mistake(old, new, problem):
    assert old in RULE
    (told,) = problems(RULE.replace(old, new))
    assert told.startswith(problem)
    assert told == problem or problem.endswith(",")


def test_values_are_not_repeated():
    (told,) = problems(RULE.replace("{body: true}", "{findings: {signature: 'Secret Project 4711'}}"))
    assert "4711" not in told


@pytest.mark.parametrize(
    ("value", "where", "name"),
    [
        pytest.param({}, (), "the file", id="the file"),
        pytest.param({"rules": [{"id": "a"}]}, ("rules", 0), "rules 'a'", id="an entry"),
        pytest.param({"rules": [{"id": "a"}]}, ("rules", 0, "when", "all", 1), "rules 'a': when.all.1", id="inside"),
        pytest.param({"cases": [{"name": "n"}]}, ("cases", 0, "to"), "cases 'n': to", id="a case"),
        pytest.param({"rules": [{"id": 7}]}, ("rules", 0, "id"), "rules.0.id", id="an id that is no text"),
        pytest.param({"rules": ["x"]}, ("rules", 0), "rules.0", id="no entry at all"),
        pytest.param({"rules": "x"}, ("rules", 3), "rules.3", id="no list at all"),
        pytest.param({}, ("rules", 0), "rules.0", id="not there"),
        pytest.param({"names": {"X": 1}}, ("names", "X", "[key]"), "names.X", id="a key of a mapping"),
    ],
)
def test_dotted(value, where, name):
    assert dotted(Document("p.yaml", value), where) == name


def test_empty_places():
    value = {"a": None, "b": [1, None, {"c": None}], "d": {"e": "x"}}
    assert list(empty_places(value)) == [("a",), ("b", 1), ("b", 2, "c")]


def test_nearest():
    assert nearest("hots", ("host", "region")) == "; did you mean 'host'?"
    assert nearest("xyzzy", ("host", "region")) == ""


@pytest.mark.parametrize(
    ("where", "key"),
    [
        pytest.param((), "exceptions", id="the file"),
        pytest.param(("rules", 0), "keep_content", id="a list of blocks"),
        pytest.param(("rules", 0, "when", "any", 2, "not", "part"), "over_mb", id="deep inside"),
        pytest.param(("names", "a.b"), "zh", id="a mapping of blocks"),
        pytest.param(("cases", 0, "parts", 0, "found", "cn.mobile"), "confidence", id="a mapping behind an alias"),
    ],
)
def test_allowed_keys(where, key):
    assert key in allowed_keys(PolicyFile, where)


def test_no_keys_where_no_block_is():
    assert allowed_keys(PolicyFile, ("rules", 0, "owner")) == []
    assert allowed_keys(PolicyFile, ("nothing", "here")) == []
