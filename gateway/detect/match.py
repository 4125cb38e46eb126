"""What a detector says before evidence is masked: values live here only, inside the inspector."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """One place where a signature matched; never leaves the inspector (its `value` is clear)."""

    signature: str
    """Dotted name, e.g. `cn.resident-id`."""
    start: int
    """Character offset in the text the detector was given."""
    end: int
    """Excluded."""
    value: str
    """Canonical value (separators and full-width folded away): equal values are one value."""
    confidence: float
    """0–1: odds that it is real, context counted in."""
    person: str = ""
    """Canonical token of the person it stands for; empty when it stands for none."""
    location: str = ""
    """Set by the engine: where in the part the text came from."""
    view: int = -1
    """Index in `Document.views` of the text that the offsets are in; -1 stands for the first page of that location."""
