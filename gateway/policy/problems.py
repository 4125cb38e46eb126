"""Mistakes of form in a policy file, worded for the person who wrote it: what is wrong, where, what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from gateway.errors import Problem
from gateway.yamlfile import Document, Where, allowed_words, plain_message

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def form_problems(document: Document, errors: list[ErrorDetails], model: type[BaseModel]) -> list[Problem]:
    """One problem per error of pydantic, placed by line; values of the file are not repeated."""
    return [
        document.problem(error["loc"], f"{dotted(document, error['loc'])}: {_sentence(error, model)}")
        for error in errors
    ]


def empty_places(value: object, where: Where = ()) -> Iterator[Where]:
    """Places whose key stands without a value; pydantic would take an optional one for not given."""
    if value is None:
        yield where
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from empty_places(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from empty_places(item, (*where, index))


def dotted(document: Document, where: Where) -> str:
    """The place as a person looks for it: entries of a list by their id where they have one.

    >>> dotted(Document("p.yaml", {"rules": [{"id": "a.b"}]}), ("rules", 0, "action"))
    "rules 'a.b': action"
    """
    where = tuple(step for step in where if step != "[key]")
    if not where:
        return "the file"
    entry = _entry_id(document.value, where)
    if entry is None:
        return ".".join(str(step) for step in where)
    rest = ".".join(str(step) for step in where[2:])
    return f"{where[0]} {entry!r}" + (f": {rest}" if rest else "")


def nearest(word: str, allowed: tuple[str, ...] | list[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no allowed word is near.

    >>> nearest("categry", ["category", "region"])
    "; did you mean 'category'?"
    >>> nearest("zzz", ["category"])
    ''
    """
    near = get_close_matches(word, allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def allowed_keys(model: type[BaseModel], where: Where) -> list[str]:
    """Keys that the block at the place may have; empty when it has names of its own.

    >>> from gateway.policy.schema import ExceptionEntry
    >>> "known" in allowed_keys(ExceptionEntry, ("actor",))
    True
    """
    current: type[BaseModel] | None = model
    is_name = False
    for step in where:
        if isinstance(step, int) or current is None or is_name:
            is_name = False
            continue
        annotation = next(
            (field.annotation for name, field in current.model_fields.items() if (field.alias or name) == step), None
        )
        # In a mapping the next step is a name of the writer's own.
        current, is_name = _model_in(annotation), dict in {get_origin(annotation), get_origin(_meant(annotation))}
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        allowed = allowed_keys(model, error["loc"][:-1])
        return f"unknown key{nearest(str(error['loc'][-1]), allowed)}; allowed: {', '.join(allowed)}"
    if kind in {"enum", "literal_error"}:
        allowed = allowed_words(error)
        near = nearest(error["input"], allowed) if isinstance(error["input"], str) else ""
        return f"unknown word{near}; allowed: {', '.join(allowed)}"
    if kind == "value_error":
        return str(error.get("ctx", {})["error"])
    return plain_message(error)


def _entry_id(value: Any, where: Where) -> str | None:  # noqa: ANN401 - whatever the YAML file holds
    if len(where) < 2 or not isinstance(where[1], int):
        return None
    try:
        entry = value[where[0]][where[1]]
    except (KeyError, IndexError, TypeError):
        return None
    name = entry.get("id", entry.get("name")) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a typing construct
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in (*get_args(annotation), *get_args(_meant(annotation))))
    return next((model for model in inner if model), None)


def _meant(annotation: Any) -> Any:  # noqa: ANN401 - a typing construct
    """What an alias stands for, None for what is no alias."""
    return getattr(annotation, "__value__", None)
