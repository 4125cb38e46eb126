"""Hosts that nobody has listed and that uploads went to, as the records tell it: what an analyst has to classify."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from gateway.records.chain import rfc3339
from gateway.records.schema import TRANSFERS
from gateway.records.store import Store

MAX_LOOKED_AT = 20_000
"""Newest records looked at: bounds the time, whatever the store holds."""
MAX_HOSTS = 1000
"""Most hosts told of, those that most uploads went to."""
UNLISTED = ("", "generic")
"""Services of the catalogue that speak for hosts without an entry."""

_KINDS = frozenset({"file", "part"})
_PREFIX = "upload_"
"""Before the shape, in the id of an endpoint of `generic`."""
_TEXTS = ("text/", "application/json", "application/xml", "application/x-www-form-urlencoded")


@dataclass(slots=True)
class UnknownHost:
    """One host and the uploads that went to it, refused ones too."""

    host: str
    transfers: int = 0
    bytes: int = 0
    last_at: str = ""
    """RFC 3339, UTC."""
    shapes: dict[str, int] = field(default_factory=dict)
    """Shape of `gateway.destinations.shape`, a protocol's endpoint, or `json-file` → transfers."""


def unknown_hosts(store: Store, since: datetime) -> list[UnknownHost]:
    """Hosts with uploads since then (aware, inclusive), most transfers first; raises RecordError."""
    columns = (TRANSFERS.c.host, TRANSFERS.c.at, TRANSFERS.c.bytes, TRANSFERS.c.record)
    query = select(*columns).where(TRANSFERS.c.service.in_(UNLISTED), TRANSFERS.c.at >= rfc3339(since.astimezone(UTC)))
    with store.transaction() as connection:
        rows = connection.execute(query.order_by(TRANSFERS.c.id.desc()).limit(MAX_LOOKED_AT))
        return gather((row.host, row.at, row.bytes, row.record) for row in rows)


def gather(rows: Iterable[tuple[str, str, int, str]]) -> list[UnknownHost]:
    """The hosts of rows of host, time, bytes and record, most transfers first; never raises for a record."""
    hosts: dict[str, UnknownHost] = {}
    for host, at, size_bytes, record in rows:
        shape = recorded_shape(record)
        if not shape:
            continue
        found = hosts.setdefault(host, UnknownHost(host))
        found.transfers += 1
        found.bytes += size_bytes
        found.last_at = max(found.last_at, at)
        found.shapes[shape] = found.shapes.get(shape, 0) + 1
    return sorted(hosts.values(), key=lambda one: (-one.transfers, one.host))[:MAX_HOSTS]


def recorded_shape(record: str) -> str:
    """What made the recorded transfer an upload; empty when nothing did.

    >>> recorded_shape('{"destination": {"kind": "file", "endpoint": "upload_put"}}'), recorded_shape("{}")
    ('put', '')
    """
    try:
        body = json.loads(record)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    destination = _mapping(body, "destination")
    if destination.get("kind") in _KINDS:
        return str(destination.get("endpoint", "")).removeprefix(_PREFIX)
    return "json-file" if destination.get("endpoint", "") == "" and _has_file_inside(body) else ""


def _has_file_inside(body: Mapping[str, Any]) -> bool:
    """Whether a call carried a file in one of its values: a part that is no text, in a body that is said to be one."""
    said = _mapping(body, "request").get("content_type")
    if not isinstance(said, str) or not said.startswith(_TEXTS):
        return False
    parts = body.get("parts")
    types = [part.get("media_type") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return any(isinstance(one, str) and one and not one.startswith(_TEXTS) for one in types)


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}
