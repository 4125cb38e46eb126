"""YAML as people write it → plain values with the line of every key, so that each mistake can be named by file:line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gateway.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_YAML_BYTES = 4 * 1024 * 1024
"""Largest file read; a policy of 500 rules has about 200 kB."""

COLLECTION_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
"""Tags that lists and mappings have when nobody writes one."""

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
        yaml = YAML(typ="safe", pure=True)
        builder = _Builder(file, yaml.compose(text), yaml.constructor.construct_object)
    except YAMLError as error:
        raise ConfigError([_syntax_problem(error, file)]) from None
    except RecursionError:
        raise ConfigError([Problem(file, 0, "YAML: nested too deep")]) from None
    if builder.problems:
        raise ConfigError(builder.problems)
    return Document(file, builder.value, builder.lines)


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
        if error["type"] == "model_type":
            message = "must be a mapping of keys to values"
        if error["type"] == "extra_forbidden":
            message = _unknown_key(str(steps[-1]), _keys_at(model, steps[:-1]))
        problems.append(document.problem(where, f"{name}: {message}"))
    return problems


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


def _syntax_problem(error: YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or "not valid YAML").splitlines()[0]
    return Problem(file, mark.line + 1 if mark else 0, f"YAML: {what}")


class _Builder:
    """Plain values, lines and problems from one pass over the nodes."""

    def __init__(self, file: str, root: Node | None, scalar: Callable[[ScalarNode], object]) -> None:
        self._file, self._scalar = file, scalar
        self._seen: set[int] = set()
        self.problems: list[Problem] = []
        self.lines: dict[Where, int] = {(): 1}
        self.value = None if root is None else self._plain(root, ())

    def _refuse(self, node: Node, message: str) -> None:
        self.problems.append(Problem(self._file, node.start_mark.line + 1, message))

    def _plain(self, node: Node, where: Where) -> object:
        if id(node) in self._seen:
            return None  # an alias; its anchor is a problem already
        if node.anchor:
            self._refuse(node, "anchors (&name) and aliases (*name) are not allowed; write the value out")
        self._seen.add(id(node))
        if isinstance(node, MappingNode | SequenceNode) and str(node.tag) not in COLLECTION_TAGS:
            self._refuse(node, "tags (!name) are not allowed")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, where)
        if isinstance(node, SequenceNode):
            return [self._item(item, (*where, index)) for index, item in enumerate(node.value)]
        return self._scalar_of(node)

    def _item(self, node: Node, where: Where) -> object:
        self.lines[where] = node.start_mark.line + 1
        return self._plain(node, where)

    def _mapping(self, node: MappingNode, where: Where) -> dict[Any, Any]:
        out: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._refuse(key_node, "a key must be a plain word, not a list or a mapping")
                continue
            key = self._plain(key_node, where)
            if key in out:
                self._refuse(key_node, f"duplicate key {key!r}")
            place = (*where, cast(str, key))
            self.lines[place] = key_node.start_mark.line + 1
            out[key] = self._plain(value_node, place)
        return out

    def _scalar_of(self, node: Node) -> object:
        try:
            value = self._scalar(cast(ScalarNode, node))
            # "\\ud800" is text that no output could be written with.
            if isinstance(value, str):
                value.encode()
        except YAMLError as error:
            self.problems.append(_syntax_problem(error, self._file))
        except UnicodeEncodeError:
            self._refuse(node, "YAML: half a surrogate pair is not text")
        except ValueError:
            # ruamel builds dates and numbers by their look; 2026-02-30 looks like one.
            self._refuse(node, "YAML: looks like a date or number and is none; put text into quotes")
        else:
            return value
        return None
