"""YAML as people write it → plain values with the line of every key, so that each mistake can be named by file:line."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from gateway.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_YAML_BYTES = 4 * 1024 * 1024
"""Largest file read; a policy of 500 rules has about 200 kB."""

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
    """The document in `text`; raises ConfigError with file and line for bad syntax, duplicate keys and aliases."""
    if len(text) > MAX_YAML_BYTES:
        raise ConfigError([Problem(file, 0, f"the file is larger than {MAX_YAML_BYTES} bytes")])
    try:
        # An alias bomb would be expanded by validation, so aliases are refused before anything is built.
        for event in YAML(typ="rt", pure=True).parse(text):
            if isinstance(event, AliasEvent):
                line = event.start_mark.line + 1
                raise ConfigError([Problem(file, line, "aliases (*name) are not allowed; write the value out")])
        loaded = YAML(typ="rt", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = (getattr(error, "problem", None) or "not valid YAML").splitlines()[0]
        raise ConfigError([Problem(file, mark.line + 1 if mark else 0, f"YAML: {what}")]) from None
    lines: dict[Where, int] = {(): 1}
    return Document(file, _plain(loaded, (), lines), lines)


def load_yaml(path: str) -> Document:
    """The document in the file at `path`; raises ConfigError when it cannot be read, is not UTF-8 or not YAML."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path is kept as the person wrote it
            text = file.read(MAX_YAML_BYTES + 1).decode()
    except OSError as error:
        raise ConfigError([Problem(path, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path, 0, f"is not UTF-8 (byte {error.start})")]) from None
    return parse_yaml(text, path)


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
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = _unknown_key(str(steps[-1]), _keys_at(model, steps[:-1]))
        problems.append(document.problem(where, f"{name}: {message}"))
    return problems


def _keys_at(model: type[BaseModel] | None, where: Where) -> list[str] | None:
    """Keys of the model found by following the place; None where a list, a mapping or a union hides it."""
    for step in where:
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


def _plain(value: object, where: Where, lines: dict[Where, int]) -> object:
    if isinstance(value, CommentedMap):
        out = {}
        for key, item in value.items():
            place = (*where, key)
            lines[place] = value.lc.key(key)[0] + 1
            out[key] = _plain(item, place, lines)
        return out
    if isinstance(value, CommentedSeq):
        items = []
        for index, item in enumerate(value):
            place = (*where, index)
            lines[place] = value.lc.item(index)[0] + 1
            items.append(_plain(item, place, lines))
        return items
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
