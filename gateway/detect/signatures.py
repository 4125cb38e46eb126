"""Signature files: what to look for, as data with its own cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.findings import Severity

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
