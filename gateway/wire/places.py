"""Where a fact stands in a request or a response, as the catalogue writes it: one word of text, parsed once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ALLOWED = (
    "path:N, path:A:B, after:NAME, query:NAME, header:NAME, host:N, jwt:CLAIM, json:a.b[0].c, json:a[].b, field:NAME, "
    "one of these with >json:a.b behind it, or digest: and one of them"
)
MAX_STEPS = 12
"""Deepest path into JSON."""
MAX_FOUND = 1000
"""Most values that `[]` gives; a commit names a few hundred blocks at most."""

_HEAD = r"path:-?\d{1,2}(?::(?:-?\d{1,2})?)?|(?:after|query|header|jwt):[\w.-]{1,64}|host:\d"
_KEY = r"[\w:@$ -]{1,64}"
_STEPS = rf"(?:{_KEY}|\[\d{{0,4}}\])(?:\.{_KEY}|\[\d{{0,4}}\])*"
_PLACE = re.compile(
    rf"(?P<digest>digest:)?(?:json:(?P<own>{_STEPS})"
    rf"|(?:field:(?P<field>[\w.\[\]-]{{1,64}})|(?P<head>{_HEAD}))(?:>json:(?P<inner>{_STEPS}))?)"
)
_STEP = re.compile(rf"\[(\d*)\]|\.?({_KEY})")

type Step = str | int | None
"""A key, an index, or None for every element."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place; exactly one of `head`, `field` and a bare path into a JSON body."""

    head: str = ""
    """A place in the head, as `gateway.destinations.locate` reads it; empty for one in the body."""
    field: str = ""
    """Name of a form field; empty for none."""
    steps: tuple[Step, ...] = ()
    """Path into the JSON that stands there; empty for the value itself."""
    is_secret: bool = False
    """Whether a digest stands for the value in records."""

    @property
    def in_body(self) -> bool:
        """Whether the body has to be read for it."""
        return not self.head


def parse_place(text: str) -> Place:
    """The place written so; raises ValueError that says what is allowed.

    >>> parse_place("header:dropbox-api-arg>json:cursor.session_id")
    Place(head='header:dropbox-api-arg', field='', steps=('cursor', 'session_id'), is_secret=False)
    >>> parse_place("json:files[].id").steps
    ('files', None, 'id')
    """
    found = _PLACE.fullmatch(text)
    if not found:
        raise ValueError(f"not a place; allowed: {ALLOWED}")
    written = found["own"] or found["inner"] or ""
    steps = tuple(_step(match) for match in _STEP.finditer(written))
    if len(steps) > MAX_STEPS:
        raise ValueError(f"not a place: its path has {len(steps)} steps; allowed: {MAX_STEPS}")
    return Place(found["head"] or "", found["field"] or "", steps, is_secret=found["digest"] is not None)


def walk(value: object, steps: tuple[Step, ...]) -> Iterator[str]:
    """The texts and numbers at the path in a JSON value, in order, at most MAX_FOUND; true and false are none.

    >>> list(walk({"files": [{"id": "F1"}, {"id": 2}]}, ("files", None, "id")))
    ['F1', '2']
    """
    found = [value]
    for step in steps:
        found = [inner for one in found for inner in inside(one, step)][:MAX_FOUND]
    for one in found:
        if isinstance(one, str):
            yield one
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield str(one)


def _step(match: re.Match[str]) -> Step:
    if match[2] is not None:
        return match[2]
    return int(match[1]) if match[1] else None


def inside(value: object, step: Step) -> list[object]:
    """What one step of a path leads to; none where it leads nowhere."""
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if not isinstance(value, list):
        return []
    return value if step is None else value[step : step + 1]
