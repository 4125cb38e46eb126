"""A policy in force: frozen rules, exceptions and authorised destinations, made by `gateway.policy.load` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from gateway.findings import Action
from gateway.policy.facts import Authorised, Facts, Test
from gateway.policy.schema import FindingsTest, Mode, SizeUnit
from gateway.policy.schema_file import CaseEntry
from gateway.policy.vocabulary import HoldMode

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No words in any language, shared."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a condition, and what it asks for."""

    id: str
    action: Action
    basis: tuple[str, ...]
    owner: str
    since: date
    says: Mapping[str, str]
    """Language → sentence for the sender, with `{found}` and `{limit}` to be filled in."""
    test: Test = field(repr=False, compare=False)
    guidance: Mapping[str, str] = NOTHING
    route: str = ""
    """URL; empty when there is none."""
    mode: Mode = "enforce"
    keep_content: bool = True
    is_early: bool = False
    """Whether, sizes aside, the head of the request tells all that the condition asks."""
    limits_bytes: tuple[int, ...] = ()
    """Of a size rule, one that the size of a file, sender and destination decide alone: its limits; else empty."""

    @property
    def is_size(self) -> bool:
        """Whether it is a size rule: refuses with 413, and before inspection when it `is_early`."""
        return bool(self.limits_bytes)


@dataclass(frozen=True, slots=True)
class PolicyException:
    """A person's word that some rules do not bind somebody until a date."""

    id: str
    rules: frozenset[str]
    ticket: str
    approver: str
    owner: str
    expires: date
    """Last day on which it applies."""
    test: Test = field(repr=False, compare=False)
    up_to_bytes: int | None = None
    """Largest file it lifts a size rule for; None for any size."""
    ports: frozenset[int] = frozenset()
    """Ports it speaks of; empty for any. Only for connections that nobody can read (`gateway.policy.unread`)."""
    protocols: frozenset[str] = frozenset()
    """Protocols it speaks of; empty for any."""

    def lifts(self, rule: Rule, facts: Facts, today: date) -> bool:
        """Whether it lifts the rule for this transfer; never once expired."""
        if rule.id not in self.rules or today > self.expires:
            return False
        if self.up_to_bytes is not None:
            sent = (part.size_bytes for part in facts.parts if part.depth == 0)
            if any(size_bytes > self.up_to_bytes for size_bytes in sent):
                return False
        return self.test(facts) is not None


@dataclass(frozen=True, slots=True)
class AuthorisedDestination:
    """An entry of `authorised` with the dates and names behind it."""

    compiled: Authorised
    owner: str
    ticket: str = ""
    expires: date | None = None
    """Last day on which it applies; None for no end."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decides, under one digest."""

    digest: str
    """SHA-256, hex, of the canonical content: order of rules, comments and cases do not change it."""
    rules: tuple[Rule, ...] = ()
    exceptions: tuple[PolicyException, ...] = ()
    authorised: tuple[AuthorisedDestination, ...] = ()
    uploads: tuple[tuple[Test, HoldMode], ...] = field(default=(), repr=False, compare=False)
    """Destination → how uploads that span requests are held there."""
    asks_hash: bool = False
    """Whether a rule tells one hash from another, so that the index of hashes has to be kept."""
    sensitive: tuple[FindingsTest, ...] = ()
    """What makes a content sensitive, as written."""
    failures: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}))
    """Reason of a failed inspection → hold or block; block for every reason not listed."""
    names: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """Signature → language → what the sentences call it."""
    size_unit: SizeUnit = "MiB"
    cases: tuple[CaseEntry, ...] = ()

    def authorised_on(self, today: date) -> tuple[Authorised, ...]:
        """Entries in force that day."""
        return tuple(e.compiled for e in self.authorised if e.expires is None or today <= e.expires)

    def lifting(self, rule: Rule, facts: Facts, today: date) -> PolicyException | None:
        """The exception with the first id that lifts the rule here, None when the rule stands."""
        lifting = (e for e in self.exceptions if e.lifts(rule, facts, today))
        return min(lifting, key=lambda exception: exception.id, default=None)

    def early_rules(self) -> tuple[Rule, ...]:
        """Rules that may refuse by the length of the body alone."""
        return tuple(r for r in self.rules if r.is_size and r.is_early and not r.action.lets_through)
