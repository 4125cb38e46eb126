"""A recorded transfer decided again under a draft: what would have been different, and what nobody can tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from gateway.findings import Action, Ground, Inspection, Verdict
from gateway.policy.builtin import BUILTIN
from gateway.policy.decide import decide, refuse_size
from gateway.policy.failclosed import BUILT_IN
from gateway.policy.model import Policy
from gateway.transfer import Transfer

type Change = Literal["would-block", "would-release", "unchanged", "unknown"]
"""`would-block`: it left and the draft would stop it (block or hold); `would-release`: the other way round."""
type Gap = Literal["old-record", "parts-omitted", "messages", "by-length", "connection", "unreadable"]
"""Why a record cannot be decided again, or not exactly; the sentences are in `GAPS`."""

GAPS: dict[str, str] = {
    "old-record": "records from before these facts were kept: decided by what they hold, which may differ",
    "parts-omitted": "records of very many parts, of which clean ones were left out: rules on such parts may differ",
    "messages": "records that count short messages together: decided once, without their parts",
    "by-length": "refused by their length before anything was read, and the draft would read them: unknown",
    "connection": "connections that nobody can read: not decided by rules over content, left out",
    "unreadable": "records that cannot be read: left out",
}
"""Gap → what it means for the answer, as people read it."""
MAX_PERSONS = 10_000
"""Most senders counted by name; the rest is counted together, so that memory stays bounded."""
OTHERS = "(others)"
_OWN = frozenset(refusal.rule for refusal in BUILTIN.values()) - set(BUILT_IN)
"""Refusals that no policy decides, so that none can change them."""


@dataclass(frozen=True, slots=True)
class PastGround:
    """A ground as it was recorded."""

    rule: str
    action: Action
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class Past:
    """One recorded transfer: what was known, and what was decided."""

    transfer: Transfer
    inspection: Inspection
    day: date
    """Calendar day of the transfer; exceptions are judged by it."""
    action: Action
    grounds: tuple[PastGround, ...] = ()
    by_length: bool = False
    """Whether its length alone refused it, so that nothing of it was read."""
    gaps: frozenset[Gap] = frozenset()

    @property
    def stopping(self) -> tuple[str, ...]:
        """Ids of the rules that stopped it, sorted; empty when it left."""
        return tuple(sorted({g.rule for g in self.grounds if g.enforced and not g.action.lets_through}))


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a draft would have made of it."""

    change: Change
    verdict: Verdict | None = None
    """None where the draft was not asked, or its word is not to be had."""
    gap: Gap | None = None


def rehearse(past: Past, draft: Policy) -> Rehearsed:
    """The same `decide` over the recorded facts; pure, never raises."""
    if "connection" in past.gaps:
        return Rehearsed("unknown", gap="connection")
    if any(ground.rule in _OWN for ground in past.grounds if ground.enforced):
        return Rehearsed("unchanged")
    if past.by_length and not past.action.lets_through:
        return _by_length(past, draft)
    verdict = decide(past.transfer, past.inspection, draft, today=past.day)
    if past.action.lets_through == verdict.action.lets_through:
        return Rehearsed("unchanged", verdict)
    return Rehearsed("would-block" if past.action.lets_through else "would-release", verdict)


def _by_length(past: Past, draft: Policy) -> Rehearsed:
    """Nothing was read: the draft's word counts when sender, destination or length are enough for it to refuse."""
    head = decide(past.transfer, replace(past.inspection, failure=""), draft, today=past.day)
    if not head.action.lets_through:
        return Rehearsed("unchanged", head)
    size_bytes = past.transfer.request.bytes
    early = refuse_size(past.transfer, size_bytes, draft, today=past.day, whole_body=True)
    return Rehearsed("unchanged", early) if early else Rehearsed("unknown", gap="by-length")


@dataclass(slots=True)
class Summary:
    """Counts and samples over many records; bounded, however many come."""

    max_samples: int = 10
    """Most samples of each kind of change, the first that come."""
    total: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(Action before, action after) → how many, where they differ."""
    rules: dict[str, Counter[str]] = field(default_factory=dict)
    """Change → rule → how many it would stop, or had stopped."""
    persons: dict[str, Counter[str]] = field(default_factory=dict)
    """Change → sender → how many."""
    gaps: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, past: Past, draft: Policy) -> Change:
        """Decide one record again and count it."""
        done = rehearse(past, draft)
        self.total += 1
        self.changes[done.change] += 1
        self.gaps.update(past.gaps | ({done.gap} if done.gap else set()))
        if done.verdict is not None and done.verdict.action is not past.action:
            self.actions[past.action.word, done.verdict.action.word] += 1
        if done.verdict is not None and done.change in {"would-block", "would-release"}:
            self._count(past, done.change, done.verdict)
        return done.change

    def skip(self, gap: Gap) -> None:
        """Count a record that could not even be read."""
        self.total += 1
        self.changes["unknown"] += 1
        self.gaps[gap] += 1

    def _count(self, past: Past, change: Change, verdict: Verdict) -> None:
        stopping = past.stopping if change == "would-release" else _stopping(verdict)
        self.rules.setdefault(change, Counter()).update(stopping)
        persons = self.persons.setdefault(change, Counter())
        who = past.transfer.actor.user or "(unknown)"
        persons[who if who in persons or len(persons) < MAX_PERSONS else OTHERS] += 1
        samples = self.samples.setdefault(change, [])
        if len(samples) < self.max_samples:
            samples.append(_sample(past, verdict))


def _stopping(verdict: Verdict) -> tuple[str, ...]:
    return tuple(sorted({g.rule for g in verdict.enforced if not g.action.lets_through}))


def _sample(past: Past, verdict: Verdict) -> dict[str, Any]:
    """One changed transfer, without a value of its content."""
    transfer = past.transfer
    before = [{"id": g.rule, "action": g.action.word, "enforced": g.enforced} for g in past.grounds]
    return {
        "id": transfer.id,
        "at": transfer.at,
        "user": transfer.actor.user,
        "ip": transfer.actor.ip,
        "host": transfer.destination.host,
        "service": transfer.destination.service,
        "before": {"action": past.action.word, "rules": before},
        "after": {"action": verdict.action.word, "rules": [_told(g) for g in verdict.grounds]},
        "approximate": bool(past.gaps),
    }


def _told(ground: Ground) -> dict[str, Any]:
    return {
        "id": ground.rule,
        "action": ground.action.word,
        "enforced": ground.enforced,
        "because": ground.because,
    }
