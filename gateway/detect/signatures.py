"""Signature files: what to look for, as data with its own cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError, Problem
from gateway.findings import Severity
from gateway.yamlfile import load_yaml, pydantic_problems

type Klass = Literal[
    "personal",
    "contact",
    "account",
    "secret",
    "marking",
    "state-secret",
    "company-secret",
    "internal",
    "document",
    "contract",
    "customer-list",
    "financial",
    "password",
]
"""What a finding is; policy selects on these."""
type MaskKind = Literal["number", "mobile", "email", "secret", "name", "word", "none"]
"""How a value is masked: see `gateway.detect.evidence`."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Data):
    """The signature's name for people."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Context(_Data):
    """Words around a match that make it likelier or unlikely; compared without regard to ASCII case."""

    near: tuple[str, ...] = ()
    """Anywhere in the window or in the header of the table."""
    before: tuple[str, ...] = ()
    """In front of the match only (labels)."""
    negative: tuple[str, ...] = ()
    """In front of the match: it is something else, unless a word of `near` or `before` is there too."""
    window_chars: Annotated[int, Field(ge=1, le=400)] = 40
    """Characters looked at in front of the match; behind it, half as many."""

    @cached_property
    def near_folded(self) -> tuple[str, ...]:
        """`near` in lower case."""
        return tuple(word.lower() for word in self.near)

    @cached_property
    def before_folded(self) -> tuple[str, ...]:
        """`before` in lower case."""
        return tuple(word.lower() for word in self.before)

    @cached_property
    def negative_folded(self) -> tuple[str, ...]:
        """`negative` in lower case."""
        return tuple(word.lower() for word in self.negative)


class Confidence(_Data):
    """Odds that a match is real."""

    base: Annotated[float, Field(ge=0, le=1)]
    """Without context; 0 means that context is required."""
    with_context: Annotated[float, Field(ge=0, le=1)]


class FindCase(_Data):
    """A text in which the signature must be found."""

    text: str
    count: Annotated[int, Field(ge=1)] = 1
    """Distinct values."""


class Cases(_Data):
    """The signature's own tests."""

    find: tuple[str | FindCase, ...] = Field(min_length=1)
    ignore: tuple[str, ...] = Field(min_length=1)


class Signature(_Data):
    """One thing to look for."""

    name: str = Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*$")
    title: Title
    severity: Severity
    classes: tuple[Klass, ...] = ()
    detector: str
    """Key of the detector that looks for it."""
    context: Context = Context()
    confidence: Confidence
    mask: MaskKind = "word"
    status: Literal["experimental", "stable"]
    terms: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Named word lists, for detectors that work with words (`words`, `required`, `title` … as the detector says)."""
    thresholds: Mapping[str, float] = Field(default_factory=dict)
    """Named numbers, as the detector says."""
    cases: Cases
    file: str = Field(default="", exclude=True)
    """Where it stands; set by the loader."""
    line: int = Field(default=1, exclude=True)
    """Line of its first key."""
    case_lines: Mapping[str, tuple[int, ...]] = Field(default_factory=dict, exclude=True)
    """`find` and `ignore` → line of each case; set by the loader."""


_FOLDERS = ("identifiers", "dictionaries", "documents")
"""Folders that hold signature files; `yara` holds rules in their own language."""
_PLACED = ("file", "line", "case_lines")
"""Fields a file may not set."""


def load_signatures(directories: Sequence[str]) -> tuple[Signature, ...]:
    """Signatures of all folders, by name; raises ConfigError with every problem of every file."""
    problems: list[Problem] = []
    signatures: dict[str, Signature] = {}
    for directory in directories:
        files = _files(directory)
        if not files and not any(Path(directory, "yara").glob("*.yar")):
            problems.append(Problem(directory, 0, f"holds no signature file (*.yaml in {', '.join(_FOLDERS)})"))
        for file in files:
            try:
                signature = _load(file)
            except ConfigError as error:
                problems += error.problems
                continue
            if signature.name in signatures:
                other = signatures[signature.name]
                message = f"name: {signature.name!r} is already in {other.file}:{other.line}"
                problems.append(Problem(file, signature.line, message))
            signatures[signature.name] = signature
    if problems:
        raise ConfigError(problems)
    return tuple(signatures[name] for name in sorted(signatures))


def _files(directory: str) -> list[str]:
    """Paths as the person wrote the folder, sorted."""
    top = Path(directory)
    found = [path for folder in _FOLDERS for path in (top / folder).glob("*.yaml")]
    return sorted(str(path) for path in found)


def _load(file: str) -> Signature:
    document = load_yaml(file)
    if not isinstance(document.value, dict):
        raise ConfigError([document.problem((), "a signature is a mapping with name, title, severity, cases …")])
    problems = [document.problem((key,), f"{key}: unknown key") for key in _PLACED if key in document.value]
    lines = {
        kind: tuple(document.line(("cases", kind, index)) for index in range(len(cases)))
        for kind, cases in _case_lists(document.value)
    }
    values = {key: value for key, value in document.value.items() if key not in _PLACED}
    try:
        placed = {"file": file, "line": document.line(("name",)), "case_lines": lines}
        signature = Signature.model_validate(values | placed)
    except ValidationError as error:
        problems += pydantic_problems(document, error.errors(include_url=False, include_input=False))
    if problems:
        raise ConfigError(problems)
    return signature


def _case_lists(value: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    cases = value.get("cases")
    return [(kind, own) for kind, own in cases.items() if isinstance(own, list)] if isinstance(cases, dict) else []
