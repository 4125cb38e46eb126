"""YAML as people write it → plain values with the line of every key, so that each mistake can be named by file:line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast, get_args

import yaml
from pydantic import BaseModel
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from gateway.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_YAML_BYTES = 4 * 1024 * 1024
"""Largest file read; a policy of 500 rules has about 200 kB."""

MAX_DEPTH = 100
"""Deepest nesting of lists and mappings; a policy has ten."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where the wheel has it: ten times as fast, and every process reads its files at the start."""

_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (re.compile(r"(?:~|null|Null|NULL)?"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), date.fromisoformat),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+(?:Z|[-+][0-9]{2}:?[0-9]{2})?"), datetime.fromisoformat),
)
"""Look of a word without quotes → its value: the core schema of YAML 1.2, and dates. `NO` and `0123` are no booleans
and no octal numbers there, which matters for countries and for codes."""

type Where = tuple[str | int, ...]
"""Keys and indexes from the top of the document to a value."""


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file."""

    file: str
    value: Any
    """dicts, lists, str, int, float, bool, None; `NO` is text (YAML 1.2)."""
    lines: dict[Where, int] = field(default_factory=dict)
    """Place → 1-based line."""

    def line(self, where: Where) -> int:
        """The line of the place, or of the nearest place around it; 1 for the document."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def problem(self, where: Where, message: str) -> Problem:
        """A `Problem` at that place."""
        return Problem(self.file, self.line(where), message)


def parse_yaml(text: str, file: str) -> Document:
    """The document in `text`; raises ConfigError with file and line.

    Refused are bad syntax, duplicate keys, tags of our own, and anchors and aliases, whose expansion could fill memory.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ConfigError([Problem(file, 0, f"the file is larger than {MAX_YAML_BYTES} bytes")])
    try:
        builder = _Builder(file, yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(error, file)]) from None
    if builder.problems:
        raise ConfigError(builder.problems)
    return Document(file, builder.value, builder.lines)


def load_yaml(path: str) -> Document:
    """The document in the file at `path`; raises ConfigError when it cannot be read, is not UTF-8 or not YAML."""
    return parse_yaml(read_text(path), path)


_WORDED = {
    "too_short": "is an empty list; name at least one",
    "missing": "is missing",
    "invalid_key": "is no text, and a key must be",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be a block of keys",
    "dict_type": "must be a block of names and values",
    "string_type": "must be text; put it into quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "too long; allowed: at most {max_length} characters",
    "string_pattern_mismatch": "has a form that is not allowed here (pattern {pattern})",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "greater_than": "too small; allowed: more than {gt}",
    "greater_than_equal": "too small; allowed: at least {ge}",
    "less_than": "too large; allowed: less than {lt}",
    "less_than_equal": "too large; allowed: at most {le}",
}
"""Kind of an error whose own message speaks of Python → what is said instead; in braces: names of its context."""


def read_text(path: str) -> str:
    """The text of the file, not much more than `MAX_YAML_BYTES` of it; raises ConfigError when it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path is kept as the person wrote it
            return file.read(MAX_YAML_BYTES + 1).decode()
    except OSError as error:
        raise ConfigError([Problem(path, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path, 0, f"is not UTF-8 (byte {error.start})")]) from None


def pydantic_problems(
    document: Document, errors: list[ErrorDetails], *, at: Where = (), model: type[BaseModel] | None = None
) -> list[Problem]:
    """Problems for pydantic's `ValidationError.errors()`, placed by line; values are not repeated in the message.

    With the model that refused, an unknown key is told with the keys allowed there.
    """
    problems = []
    for error in errors:
        steps = tuple(step for step in error["loc"] if step != "[key]")
        where = at + steps
        name = ".".join(str(step) for step in where) or "the document"
        message = plain_message(error)
        if error["type"] == "model_type":
            message = "must be a mapping of keys to values"
        if error["type"] == "extra_forbidden":
            message = _unknown_key(str(steps[-1]), _keys_at(model, steps[:-1]))
        problems.append(document.problem(where, f"{name}: {message}"))
    return problems


