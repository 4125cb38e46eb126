"""Which matches speak of the same person: those that stand together in one row."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.detect.match import Match

KINDS = ("id", "tel", "mail", "name")
"""Kinds of person tokens, the surest first; a token is `kind:value`."""
ROW_CHARS = 200
"""Furthest that two neighbouring values of one person stand apart on a line."""


def rows(text: str, matches: Iterable[Match]) -> list[list[str]]:
    r"""Person tokens of matches in one text, grouped by row: same line, and not far apart.

    >>> rows("1 2\n3", [Match("x", 0, 1, "1", 1, "id:1"), Match("y", 2, 3, "2", 1, "tel:2")])
    [['id:1', 'tel:2']]
    >>> rows("1 2\n3", [Match("x", 0, 1, "1", 1, "id:1"), Match("y", 4, 5, "3", 1, "tel:3")])
    [['id:1'], ['tel:3']]
    """
    out: list[list[str]] = []
    at = -1
    for match in sorted((match for match in matches if match.person), key=lambda match: match.start):
        if not out or match.start - at > ROW_CHARS or "\n" in text[at : match.start]:
            out.append([])
        out[-1].append(match.person)
        at = max(at, match.end)
    return out
