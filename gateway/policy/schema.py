"""The words of a policy file: one pydantic model per block, unknown keys refused, nothing converted silently."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)

from gateway.channels.protocols import PROTOCOLS
from gateway.detect.signatures import Klass
from gateway.findings import Severity
from gateway.limits import KIB, Limits
from gateway.parts import Coverage, Grade
from gateway.policy.vocabulary import EndpointKind, HoldMode, KnownHash, MessageReader
from gateway.transfer import Audience, Category, Channel, Region

Reason = Literal["too-large", "malformed", "encrypted", "unsupported", "detector-failed", "unreadable"]
"""Reason words of `ContentError` and its subclasses; a test holds them together."""
ActionWord = Literal["allow", "log", "coach", "hold", "block"]
Mode = Literal["enforce", "monitor", "off"]
"""`monitor` records what the rule would have done; `off` is as if the rule were not written."""
Stop = Literal["hold", "block"]
"""What may happen to a payload that was not inspected; nothing lets it through."""
Role = Literal["staff", "head", "executive"]
SizeUnit = Literal["MB", "MiB"]
UNIT_BYTES: dict[SizeUnit, int] = {"MB": 1_000_000, "MiB": KIB * KIB}
"""Bytes that `over_mb: 1` stands for."""
LIMIT_NAMES = tuple(field.name for field in fields(Limits))
"""Bounds of the inspection that a part may have passed."""


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _day(value: object) -> object:
    # A number would be read as seconds since 1970 and a time would lose its clock, so both are refused.
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    else:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
    msg = "must be a day, written YYYY-MM-DD"
    raise ValueError(msg)


def _limit(value: str) -> str:
    if value not in LIMIT_NAMES:
        msg = f"is no bound of the inspection; allowed: {', '.join(LIMIT_NAMES)}"
        raise ValueError(msg)
    return value


def _protocol(value: str) -> str:
    if value not in PROTOCOLS:
        msg = f"is no protocol that has a name here; allowed: {', '.join(PROTOCOLS)}"
        raise ValueError(msg)
    return value


type ListOf[T] = Annotated[tuple[T, ...], BeforeValidator(_listed), Field(min_length=1)]
"""One word, or a list of at least one; an empty list would never apply, which nobody means."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$", max_length=80)]
SignatureName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.\*)?$", max_length=80)]
HostPattern = Annotated[
    str, StringConstraints(pattern=r"^((\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f]*:[0-9a-f:.]+)$", max_length=253)
]
"""A host, every host below one, or an address as it stands in a CONNECT."""
MediaPattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.+-]+/(\*|[a-z0-9.+-]+)$", max_length=120)]
Url = Annotated[str, StringConstraints(pattern=r"^((https?|sftp)://[^\s<>\"']+)?$", max_length=500)]
ProtocolName = Annotated[str, AfterValidator(_protocol)]
PortNumber = Annotated[StrictInt, Field(ge=1, le=65535)]
LimitName = Annotated[str, AfterValidator(_limit)]
Day = Annotated[date, BeforeValidator(_day)]
Megabytes = Annotated[float, Field(strict=True, gt=0, le=1_000_000)]
Ratio = Annotated[float, Field(strict=True, ge=0, le=1)]
Count = Annotated[StrictInt, Field(ge=1)]


