"""What the page of one incident shows beside the record itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.console.language import Words
from gateway.console.models import Connection, Finding, Incident, Part, Rule, Verdict
from gateway.console.titles import Titles
from gateway.console.tree import Node, tree
from gateway.findings import Action, Severity

_ACTIONS = {action.word: action for action in Action}
_SEVERITIES = {severity.value: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one rule told the sender."""

    rule: str
    says: str
    guidance: str
    other_says: str
    """In the other language."""
    other_guidance: str


@dataclass(frozen=True, slots=True)
class Found:
    """One signature over all parts."""

    signature: str
    count: int
    severity: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    """The incident, ready to print."""

    summary: str
    """Key of the headline."""
    connection: Connection | None
    """Of a connection that nobody could read; None for a request or a message."""
    who: str
    where: str
    sentences: tuple[Sentence, ...]
    rules: tuple[Rule, ...]
    """Strictest first, those in force before those on monitor."""
    found: tuple[Found, ...]
    nodes: tuple[Node, ...]
    is_nameless: bool
    """Whether names were not kept, as the policy demands for some contents."""


def incident_view(incident: Incident, *, words: Words, titles: Titles) -> IncidentView:
    """The page of this incident in these words."""
    to = incident.destination
    rules = tuple(sorted(incident.verdict.rules, key=_strictest_first))
    connection = _connection(incident)
    return IncidentView(
        summary="incident.summary.connection" if connection else _summary(incident.verdict),
        connection=connection,
        who=incident.actor.user or incident.actor.ip or words("incident.unknown-user"),
        where=titles.service(to.service, words.language) if to.service else to.host,
        sentences=tuple(_sentence(rule, words) for rule in rules if _was_told(rule)),
        rules=rules,
        found=_found(incident.parts),
        nodes=tuple(tree(incident.parts)),
        is_nameless=bool(incident.parts) and not any(part.path or part.name for part in incident.parts),
    )


def _connection(incident: Incident) -> Connection | None:
    """What the record says of a connection that nobody could read; most records have none."""
    content = (incident.model_extra or {}).get("connection")
    return Connection.model_validate(content) if isinstance(content, dict) else None


def _summary(verdict: Verdict) -> str:
    return "incident.summary.hold" if verdict.action == Action.HOLD.word else "incident.summary.block"


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, those that would harm most first."""
    return sorted(findings, key=lambda finding: -_SEVERITIES.get(finding.severity, -1))


def _strictest_first(rule: Rule) -> tuple[bool, int]:
    return not rule.enforced, -_ACTIONS.get(rule.action, Action.ALLOW)


def _was_told(rule: Rule) -> bool:
    """Whether the sender was given the rule's sentence: it was in force and did not let through."""
    action = _ACTIONS.get(rule.action, Action.ALLOW)
    return rule.enforced and not action.lets_through and bool(rule.says)


def _sentence(rule: Rule, words: Words) -> Sentence:
    mine, other = words.language, words.other
    says, guidance = rule.says, rule.guidance
    return Sentence(
        rule=rule.id,
        says=says.get(mine) or says.get(other, ""),
        guidance=guidance.get(mine) or guidance.get(other, ""),
        other_says=says.get(other, "") if says.get(mine) else "",
        other_guidance=guidance.get(other, "") if guidance.get(mine) else "",
    )


def _found(parts: Sequence[Part]) -> tuple[Found, ...]:
    totals: dict[str, Found] = {}
    for finding in by_severity([finding for part in parts for finding in part.findings]):
        known = totals.get(finding.signature)
        count = finding.count + (known.count if known else 0)
        totals[finding.signature] = Found(finding.signature, count, known.severity if known else finding.severity)
    return tuple(totals.values())
