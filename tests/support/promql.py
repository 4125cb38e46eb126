"""Names and labels that PromQL and documents mention, held against the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics.catalogue import CATALOGUE

NAME = re.compile(r"\bsluice_[a-z0-9_]+")
SELECTOR = re.compile(r"\b(sluice_[a-z0-9_]+)\{([^{}]*)\}")
LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\b(?:by|on|group_left|group_right|without|ignoring)\s*\(([^()]*)\)")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
OF_THE_SCRAPE = {"instance", "job"}


def series() -> dict[str, frozenset[str]]:
    """Name of every series the gateway exposes → its labels."""
    found = {}
    for metric in CATALOGUE:
        (family,) = metric.describe()
        for suffix in SUFFIXES[family.type]:
            own = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = frozenset({*metric._labelnames, *own})
    return found


SERIES = series()


def strangers(text: str) -> set[str]:
    """Names that start like ours and are no series; a histogram may also be meant as a whole."""
    whole = {name.removesuffix("_bucket") for name in SERIES if name.endswith("_bucket")}
    return {name for name in NAME.findall(text) if name not in SERIES and name not in whole}


def wrong_labels(expression: str) -> Iterator[str]:
    """Labels in selectors and groupings that no series of the expression has."""
    for name, inside in SELECTOR.findall(expression):
        for label in LABEL.findall(inside):
            if label not in SERIES.get(name, frozenset()) | OF_THE_SCRAPE:
                yield f"{name}{{{label}}}"
    known = OF_THE_SCRAPE.union(*(SERIES.get(name, frozenset()) for name in NAME.findall(expression)))
    for inside in GROUPED.findall(expression):
        yield from (label for label in (word.strip() for word in inside.split(",")) if label and label not in known)