class Block(BaseModel):
    """A block of the file: no key but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Block):
    """A block that narrows; written without any key it would narrow nothing, which nobody means."""

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not self.model_fields_set:
            names = ", ".join(field.alias or name for name, field in type(self).model_fields.items())
            msg = f"is empty; give at least one of {names}"
            raise ValueError(msg)
        return self


class DestinationTest(Condition):
    """Where it goes; every key given must hold, one word of a list is enough."""

    category: ListOf[Category] = ()
    region: ListOf[Region] = ()
    service: ListOf[Text] = ()
    """Catalogue ids."""
    host: ListOf[HostPattern] = ()
    """`host.example` is that host, `*.example` every host below it."""
    tenant: ListOf[Text] = ()
    account: ListOf[Text] = ()
    kind: ListOf[EndpointKind] = ()
    """What the catalogue says that the endpoint takes."""
    reader: ListOf[MessageReader] = ()
    """What reads the messages of its WebSocket."""
    audience: ListOf[Audience] = ()
    authorised: StrictBool | None = None
    """Whether an entry of `authorised` names the destination, for whatever class."""


class ActorTest(Condition):
    """Who sends."""

    user: ListOf[Text] = ()
    group: ListOf[Text] = ()
    role: ListOf[Role] = ()
    department: ListOf[Text] = ()
    known: StrictBool | None = None
    """Whether anybody is known at that address."""


class PartTest(Condition):
    """One part for which every key holds; a file as sent, or anything unpacked from it."""

    file: StrictBool | None = None
    """Whether the client presents it as a file."""
    sent: StrictBool | None = None
    """True for what was sent, false for what unpacking found inside."""
    over_mb: Megabytes | None = None
    """Larger than this; exactly this size is not over. `settings.size_unit` says what one MB is."""
    media_type: ListOf[MediaPattern] = ()
    """By content: `application/pdf` or `image/*`."""
    except_media_type: ListOf[MediaPattern] = ()
    encryption: ListOf[Grade] = ()
    read: StrictBool | None = None
    """Whether all of it could be read."""
    coverage: ListOf[Coverage] = ()
    reason: ListOf[Reason] = ()
    """Why it could not be read."""
    limit: ListOf[LimitName] = ()
    """Which bound was passed, for the reason `too-large`."""
    except_limit: ListOf[LimitName] = ()


class FindingsTest(Condition):
    """Distinct values of the selected signatures, summed over the whole transfer."""

    signature: ListOf[SignatureName] = ()
    """Names, or `secret.*` for all below."""
    except_signature: ListOf[SignatureName] = ()
    finding_class: ListOf[Klass] = Field(default=(), alias="class")
    min_confidence: Ratio = 0.0
    min_severity: Severity = Severity.LOW
    at_least: Count = 1
    at_most: Count | None = None


class When(Condition):
    """The condition of a rule; every key given must hold."""

    destination: DestinationTest | None = None
    actor: ActorTest | None = None
    channel: ListOf[Channel] = ()
    body: StrictBool | None = None
    """Whether the request carries a body."""
    part: PartTest | None = None
    findings: FindingsTest | None = None
    sensitive: Literal["any", "unauthorised"] | None = None
    """The file's own `sensitive` list; `unauthorised` leaves out what `authorised` allows at this destination."""
    persons: Count | None = None
    """At least so many distinct persons in the whole transfer."""
    known_hash: ListOf[KnownHash] = ()
    """For a hash sent in place of bytes (秒传): whether a file with that hash was seen, and how it was judged."""
    all_of: ListOf[When] = Field(default=(), alias="all")
    any_of: ListOf[When] = Field(default=(), alias="any")
    negated: When | None = Field(default=None, alias="not")


class Bilingual(Block):
    """One sentence in both languages; `{found}` and `{limit}` are filled in."""

    zh: Text
    en: Text


class RuleEntry(Block):
    """One rule."""

    id: Id
    says: Bilingual
    """What was wrong, for the sender, one sentence."""
    guidance: Bilingual | None = None
    """What to do instead; asked of every rule that coaches, holds or blocks."""
    route: Text | None = None
    """A name of `routes`."""
    basis: ListOf[Text]
    """Ids of the clauses it rests on."""
    mode: Mode = "enforce"
    action: ActionWord
    owner: Text
    since: Day
    keep_content: StrictBool = True
    """False where only hash and metadata may be kept."""
    when: When


class UploadsEntry(Block):
    """How uploads that span several requests are held at a destination."""

    destination: DestinationTest | None = None
    """None for every destination."""
    hold: HoldMode


class AuthorisedEntry(Block):
    """A destination that may receive the named classes unencrypted."""

    id: Id
    destination: DestinationTest
    finding_class: ListOf[Klass] = Field(default=(), alias="class")
    signature: ListOf[SignatureName] = ()
    owner: Text
    ticket: Text | None = None
    expires: Day | None = None
    """Last day on which it applies."""


class ExceptionEntry(Block):
    """Who or where × which rules × on whose word × until when."""

    id: Id
    rules: ListOf[Id]
    actor: ActorTest | None = None
    destination: DestinationTest | None = None
    up_to_mb: Megabytes | None = None
    """For size rules: the larger limit that applies instead."""
    port: ListOf[PortNumber] = ()
    """For connections that nobody can read: the ports meant."""
    protocol: ListOf[ProtocolName] = ()
    """For connections that nobody can read: what they may speak."""
    ticket: Text
    approver: Text
    owner: Text
    expires: Day
    """Last day on which it applies."""


class Settings(Block):
    """What the words of the file mean."""

    size_unit: SizeUnit = "MiB"


class Failures(Block):
    """What happens to a payload that could not be inspected at all, by reason."""

    timeout: Stop = "block"
    crash: Stop = "block"
    memory: Stop = "block"
    busy: Stop = "block"
    protocol: Stop = "block"
    too_large: Stop = Field(default="block", alias="too-large")
    malformed: Stop = "block"
    detector_failed: Stop = Field(default="block", alias="detector-failed")
    other: Stop = "block"


def failure_words() -> tuple[str, ...]:
    """Reasons that `failures` knows, as files and inspectors spell them."""
    return tuple(field.alias or name for name, field in Failures.model_fields.items())


CLASSES: tuple[str, ...] = get_args(Klass.__value__)
REASONS: tuple[str, ...] = get_args(Reason)