def plain_message(error: ErrorDetails) -> str:
    """What pydantic says, in words that do not speak of Python.

    >>> plain_message({"type": "tuple_type", "loc": (), "msg": "Input should be a valid tuple", "input": 1})
    'must be a list'
    >>> plain_message({"type": "less_than_equal", "loc": (), "msg": "", "input": 9, "ctx": {"le": 5}})
    'too large; allowed: at most 5'
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind in _WORDED:
        return _WORDED[kind].format(
            **{name: f"{value:.15g}" if isinstance(value, float) else value for name, value in context.items()}
        )
    if kind in {"enum", "literal_error"}:
        return f"unknown word; allowed: {', '.join(word or '(empty)' for word in allowed_words(error))}"
    return error["msg"].removeprefix("Value error, ")


def allowed_words(error: ErrorDetails) -> list[str]:
    """The words of the closed set that an error of kind `enum` or `literal_error` names."""
    return [word.strip("'") for word in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]


def _keys_at(model: type[BaseModel] | None, where: Where) -> list[str] | None:
    """Keys of the model found by following the place; None where a mapping or a union hides it."""
    for step in where:
        if isinstance(step, int):  # an item of the list that the key before it named
            continue
        field = model.model_fields.get(str(step)) if model else None
        kind = get_args(field.annotation)[0] if field and get_args(field.annotation) else field and field.annotation
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return list(model.model_fields) if model else None


def _unknown_key(key: str, allowed: list[str] | None) -> str:
    if allowed is None:
        return "unknown key"
    if not allowed:
        return "unknown key; allowed: none"
    near = get_close_matches(key, allowed, n=1)
    return f"unknown key; {f'did you mean {near[0]}? ' if near else ''}allowed: {', '.join(allowed)}"


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML").splitlines()[0]
    return Problem(file, mark.line + 1 if mark else 0, f"YAML: {what}")


class _Builder:
    """Plain values, lines and problems from one pass over the parser's events."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self._file, self._events = file, events
        self._depth = 0
        self._anchors = False
        self.problems: list[Problem] = []
        self.lines: dict[Where, int] = {(): 1}
        self.value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent | AliasEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, "YAML: one document only; a line of --- begins another")
                    return
                self.value = self._plain(event, ())

    def _refuse(self, event: Event, message: str) -> None:
        self.problems.append(Problem(self._file, event.start_mark.line + 1, message))

    def _plain(self, event: Event, where: Where) -> object:
        if getattr(event, "anchor", None) and not (isinstance(event, AliasEvent) and self._anchors):
            self._anchors = True
            self._refuse(event, "anchors (&name) and aliases (*name) are not allowed; write the value out")
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if getattr(event, "tag", None) and not cast(SequenceStartEvent, event).implicit:
            self._refuse(event, "tags (!name) are not allowed")
        if isinstance(event, AliasEvent):
            return None
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConfigError([Problem(self._file, event.start_mark.line + 1, "YAML: nested too deep")])
        value = self._mapping(where) if isinstance(event, MappingStartEvent) else self._sequence(where)
        self._depth -= 1
        return value

    def _sequence(self, where: Where) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            place = (*where, len(items))
            self.lines[place] = event.start_mark.line + 1
            items.append(self._plain(event, place))
        return items

    def _mapping(self, where: Where) -> dict[Any, Any]:
        out: dict[Any, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key: Any = self._plain(event, where)
            if not isinstance(event, ScalarEvent):
                self._refuse(event, "a key must be a plain word, not a list or a mapping")
                key = None
            elif key in out:
                self._refuse(event, f"duplicate key {key!r}")
            place = (*where, cast(str, key))
            self.lines[place] = event.start_mark.line + 1
            out[key] = self._plain(next(self._events), place)
        return out

    def _scalar(self, event: ScalarEvent) -> object:
        text = event.value
        if event.tag and event.tag not in {"!", "tag:yaml.org,2002:str"}:
            self._refuse(event, "tags (!name) are not allowed")
            return None
        try:
            # "\\ud800" is text that no output could be written with.
            text.encode()
            if event.tag or not event.implicit[0]:
                return text
            return next((build(text) for look, build in _PLAIN if look.fullmatch(text)), text)
        except UnicodeEncodeError:
            self._refuse(event, "YAML: half a surrogate pair is not text")
        except ValueError:
            self._refuse(event, "YAML: looks like a date or number and is none; put text into quotes")
        return None
