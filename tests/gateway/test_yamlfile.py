from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import ConfigError, Problem
from gateway.yamlfile import MAX_YAML_BYTES, Document, load_yaml, parse_yaml, plain_message, pydantic_problems

param = pytest.param

ANCHORS = "anchors (&name) and aliases (*name) are not allowed; write the value out"
LOOKS_LIKE = "YAML: looks like a date or number and is none; put text into quotes"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        param("", None, id="empty"),
        param("# nothing\n", None, id="comment only"),
        param("a: {b: [1, 2.5, true, null, ~, x]}", {"a": {"b": [1, 2.5, True, None, None, "x"]}}, id="nested"),
        param("[NO, yes, on, off, 010, 0x1F, 1:30]", ["NO", "yes", "on", "off", 10, 31, "1:30"], id="YAML 1.2 words"),
        param("2026-01-02", date(2026, 1, 2), id="date"),
        param("2026-01-02T10:00:00Z", datetime(2026, 1, 2, 10, tzinfo=UTC), id="time"),
        param("!!str 5", "5", id="standard tag"),
        param("a: |\n  x\n  y\n", {"a": "x\ny\n"}, id="block text"),
        param("1: one\nnull: none", {1: "one", None: "none"}, id="keys that are no text"),
        param("a: 钉钉\n", {"a": "钉钉"}, id="Chinese"),
    ],
)
def test_plain_values(text, value):
    assert parse_yaml(text, "f").value == value


def test_plain_values_have_plain_types():
    value = parse_yaml('a: "x"\nb: 0x1F\nc: 1.50\n', "f").value

    assert [type(each) for each in (value, *value.values())] == [dict, str, int, float]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        param("a: 1\na: 2\nb: {c: 1, c: 2}", ["f:2: duplicate key 'a'", "f:3: duplicate key 'c'"], id="duplicates"),
        param("a: &x 1\nb: *x", [f"f:1: {ANCHORS}"], id="alias"),
        param("a: &x 1", [f"f:1: {ANCHORS}"], id="anchor alone"),
        param("- &x [a]\n- *x", [f"f:1: {ANCHORS}"], id="alias of a list"),
        param("a: !own 1", ["f:1: tags (!name) are not allowed"], id="own tag"),
        param("a:\n  !own {b: 1}", ["f:2: tags (!name) are not allowed"], id="own tag of a mapping"),
        param("!!set {b}", ["f:1: tags (!name) are not allowed"], id="set"),
        param("[1, 2]: 3", ["f:1: a key must be a plain word, not a list or a mapping"], id="list as key"),
        param("a: b: c", ["f:1: YAML: mapping values are not allowed in this context"], id="syntax"),
        param("a: [1", ["f:2: YAML: did not find expected ',' or ']'"], id="open list"),
        param("a: 1\n---\nb: 2", ["f:3: YAML: one document only; a line of --- begins another"], id="two documents"),
        param("a: \x00", ["f:0: YAML: control characters are not allowed"], id="control character"),
        param("\nd: 2026-02-30", [f"f:2: {LOOKS_LIKE}"], id="no such day"),
        param("!!int x", ["f:1: tags (!name) are not allowed"], id="tagged word"),
        param("9" * 5000, [f"f:1: {LOOKS_LIKE}"], id="endless number"),
        param('"\\ud800"', ["f:1: YAML: found invalid Unicode character escape code"], id="half a surrogate"),
        param("[" * 5000, ["f:1: YAML: nested too deep"], id="nested too deep"),
        param(" " * (MAX_YAML_BYTES + 1), ["f:0: the file is larger than 4194304 bytes"], id="too large"),
    ],
)
def test_refused(text, problems):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f")

    assert [str(problem) for problem in caught.value.problems] == problems


def test_an_alias_bomb_costs_nothing():
    levels = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

    with pytest.raises(ConfigError) as caught:
        parse_yaml("\n".join(levels), "f")

    assert caught.value.problems[0].message == ANCHORS


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_a_list_of_problems(text):
    try:
        lines = parse_yaml(text, "f").lines
    except ConfigError as error:
        lines = {problem.line: 0 for problem in error.problems}

    assert lines


