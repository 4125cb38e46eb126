"""What inspection hands to policy and to the record: values are masked before they are put in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

from gateway.parts import COVERAGE_ORDER, NOT_ENCRYPTED, Coverage, Encryption


class Severity(StrEnum):
    """Harm if it leaves."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Action(IntEnum):
    """What a rule asks for; the strictest of all grounds wins."""

    ALLOW = 0
    LOG = 1
    COACH = 2
    HOLD = 3
    BLOCK = 4

    @property
    def word(self) -> str:
        """The name as policies, records and headers spell it.

        >>> Action.HOLD.word
        'hold'
        """
        return self.name.lower()

    @property
    def lets_through(self) -> bool:
        """Whether the bytes may leave; a closed list, so that a new action stops until somebody decides."""
        return self in {Action.ALLOW, Action.LOG, Action.COACH}


@dataclass(frozen=True, slots=True)
class Finding:
    """One signature matched in one part."""

    signature: str
    """Dotted name, e.g. `cn.resident-id`."""
    count: int
    """Distinct values in this part."""
    severity: Severity
    confidence: float
    """0–1: odds that it is real."""
    classes: tuple[str, ...] = ()
    """What it is: `personal`, `contact`, `account`, `secret`, `marking`, `document`, `state-secret`, `company-secret`,
    `internal`; policy selects on these or on the signature's name."""
    persons: int = 0
    """Distinct persons it stands for; 0 when it stands for none."""
    sample: str = ""
    """Masked; empty for state-secret marks, of which nothing is kept."""
    location: str = ""
    """Where in the part, no value in it."""


@dataclass(frozen=True, slots=True)
class PartReport:
    """A part as it is judged and recorded: no bytes, no text, names masked."""

    path: str
    name: str
    size_bytes: int
    sha256: str
    declared_type: str
    media_type: str
    encryption: Encryption = NOT_ENCRYPTED
    findings: tuple[Finding, ...] = ()
    coverage: Coverage = Coverage.INSPECTED
    reason: str = ""
    """Reason word of the `ContentError` (`encrypted`, `malformed` …), empty when all was read."""
    detail: str = ""
    """The error in one sentence, no value in it."""
    depth: int = 0
    is_file: bool = False
    md5: str = ""
    """Hex digest of a file; empty unless the inspection was asked for it."""
    sha1: str = ""
    """As `md5`."""


_COVERAGE_OF = {
    "": Coverage.INSPECTED,
    "timeout": Coverage.TIMEOUT,
    "too-large": Coverage.TOO_LARGE,
    "unknown-protocol": Coverage.UNKNOWN_PROTOCOL,
}
"""Failure → coverage; malformed for every other."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything inspection learned of one payload."""

    parts: tuple[PartReport, ...] = ()
    distinct: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Signature → distinct values over the whole transfer, so that spreading values over parts does not hide them."""
    persons: int = 0
    """Distinct persons over the whole transfer."""
    failure: str = ""
    """Why there is no full inspection (`timeout`, `crash`, `busy`, `too-large`, `malformed: …`); empty when there is.
    Policy treats any non-empty failure as unread."""
    stages: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Stage (`decode`, `wire`, `content`, `detect`) → seconds."""
    path: str = ""
    """The request's path with every match in it masked; what the record shows."""
    rules_overtime: tuple[str, ...] = ()
    """Analysts' rules that ran over their time budget."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Place in the body → the values there, as asked for. Not masked, for they name an upload: never recorded."""
    content_bytes: int = -1
    """Length of the piece of a file that the body carries, or of the whole put together; -1 when neither was asked."""
    known_hash: str = "none"
    """What the index of hashes says of a hash sent in place of bytes: `none` when none is sent, `unknown`, `seen`,
    `protected`."""

    @property
    def coverage(self) -> Coverage:
        """The worst coverage of the parts; a failure that no part shows is malformed, too-large or timeout.

        >>> Inspection().coverage
        <Coverage.INSPECTED: 'inspected'>
        """
        own = _COVERAGE_OF.get(self.failure.partition(":")[0], Coverage.MALFORMED)
        return max((own, *(part.coverage for part in self.parts)), key=COVERAGE_ORDER.index)


@dataclass(frozen=True, slots=True)
class Ground:
    """One rule that applied, and why."""

    rule: str
    action: Action
    """What the rule asks for; `Verdict.action` counts it only when `enforced`."""
    basis: tuple[str, ...]
    because: str
    """Why the condition held, in one sentence, values masked."""
    says: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Language (`zh`, `en`) → the sentence for the sender: what was wrong."""
    guidance: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Language → what to do instead."""
    route: str = ""
    """URL of the sanctioned route; empty when the rule names none."""
    enforced: bool = True
    """False for a rule on monitor: recorded, not acted on."""
    is_size: bool = False
    """True for a size rule; when only those refuse, the status is 413."""
    keep_content: bool = True
    """False when only hash and metadata may be kept (state secret)."""
    by_length: bool = False
    """True when the announced or counted length alone decided, so that nothing was read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Action, all grounds, and the policy that decided."""

    action: Action
    grounds: tuple[Ground, ...] = ()
    policy_digest: str = ""
    exception: str = ""
    """Id of the policy exception that lifted a rule; empty for none."""

    @property
    def enforced(self) -> tuple[Ground, ...]:
        """Grounds that count, strictest first."""
        return tuple(sorted((g for g in self.grounds if g.enforced), key=lambda g: -g.action))
