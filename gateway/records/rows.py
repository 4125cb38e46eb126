"""Journal lines → rows of the store: pure, and no line can make it fail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.records.chain import Anchor, Line, rfc3339

MAX_COLUMN_CHARS = 4096
"""Longest text of a column that is only searched; the record itself is kept whole."""
MAX_LIST_CHARS = 64 * 1024
"""Longest joined list; a thousand file names may be cut there, rules and signatures never reach it."""
MAX_INTEGER = (1 << 63) - 1
"""Largest value of a BIGINT."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one journal file that follow each other, to be indexed in one transaction."""

    run: str
    """Names the process that wrote them."""
    lines: Sequence[Line]
    anchor: Anchor
    """The last good line of the file so far."""
    position: int
    """Bytes read so far, bad lines counted."""
    done: bool = False
    """Whether the file is complete."""
    told: bool = False
    """Whether the events of these transfers were written before, as they were when an index is made again."""


@dataclass(slots=True)
class Rows:
    """What a batch puts into the store."""

    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Id → row of `transfers`."""
    incidents: list[dict[str, Any]] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    """Id → outcome."""
    skipped: int = 0
    """Lines whose body is not what their kind promises."""


def to_rows(lines: Iterable[Line], journal: str = "") -> Rows:
    """The rows of the lines, which stand in the file of that name; never raises."""
    rows = Rows()
    for line in lines:
        if line.kind not in {"verdict", "outcome"}:
            continue
        body = _load(line.body)
        identity = clean(body.get("id"))
        if not identity:
            rows.skipped += 1
        elif line.kind == "outcome":
            rows.outcomes[identity] = clean(body.get("outcome"))
        else:
            row = _transfer(identity, body, line) | {"journal": clean(journal), "seq": line.seq}
            rows.transfers[identity] = row
            if row["action"] in {"hold", "block"}:
                rows.incidents.append({"id": identity, "state": "open", "note": "", "closed_by": "", "at": row["at"]})
    return rows


def clean(value: object, max_chars: int = MAX_COLUMN_CHARS) -> str:
    r"""Text that every database takes: no NUL, no half of a surrogate pair; empty for what is no text.

    >>> clean("a\x00b\ud800c")
    'a�b?c'
    """
    if not isinstance(value, str):
        return ""
    return value[:max_chars].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def join(items: Iterable[object]) -> str:
    r"""A list as one searchable text, each item once between line feeds; empty for none.

    >>> join(["b", "a", "b"])
    '\nb\na\n'
    """
    unique = dict.fromkeys(text.replace("\n", " ") for item in items if (text := clean(item)))
    return "".join(["\n", *(f"{item}\n" for item in unique)])[:MAX_LIST_CHARS] if unique else ""


def split(text: str) -> tuple[str, ...]:
    r"""The items of a joined list.

    >>> split("\nb\na\n")
    ('b', 'a')
    """
    return tuple(item for item in text.split("\n") if item)


def _transfer(identity: str, body: dict[str, Any], line: Line) -> dict[str, Any]:
    actor, destination, request = _at(body, "actor"), _at(body, "destination"), _at(body, "request")
    parts, verdict = _items(body, "parts"), _at(body, "verdict")
    size = request.get("bytes")
    return {
        "id": identity,
        "at": _moment(body.get("at")) or line.at,
        "action": clean(verdict.get("action")),
        "user": clean(actor.get("user")),
        "ip": clean(actor.get("ip")),
        "host": clean(destination.get("host")),
        "service": clean(destination.get("service")),
        "category": clean(destination.get("category")),
        "region": clean(destination.get("region")),
        "country": clean(destination.get("country")),
        "rules": join(rule.get("id") for rule in _items(verdict, "rules")),
        "signatures": join(finding.get("signature") for part in parts for finding in _items(part, "findings")),
        "names": join(part.get("name") for part in parts),
        "coverage": clean(body.get("coverage")),
        "bytes": min(max(size, 0), MAX_INTEGER) if isinstance(size, int) else 0,
        "outcome": "",
        "record": line.body.decode("utf-8", "replace"),
    }


def _load(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _at(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}


def _items(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = body.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _moment(value: object) -> str:
    try:
        moment = datetime.fromisoformat(clean(value))
        return rfc3339(moment.astimezone(UTC)) if moment.tzinfo else ""
    except (ValueError, OverflowError):
        return ""
