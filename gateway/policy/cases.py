"""The cases beside the rules: an upload in short, decided by the policy it stands in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.findings import Finding, Inspection, PartReport, Verdict
from gateway.parts import Coverage, Encryption, Grade
from gateway.policy.decide import decide
from gateway.policy.model import Policy
from gateway.policy.schema import UNIT_BYTES, SizeUnit
from gateway.policy.schema_file import CaseEntry, CasePart
from gateway.transfer import Actor, Destination, Request, Transfer

CASE_DAY = date(2026, 12, 1)
"""The day on which a case without `today` is decided; fixed, so that a case that passes goes on passing."""
_COVERAGE_OF = {
    "": Coverage.INSPECTED,
    "too-large": Coverage.TOO_LARGE,
    "malformed": Coverage.MALFORMED,
    "unreadable": Coverage.MALFORMED,
    "encrypted": Coverage.ENCRYPTED,
    "unsupported": Coverage.PARTIAL,
    "detector-failed": Coverage.PARTIAL,
}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case."""

    name: str
    expected: tuple[str, tuple[str, ...]]
    """Action and rule ids, sorted."""
    got: tuple[str, tuple[str, ...]]

    @property
    def passed(self) -> bool:
        """Whether action and grounds are exactly the expected ones."""
        return self.expected == self.got

    def __str__(self) -> str:
        """One line for a person."""
        if self.passed:
            return f"ok: {self.name}"
        return f"FAILED: {self.name}: expected {_line(self.expected)}, got {_line(self.got)}"


def run_policy_cases(policy: Policy) -> list[CaseResult]:
    """Every case of the policy, in the order of the file."""
    return [_result(case, decide_case(case, policy)) for case in policy.cases]


def decide_case(case: CaseEntry, policy: Policy) -> Verdict:
    """The verdict on the upload that the case describes."""
    return decide(transfer_of(case), inspection_of(case, policy.size_unit), policy, today=case.today or CASE_DAY)


def transfer_of(case: CaseEntry) -> Transfer:
    """The transfer that the case describes; host and path are made up."""
    to, by = case.to, case.by
    return Transfer(
        id="00000000-0000-7000-8000-000000000000",
        at="2026-12-01T00:00:00.000Z",
        actor=Actor(by.user, by.group, by.role, by.department),
        destination=Destination(
            host=to.host,
            region=to.region,
            service=to.service,
            category=to.category,
            tenant=to.tenant,
            account=to.account,
            kind=to.kind,
            reader=to.reader,
            audience=to.audience,
        ),
        channel=case.channel,
        request=Request(bytes=1 if case.body else 0),
    )


def inspection_of(case: CaseEntry, unit: SizeUnit) -> Inspection:
    """The inspection that the case describes; values are taken to differ from part to part."""
    distinct: dict[str, int] = {}
    for part in case.parts:
        for name, found in part.found.items():
            distinct[name] = distinct.get(name, 0) + found.count
    return Inspection(
        parts=tuple(_report(part, unit) for part in case.parts),
        distinct=distinct,
        persons=sum(found.persons for part in case.parts for found in part.found.values()),
        failure=case.failure,
        known_hash=case.known_hash,
    )


def _report(part: CasePart, unit: SizeUnit) -> PartReport:
    size_bytes = round(part.mb * UNIT_BYTES[unit]) if part.mb is not None else part.bytes or 0
    is_locked = part.encryption is not Grade.NONE and part.coverage in {None, Coverage.ENCRYPTED}
    reason = part.reason or ("encrypted" if is_locked else "")
    return PartReport(
        path="case",
        name="case",
        size_bytes=size_bytes,
        sha256="",
        declared_type="",
        media_type=part.media_type,
        encryption=Encryption("" if part.encryption is Grade.NONE else "case", part.encryption),
        findings=tuple(
            Finding(name, found.count, found.severity, found.confidence, found.finding_class, found.persons)
            for name, found in part.found.items()
        ),
        coverage=part.coverage or _COVERAGE_OF[reason],
        reason=reason,
        detail=f"{part.limit}:" if part.limit else "",
        depth=part.depth,
        is_file=part.file,
    )


def _result(case: CaseEntry, verdict: Verdict) -> CaseResult:
    got = tuple(sorted(ground.rule for ground in verdict.grounds))
    return CaseResult(case.name, (case.action, tuple(sorted(case.rules))), (verdict.action.word, got))


def _line(outcome: tuple[str, tuple[str, ...]]) -> str:
    action, rules = outcome
    return f"{action} by {', '.join(rules) or 'no rule'}"
