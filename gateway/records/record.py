"""The record of one transfer, as the journal, the store, `events.jsonl` and the API give it."""

from __future__ import annotations

import re
from typing import Any

from gateway.findings import Finding, Ground, Inspection, PartReport, Verdict
from gateway.parts import Coverage
from gateway.policy.failclosed import failure_word
from gateway.policy.schema import LIMIT_NAMES
from gateway.transfer import Actor, Destination, Request, Transfer

MAX_RECORD_PARTS = 1000
"""Most parts listed; 10,000 empty members in a small zip must not become a record of megabytes. Those with findings
or without full coverage come first, and `parts_omitted` tells how many are left out."""
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "MKCOL", "PROPFIND", "WS"}
)
"""Methods recorded by name; a client may invent one that carries a value. `WS` is a message of a WebSocket."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_LONG_LABEL = re.compile(r"[0-9]{13,}x?", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"[0-9]{6}")


def build_record(
    transfer: Transfer,
    inspection: Inspection,
    verdict: Verdict,
    *,
    node: str,
    duration_ms: float,
    known_path: str = "",
) -> dict[str, Any]:
    """The body of a `verdict` record: everything known when the verdict was made; plain dicts, lists, text, numbers.

    `known_path` is the part of the request's path that the catalogue itself spells, shown when inspection left no
    masked path. When an enforced rule forbids to keep content, of the parts only hashes, sizes and types stay.
    """
    keep = all(ground.keep_content for ground in verdict.enforced)
    parts = _worst_first(inspection.parts)
    record: dict[str, Any] = {
        "id": transfer.id,
        "at": transfer.at,
        "node": node,
        "policy_digest": verdict.policy_digest,
        "duration_ms": round(duration_ms, 3),
        "actor": _actor(transfer.actor),
        "destination": _destination(transfer.destination),
        "channel": transfer.channel.value,
        "request": _request(transfer.request, inspection.path if keep else "", known_path),
        "parts": [_part(part, keep=keep) for part in parts[:MAX_RECORD_PARTS]],
        "coverage": inspection.coverage.value,
        "inspection": _inspection(inspection),
        "verdict": {
            "action": verdict.action.word,
            "rules": [_rule(ground) for ground in verdict.grounds],
            "exception": verdict.exception,
        },
    }
    if len(parts) > MAX_RECORD_PARTS:
        record["parts_omitted"] = len(parts) - MAX_RECORD_PARTS
    return record


def outcome_record(transfer_id: str, outcome: str, at: str) -> dict[str, str]:
    """The body of an `outcome` record; `outcome` is `forwarded (<status>)`, `refused (<status>)` or `aborted`.

    >>> outcome_record("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "refused (403)", "2026-03-01T08:05:00.000Z")["outcome"]
    'refused (403)'
    """
    return {"id": transfer_id, "outcome": outcome, "at": at}


def shown_host(host: str) -> str:
    """The name without numbers long enough for an identity or a card; their last four characters stay.

    >>> shown_host("11010519491231002x.example.com"), shown_host("123456789012.dkr.ecr.example.com")
    ('**************002x.example.com', '123456789012.dkr.ecr.example.com')
    """
    return _LONG_LABEL.sub(lambda found: "*" * (len(found[0]) - 4) + found[0][-4:], host)


def _worst_first(parts: tuple[PartReport, ...]) -> list[PartReport]:
    if len(parts) <= MAX_RECORD_PARTS:
        return list(parts)
    return sorted(parts, key=lambda part: not part.findings and part.coverage is Coverage.INSPECTED)


def _actor(actor: Actor) -> dict[str, Any]:
    return {
        "user": actor.user,
        "groups": list(actor.groups),
        "role": actor.role,
        "department": actor.department,
        "ip": actor.ip,
        "authenticated_by": actor.authenticated_by,
    }


def _destination(destination: Destination) -> dict[str, Any]:
    return {
        "host": shown_host(destination.host),
        "port": destination.port,
        "ip": destination.ip,
        "country": destination.country,
        "region": destination.region.value,
        "service": destination.service,
        "endpoint": destination.endpoint,
        "kind": destination.kind,
        "category": destination.category.value,
        "tenant": destination.tenant,
        "account": destination.account,
        "conversation": destination.conversation,
        "audience": destination.audience.value,
        "reader": destination.reader,
    }


def _request(request: Request, masked_path: str, known_path: str) -> dict[str, Any]:
    shown = masked_path
    if not shown:
        shown = "/" if request.path == "/" else f"{known_path.rstrip('/')}/…"
    return {
        "method": request.method if request.method in METHODS else "OTHER",
        "path": shown,
        "content_type": _media_type(request.content_type),
        "bytes": request.bytes,
    }


def _media_type(declared: str) -> str:
    """The type without parameters; empty when it is no type or could hide a number in its name."""
    bare = declared.partition(";")[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) and not _LONG_NUMBER.search(bare) else ""


def _inspection(inspection: Inspection) -> dict[str, Any]:
    """What belongs to no part, so that a draft of a policy can decide again; words of closed sets and numbers only."""
    return {
        "persons": inspection.persons,
        "distinct": dict(inspection.distinct),
        "failure": failure_word(inspection.failure) if inspection.failure else "",
        "rules_overtime": len(inspection.rules_overtime),
        "known_hash": inspection.known_hash,
    }


def _part(part: PartReport, *, keep: bool) -> dict[str, Any]:
    limit = part.detail.partition(":")[0]
    return {
        "path": part.path if keep else "",
        "name": part.name if keep else "",
        "size_bytes": part.size_bytes,
        "sha256": part.sha256,
        "declared_type": _media_type(part.declared_type),
        "media_type": part.media_type,
        "encryption": {
            "scheme": part.encryption.scheme,
            "grade": part.encryption.grade.value,
            "names_visible": part.encryption.names_visible,
        },
        "findings": [_finding(finding, keep=keep) for finding in part.findings],
        "coverage": part.coverage.value,
        "is_file": part.is_file,
        "depth": part.depth,
        "reason": part.reason,
        # Of the error's own sentence only the bound that was passed.
        "limit": limit if limit in LIMIT_NAMES else "",
    }


def _finding(finding: Finding, *, keep: bool) -> dict[str, Any]:
    return {
        "signature": finding.signature,
        "count": finding.count,
        "severity": finding.severity.value,
        "confidence": finding.confidence,
        "classes": list(finding.classes),
        "persons": finding.persons,
        "sample": finding.sample if keep else "",
        "location": finding.location if keep else "",
    }


def _rule(ground: Ground) -> dict[str, Any]:
    told = {
        "id": ground.rule,
        "action": ground.action.word,
        "basis": list(ground.basis),
        "because": ground.because,
        "enforced": ground.enforced,
        "says": dict(ground.says),
        "guidance": dict(ground.guidance),
    }
    return told | {"by_length": True} if ground.by_length else told
