"""Policies, transfers and inspections in short, for tests of the policy and of what stands on it."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.findings import Finding, Inspection, PartReport, Severity
from gateway.parts import Coverage, Encryption, Grade
from gateway.policy.load import read_policy
from gateway.policy.model import Policy
from gateway.transfer import Actor, Category, Channel, Destination, Region, Request, Transfer
from gateway.yamlfile import Document

TODAY = date(2026, 12, 1)


def rule(
    name: str = "test.rule", when: dict[str, Any] | None = None, action: str = "block", **more: Any
) -> dict[str, Any]:
    """A rule as YAML gives it; it holds for every upload unless `when` says otherwise."""
    return {
        "id": name,
        "when": when or {"body": True},
        "action": action,
        "basis": ["S001-3.3(3)"],
        "says": {"zh": "不能发送。", "en": "It may not be sent."},
        "guidance": {"zh": "请联系。", "en": "Please ask."},
        "owner": "it",
        "since": date(2026, 1, 1),
        **more,
    }


def policy(*rules: dict[str, Any], **sections: Any) -> Policy:
    """A policy with these rules and sections."""
    return read_policy(Document("policy.yaml", {"version": 1, "rules": list(rules), **sections}))


def transfer(
    *,
    category: Category = Category.OTHER,
    region: Region = Region.DOMESTIC,
    host: str = "upload.example",
    channel: Channel = Channel.HTTP1,
    body_bytes: int = 1,
    content_type: str = "",
    content_encoding: str = "",
    actor: Actor | None = None,
    **destination: Any,
) -> Transfer:
    """A transfer from nobody to a plain host."""
    headers = {"content-type": content_type, "content-encoding": content_encoding}
    return Transfer(
        id="0190163d-8694-739b-aea5-966c26f8ad91",
        at="2026-12-01T00:00:00.000Z",
        actor=actor or Actor(),
        destination=Destination(host, category=category, region=region, **destination),
        channel=channel,
        request=Request(headers={name: value for name, value in headers.items() if value}, bytes=body_bytes),
    )


def finding(
    signature: str, count: int = 1, *classes: str, confidence: float = 0.95, severity: Severity = Severity.HIGH
) -> Finding:
    """A finding with a sample that no output may repeat."""
    return Finding(signature, count, severity, confidence, classes, sample="SAMPLE-4711", location="page 1")


def part(
    *findings: Finding,
    size_bytes: int = 10,
    media_type: str = "text/plain",
    grade: Grade = Grade.NONE,
    scheme: str = "",
    coverage: Coverage = Coverage.INSPECTED,
    reason: str = "",
    detail: str = "",
    depth: int = 0,
    is_file: bool = True,
) -> PartReport:
    """A part with a name that no output may repeat."""
    return PartReport(
        path="NAME-4711",
        name="NAME-4711",
        size_bytes=size_bytes,
        sha256="",
        declared_type="",
        media_type=media_type,
        encryption=Encryption(scheme, grade),
        findings=findings,
        coverage=coverage,
        reason=reason,
        detail=detail,
        depth=depth,
        is_file=is_file,
    )


def inspection(*parts: PartReport, **more: Any) -> Inspection:
    """An inspection of these parts, every value distinct unless `distinct` says otherwise."""
    return Inspection(parts=parts, **more)
