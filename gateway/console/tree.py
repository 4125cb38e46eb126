"""The parts of a transfer as a tree of containers and members, in the order of reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.models import Part

JOINT = "!/"
"""Stands between a container and its member in a part's path."""
MAX_LEVEL = 12
"""Deepest level that is drawn; deeper parts are drawn there. Inspection stops at ten, but a name may hold joints too."""
MAX_PATH_CHARS = 4096
"""Longest path whose containers are looked for."""


@dataclass(frozen=True, slots=True)
class Node:
    """One part at its place."""

    part: Part
    level: int
    """0 for what the request itself holds."""
    label: str
    """Path below the container above; empty when no name was kept."""
    opens: bool
    """Whether a list of members begins with this part."""
    closes: int
    """How many lists of members end after this part."""


def tree(parts: Sequence[Part]) -> list[Node]:
    """Every part once, each container before its members. Never fails, whatever the paths are."""
    parents = _parents(parts)
    members: dict[int | None, list[int]] = {}
    for index, parent in enumerate(parents):
        members.setdefault(parent, []).append(index)
    order: list[tuple[int, int]] = []
    waiting = [(index, 0) for index in reversed(members.get(None, ()))]
    while waiting:
        index, level = waiting.pop()
        order.append((index, level))
        waiting += [(member, min(level + 1, MAX_LEVEL)) for member in reversed(members.get(index, ()))]
    return _nodes(parts, parents, order)


def _nodes(parts: Sequence[Part], parents: Sequence[int | None], order: Sequence[tuple[int, int]]) -> list[Node]:
    nodes = []
    before = -1
    for place, (index, level) in enumerate(order):
        after = order[place + 1][1] if place + 1 < len(order) else -1
        part, parent = parts[index], parents[index]
        label = part.path if parent is None else part.path[len(parts[parent].path) + len(JOINT) :]
        nodes.append(Node(part, level, label or part.name, opens=level > before, closes=max(level - after, 0)))
        before = level
    return nodes


def _parents(parts: Sequence[Part]) -> list[int | None]:
    """For each part the index of the nearest container that is listed."""
    first = {part.path: index for index, part in reversed(list(enumerate(parts))) if part.path}
    latest: dict[str, int] = {}
    parents: list[int | None] = []
    for index, part in enumerate(parts):
        parent = None
        above = part.path[:MAX_PATH_CHARS]
        while parent is None and JOINT in above:
            above = above.rpartition(JOINT)[0]
            # Of two containers with one name, the one that came last holds the member.
            parent = latest.get(above, first.get(above))
        parents.append(parent)
        if part.path:
            latest[part.path] = index
    return parents
