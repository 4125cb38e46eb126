"""A record → the facts that were decided by; what a record does not hold is named, never guessed in silence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.findings import Action, Finding, Inspection, PartReport, Severity
from gateway.parts import Coverage, Encryption, Grade
from gateway.policy.failclosed import NOT_INSPECTED
from gateway.policy.rehearse import Gap, Past, PastGround
from gateway.transfer import Actor, Audience, Category, Channel, Destination, Region, Request, Transfer

CALENDAR = ZoneInfo("Asia/Shanghai")
"""Exceptions end with the day in this zone, as they did when the transfer was decided."""
_REASON_OF = {
    Coverage.PARTIAL: "unsupported",
    Coverage.ENCRYPTED: "encrypted",
    Coverage.TOO_LARGE: "too-large",
    Coverage.MALFORMED: "malformed",
}
"""Coverage of a part in an old record → the reason that it most likely had."""


def restore(record: dict[str, Any]) -> Past | None:
    """The facts behind a record; None for one that is not what a record promises. Never raises."""
    try:
        return _restore(record)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _restore(record: dict[str, Any]) -> Past:
    verdict = record["verdict"]
    rules = verdict["rules"]
    grounds = tuple(PastGround(r["id"], _action(r["action"]), r.get("enforced", True) is not False) for r in rules)
    return Past(
        transfer=_transfer(record),
        inspection=_inspection(record, grounds),
        day=_day(record["at"]),
        action=_action(verdict["action"]),
        grounds=grounds,
        by_length=any(rule.get("by_length") is True for rule in rules),
        gaps=_gaps(record),
    )


def _gaps(record: dict[str, Any]) -> frozenset[Gap]:
    gaps: set[Gap] = set()
    if isinstance(record.get("connection"), dict):
        return frozenset[Gap](("connection",))
    if "inspection" not in record:
        gaps.add("old-record")
    if record.get("parts_omitted"):
        gaps.add("parts-omitted")
    if "messages" in record:
        gaps.add("messages")
    return frozenset(gaps)


def _action(word: str) -> Action:
    return Action[word.upper()]


def _day(at: str) -> date:
    moment = datetime.fromisoformat(at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(CALENDAR).date()


def _transfer(record: dict[str, Any]) -> Transfer:
    actor, to, request = record["actor"], record["destination"], record["request"]
    return Transfer(
        id=str(record["id"]),
        at=str(record["at"]),
        actor=Actor(
            user=_text(actor.get("user")),
            groups=tuple(_text(group) for group in actor.get("groups", ())),
            role=_text(actor.get("role")),
            department=_text(actor.get("department")),
            ip=_text(actor.get("ip")),
        ),
        destination=Destination(
            host=_text(to["host"]),
            port=int(to.get("port", 443)),
            region=Region(to["region"]),
            service=_text(to.get("service")),
            endpoint=_text(to.get("endpoint")),
            category=Category(to["category"]),
            tenant=_text(to.get("tenant")),
            account=_text(to.get("account")),
            audience=Audience(to.get("audience", "unknown")),
            kind=_text(to.get("kind")),
            reader=_text(to.get("reader", "none")),
        ),
        channel=Channel(record.get("channel", "http/1.1")),
        request=Request(
            method=_text(request.get("method")),
            headers={"content-type": _text(request.get("content_type"))},
            bytes=int(request["bytes"]),
        ),
    )


def _inspection(record: dict[str, Any], grounds: tuple[PastGround, ...]) -> Inspection:
    parts = tuple(_part(part) for part in record["parts"])
    told = record.get("inspection")
    if told is None:
        failed = any(ground.rule == NOT_INSPECTED for ground in grounds)
        persons = sum(finding.persons for part in parts for finding in part.findings)
        return Inspection(parts, persons=persons, failure="other" if failed else "")
    return Inspection(
        parts=parts,
        distinct={str(name): int(amount) for name, amount in told["distinct"].items()},
        persons=int(told["persons"]),
        failure=_text(told["failure"]),
        rules_overtime=("",) if told["rules_overtime"] else (),
        known_hash=_text(told["known_hash"]),
    )


def _part(part: dict[str, Any]) -> PartReport:
    coverage, encryption = Coverage(part["coverage"]), part["encryption"]
    path = _text(part.get("path"))
    depth = int(part["depth"]) if "depth" in part else path.count("!/")
    limit = _text(part.get("limit"))
    return PartReport(
        path=path,
        name=_text(part.get("name")),
        size_bytes=int(part["size_bytes"]),
        sha256="",
        declared_type="",
        media_type=_text(part["media_type"]),
        encryption=Encryption(_text(encryption["scheme"]), Grade(encryption["grade"])),
        findings=tuple(_finding(finding) for finding in part["findings"]),
        coverage=coverage,
        reason=_text(part["reason"]) if "reason" in part else _REASON_OF.get(coverage, ""),
        detail=f"{limit}:" if limit else "",
        depth=depth,
        is_file=part["is_file"] is True if "is_file" in part else depth == 0,
    )


def _finding(finding: dict[str, Any]) -> Finding:
    return Finding(
        signature=_text(finding["signature"]),
        count=int(finding["count"]),
        severity=Severity(finding["severity"]),
        confidence=float(finding["confidence"]),
        classes=tuple(_text(name) for name in finding["classes"]),
        persons=int(finding.get("persons", 0)),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
