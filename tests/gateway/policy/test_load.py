"""A file becomes a policy, or every problem in it is told at once."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.findings import Action
from gateway.policy.load import digest_of, load_policy, policy_text, read_policy
from gateway.policy.schema_file import PolicyFile
from gateway.yamlfile import Document, parse_yaml
from tests.samples.policies import policy, rule

BROKEN = """\
version: 1
setings: {}
routes:
rules:
  - id: a.b
    when: {destination: {categry: messaging}}
    action: blok
    basis: S1
    says: {zh: 不, en: no}
    owner: me
    since: soon
  - id: a.b
    when: {}
    action: log
    says: {zh: 不, en: no}
    basis: S1
    owner: me
    since: 2026-01-01
  - id: c.d
    when: {sensitive: any}
    action: block
    basis: S1
    says: {zh: 不, en: no}
    owner: me
    since: 2026-01-01
    route: nowhere
  - just words
exceptions:
  - {id: E, rules: [a.b, x.y], actor: {user: u}, ticket: T, approver: A, owner: O, expires: 2027-01-01}
sensitive: 5
cases:
  - {name: n, action: block, rules: []}
  - {name: n, action: block, rules: [c.d], part: {}}
"""


def test_every_problem_at_once_by_line(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(str(path), signatures=["cn.mobile"])
    told = [(problem.line, problem.message.partition(";")[0]) for problem in caught.value.problems]
    assert told == [
        (2, "setings: unknown key"),
        (3, "routes: has no value"),
        (6, "rules 'a.b': when.destination.categry: unknown key"),
        (7, "rules 'a.b': action: unknown word"),
        (11, "rules 'a.b': since: must be a day, written YYYY-MM-DD"),
        (12, "rules: 'a.b' already stands in line 5"),
        (13, "rules 'a.b': when: is empty"),
        (19, "rules 'c.d': guidance is missing"),
        (20, "rules 'c.d': when: asks for sensitive content, but the file has no `sensitive` list"),
        (26, "rules 'c.d': route: no such route"),
        (27, "rules.3: must be a block of keys"),
        (29, "exceptions 'E': rules.1: no rule 'x.y'"),
        (30, "sensitive: must be a list"),
        (33, "cases 'n': part: unknown key"),
        (33, "cases: 'n' already stands in line 32"),
    ]
    assert all(problem.file == str(path) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "p.yaml:1: a policy is a mapping that begins with `version: 1`", id="empty file"),
        pytest.param("- a", "p.yaml:1: a policy is a mapping that begins with `version: 1`", id="a list"),
        pytest.param("version: 2", "p.yaml:1: version: unknown word; allowed: 1", id="another version"),
        pytest.param("rules: []", "p.yaml:1: version: is missing", id="no version"),
        pytest.param("version: 1\nrules: 7", "p.yaml:2: rules: must be a list", id="rules that are no list"),
        pytest.param("version: 1\n7: x", "p.yaml:2: 7: is no text, and a key must be", id="a key that is no word"),
    ],
)
def test_one_problem(text, problem):
    with pytest.raises(ConfigError) as caught:
        read_policy(parse_yaml(text, "p.yaml"))
    (told,) = caught.value.problems
    assert str(told).startswith(problem)


def test_a_file_that_is_not_there():
    with pytest.raises(ConfigError) as caught:
        load_policy("/nonexistent/policy.yaml")
    assert [problem.message for problem in caught.value.problems] == ["cannot be read: No such file or directory"]


def test_the_shipped_default():
    default = load_policy(None, signatures=[])
    assert [(r.id, r.action.word, r.mode, r.basis) for r in default.rules] == [
        ("marking.state-secret", "block", "enforce", ("S001-3.1(5)",)),
        ("size.messaging-file", "block", "enforce", ("S001-3.3(2)",)),
        ("sensitive.unencrypted", "block", "enforce", ("S001-3.3(3)",)),
        ("contact.few", "log", "enforce", ("S001-3.1(2)",)),
        ("cloud.personal", "block", "enforce", ("S001-3.3#2",)),
        ("websocket.unread", "block", "enforce", ("S003-3#3",)),
        ("overseas.personal-information", "hold", "enforce", ("S000-2.2(3)",)),
        ("upload.instant", "block", "enforce", ("S003-3#3",)),
        ("encryption.strong", "log", "enforce", ("S001-3.3(3)",)),
        ("encryption.weak", "block", "enforce", ("S001-3.3(3)",)),
        ("encryption.partial", "block", "enforce", ("S001-3.3(3)e", "S001-3.3(3)")),
        ("encryption.unknown", "block", "enforce", ("S001-3.3(3)",)),
        ("unreadable.too-deep", "block", "enforce", ("S003-3#3",)),
        ("unreadable.too-large", "block", "enforce", ("S003-3#3",)),
        ("unreadable.archive-type", "block", "enforce", ("S001-3.3(3)e", "S003-3#3")),
        ("unreadable.file-type", "block", "enforce", ("S003-3#3",)),
        ("unreadable.damaged", "block", "enforce", ("S003-3#3",)),
        ("unreadable.slow", "block", "enforce", ("S003-3#3",)),
        ("unreadable.detector-failed", "block", "enforce", ("S003-3#3",)),
    ]
    assert [r.id for r in default.rules if not r.keep_content] == ["marking.state-secret"]
    assert [(r.id, r.limits_bytes) for r in default.rules if r.is_size] == [("size.messaging-file", (52_428_800,))]
    assert set(default.failures.values()) == {Action.BLOCK}
    assert (default.exceptions, default.authorised, default.size_unit) == ((), (), "MiB")


def test_the_sentences_of_the_default_are_one_sentence_each():
    default = load_policy(None)
    for one in default.rules:
        texts = [one.says, *([one.guidance] if one.guidance else [])]
        for words in texts:
            assert words["zh"].endswith("。")
            assert words["zh"].count("。") == 1, one.id
            assert words["en"].endswith(".")
            assert ". " not in words["en"], one.id
        assert one.owner
        assert one.since == date(2026, 12, 1)


def test_a_policy_of_one_s_own():
    own = policy(
        rule("a", {"part": {"over_mb": 50}}, "hold", route="big", mode="monitor"),
        settings={"size_unit": "MB"},
        routes={"big": "sftp://files.example"},
        names={"acme.code": {"zh": "代号", "en": "code"}},
        failures={"busy": "hold"},
        sensitive=[{"class": "secret"}],
    )
    (one,) = own.rules
    assert (one.action, one.mode, one.route, one.limits_bytes) == (
        Action.HOLD,
        "monitor",
        "sftp://files.example",
        (50_000_000,),
    )
    assert own.names == {"acme.code": {"zh": "代号", "en": "code"}}
    assert {word for word, action in own.failures.items() if action is Action.HOLD} == {"busy"}
    assert own.sensitive[0].finding_class == ("secret",)


def test_exceptions_and_authorised_destinations_of_one_s_own():
    own = policy(
        rule("a", {"part": {"over_mb": 1}}),
        exceptions=[
            {
                "id": "E",
                "rules": ["a"],
                "actor": {"user": "u"},
                "destination": {"service": "wecom"},
                "up_to_mb": 2,
                "ticket": "T",
                "approver": "A",
                "owner": "O",
                "expires": "2027-01-01",
            },
            {
                "id": "F",
                "rules": "a",
                "actor": {"user": "u"},
                "ticket": "T",
                "approver": "A",
                "owner": "O",
                "expires": "2027-01-02",
            },
        ],
        authorised=[{"id": "P", "destination": {"host": "a.example"}, "class": "personal", "owner": "O"}],
    )
    assert [(e.id, e.rules, e.ticket, e.approver, e.owner, e.expires, e.up_to_bytes) for e in own.exceptions] == [
        ("E", {"a"}, "T", "A", "O", date(2027, 1, 1), 2_097_152),
        ("F", {"a"}, "T", "A", "O", date(2027, 1, 2), None),
    ]
    (entry,) = own.authorised
    assert (entry.compiled.id, entry.compiled.classes, entry.owner, entry.expires) == ("P", {"personal"}, "O", None)


def digest(*rules, **sections):
    return digest_of(PolicyFile.model_validate({"version": 1, "rules": list(rules), **sections}))


def test_the_digest_is_of_the_content():
    one, two = rule("a"), rule("b", action="hold")
    same = digest(one, two)
    assert len(same) == 64
    assert digest(two, one) == same, "order"
    assert digest({**one, "mode": "enforce"}, two) == same, "a default written out"
    assert digest(one, two, cases=[{"name": "n", "action": "allow", "rules": []}]) == same, "cases"
    assert policy(two, one).digest == same
    others = [
        digest(one),
        digest({**one, "action": "hold"}, two),
        digest({**one, "says": {"zh": "否。", "en": "No."}}, two),
        digest(one, two, failures={"crash": "hold"}),
        digest(one, two, settings={"size_unit": "MB"}),
    ]
    assert len({same, *others}) == 6


def test_comments_and_layout_leave_the_digest_alone():
    text = "version: 1\n# a comment\nfailures:\n    crash: hold\n"
    assert read_policy(parse_yaml(text, "p.yaml")).digest == digest(failures={"crash": "hold"})


def places(value, where=()):
    yield where
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*where, key))


DEFAULT_TEXT = resources.files("gateway.policy").joinpath("data", "default.yaml").read_text(encoding="utf-8")
DEFAULT = parse_yaml(DEFAULT_TEXT, "p.yaml")
NONSENSE = st.sampled_from(
    [None, True, -1, 10**30, 1.5, float("nan"), "", "x", "*", date(2026, 1, 1), [], {}, [[]], {"x": None}, {7: [None]}]
)


@given(st.sampled_from([where for where in places(DEFAULT.value) if where]), NONSENSE)
@settings(deadline=None)
def test_nonsense_anywhere_is_a_problem_with_a_line_or_changes_the_digest(where, nonsense):
    value = deepcopy(DEFAULT.value)
    holder = value
    for step in where[:-1]:
        holder = holder[step]
    was, holder[where[-1]] = holder[where[-1]], nonsense
    loaded, problems = None, ()
    try:
        loaded = read_policy(Document("p.yaml", value, DEFAULT.lines), signatures=[])
    except ConfigError as error:
        problems = error.problems
    assert all(problem.line > 0 and problem.message for problem in problems)
    if loaded:
        assert loaded.digest != load_policy(None).digest or nonsense in (was, {}, []) or where[0] == "cases"


def test_a_list_section_that_is_no_list_has_no_duplicates():
    with pytest.raises(ConfigError) as caught:
        read_policy(Document("p.yaml", {"version": 1, "rules": "x", "exceptions": [7, 7]}))
    assert len(caught.value.problems) == 3


def test_a_policy_that_fails_its_own_cases_does_not_load(tmp_path):
    path = tmp_path / "policy.yaml"
    text = policy_text(None)[0].replace("one resident ID is sensitive", "one resident ID may go")
    path.write_text(text, "utf-8")
    assert load_policy(str(path)).digest == load_policy(None).digest
    path.write_text(text + "  - {name: a wish, action: hold, rules: []}\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(str(path))
    line = len(path.read_text("utf-8").splitlines())
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}:{line}: cases: FAILED: a wish: expected hold by no rule, got allow by no rule"
    ]