DOCUMENT = parse_yaml("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - y: 3\n", "f")


@pytest.mark.parametrize(
    ("where", "line"),
    [
        param((), 1, id="document"),
        param(("a",), 1, id="first key"),
        param(("b", "c"), 3, id="nested key"),
        param(("b", "d", 0), 5, id="item"),
        param(("b", "d", 1, "y"), 6, id="key in an item"),
        param(("b", "missing", "deeper"), 2, id="nearest place around"),
        param(("nowhere",), 1, id="unknown place"),
    ],
)
def test_lines(where, line):
    assert DOCUMENT.line(where) == line
    assert DOCUMENT.problem(where, "m") == Problem("f", line, "m")


def test_the_document_made_from_nothing_has_a_line():
    assert Document("<embedded default>", None).line(("a",)) == 1


def test_load_keeps_the_path_as_written(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1", encoding="utf-8")

    assert load_yaml(str(path)) == Document(str(path), {"a": 1}, {(): 1, ("a",): 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        param(None, "cannot be read: No such file or directory", id="missing"),
        param(b"a: \xff", "is not UTF-8 (byte 3)", id="not UTF-8"),
        param(b" " * (MAX_YAML_BYTES + 1), "the file is larger than 4194304 bytes", id="too large"),
    ],
)
def test_load_refused(tmp_path, content, message):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_yaml(str(path))

    assert caught.value.problems == (Problem(str(path), 0, message),)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 1


class Empty(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner | None = None
    many: list[Inner] = []
    words: dict[int, int] = {}
    empty: Empty = Empty()


def problems_of(text, *, model=None, at=()):
    document = parse_yaml(text, "f")
    value = document.value
    for step in at:
        value = value[step]
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)
    return [str(each) for each in pydantic_problems(document, caught.value.errors(), at=at, model=model)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        param(
            "a: 1\nmanny: 2",
            [
                "f:1: a: unknown key; allowed: inner, many, words, empty",
                "f:2: manny: unknown key; did you mean many? allowed: inner, many, words, empty",
            ],
            id="unknown keys",
        ),
        param(
            "inner:\n  sise: 1", ["f:2: inner.sise: unknown key; did you mean size? allowed: size"], id="in a section"
        ),
        param("empty:\n  a: 1", ["f:2: empty.a: unknown key; allowed: none"], id="where no key is allowed"),
        param("many:\n- sise: 1", ["f:2: many.0.sise: unknown key; did you mean size? allowed: size"], id="in a list"),
        param(
            "words: {x: 1}",
            ["f:1: words.x: Input should be a valid integer, unable to parse string as an integer"],
            id="key of a mapping",
        ),
        param("- 1", ["f:1: the document: must be a mapping of keys to values"], id="no mapping"),
    ],
)
def test_problems_of_a_model(text, expected):
    assert problems_of(text, model=Outer) == expected


def test_problems_below_a_place_and_without_a_model():
    assert problems_of("rules:\n- a: 1", at=("rules", 0)) == ["f:2: rules.0.a: unknown key"]


@pytest.mark.parametrize(
    ("kind", "context", "said"),
    [
        pytest.param("missing", {}, "is missing", id="missing"),
        pytest.param("tuple_type", {}, "must be a list", id="list"),
        pytest.param("less_than_equal", {"le": 1.0}, "too large; allowed: at most 1", id="float bound"),
        pytest.param("greater_than_equal", {"ge": 1048576}, "too small; allowed: at least 1048576", id="whole bound"),
        pytest.param(
            "literal_error", {"expected": "'', 'a' or 'b'"}, "unknown word; allowed: (empty), a, b", id="words"
        ),
        pytest.param("value_error", {}, "not a mode", id="our own words"),
    ],
)
def test_messages_do_not_speak_of_python(kind, context, said):
    error = {"type": kind, "loc": (), "msg": "Value error, not a mode", "input": 1, "ctx": context}
    assert plain_message(error) == said
