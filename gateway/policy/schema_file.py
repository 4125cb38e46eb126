"""The file as a whole, and the cases beside its rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from gateway.detect.signatures import Klass
from gateway.findings import Severity
from gateway.parts import Coverage, Grade
from gateway.policy.schema import (
    ActionWord,
    AuthorisedEntry,
    Bilingual,
    Block,
    Count,
    Day,
    ExceptionEntry,
    Failures,
    FindingsTest,
    Id,
    LimitName,
    ListOf,
    Megabytes,
    Ratio,
    Reason,
    Role,
    RuleEntry,
    Settings,
    SignatureName,
    Text,
    UploadsEntry,
    Url,
)
from gateway.policy.vocabulary import EndpointKind, KnownHash, MessageReader
from gateway.transfer import Audience, Category, Channel, Region

Size = Annotated[StrictInt, Field(ge=0)]


def _counted(value: object) -> object:
    """`cn.mobile: 3` for `cn.mobile: {count: 3}`."""
    return value if isinstance(value, dict) else {"count": value}


class CaseFound(Block):
    """What a detector would have said."""

    count: Count = 1
    finding_class: ListOf[Klass] = Field(default=(), alias="class")
    severity: Severity = Severity.HIGH
    confidence: Ratio = 0.95
    persons: Size = 0


type Found = dict[SignatureName, Annotated[CaseFound, BeforeValidator(_counted)]]
"""Signature → what was found."""


class CasePart(Block):
    """One part of the upload."""

    file: StrictBool = True
    bytes: Size | None = None
    mb: Megabytes | None = None
    media_type: Text = "application/octet-stream"
    encryption: Grade = Grade.NONE
    coverage: Coverage | None = None
    """Usual coverage of the reason when it is left out."""
    reason: Reason | None = None
    limit: LimitName | None = None
    depth: Size = 0
    found: Found = Field(default_factory=dict)


class CaseDestination(Block):
    """Where the upload goes; a host of its own, abroad nowhere, unless it says so."""

    host: Text = "upload.example"
    category: Category = Category.OTHER
    region: Region = Region.DOMESTIC
    service: str = ""
    tenant: str = ""
    account: str = ""
    kind: EndpointKind | Literal[""] = ""
    reader: MessageReader = "none"
    audience: Audience = Audience.UNKNOWN


class CaseActor(Block):
    """Who sends; nobody known unless it says so."""

    user: str = ""
    group: ListOf[Text] = ()
    role: Role | Literal[""] = ""
    department: str = ""


class CaseEntry(Block):
    """An upload in short, and what must come of it."""

    name: Text
    to: CaseDestination = CaseDestination()
    by: CaseActor = CaseActor()
    channel: Channel = Channel.HTTP1
    body: StrictBool = True
    parts: ListOf[CasePart] = ()
    failure: str = ""
    """Why there was no full inspection; empty when there was."""
    known_hash: KnownHash = "none"
    today: Day | None = None
    action: ActionWord
    rules: tuple[Id, ...]
    """Exactly these grounds, monitored ones included."""


class PolicyFile(Block):
    """A whole policy."""

    version: Literal[1]
    settings: Settings = Settings()
    routes: dict[Id, Url] = Field(default_factory=dict)
    """Name → address of a sanctioned route; empty while there is none."""
    names: dict[SignatureName, Bilingual] = Field(default_factory=dict)
    """Signature → how the sentences for the sender call it."""
    sensitive: tuple[FindingsTest, ...] = ()
    """One of these makes a content sensitive."""
    authorised: tuple[AuthorisedEntry, ...] = ()
    uploads: tuple[UploadsEntry, ...] = ()
    """How uploads that span requests are held; the strictest entry that fits counts, and none is `chunks`."""
    failures: Failures = Failures()
    rules: tuple[RuleEntry, ...] = ()
    exceptions: tuple[ExceptionEntry, ...] = ()
    cases: tuple[CaseEntry, ...] = ()
