"""The answers of the API, and the record of one transfer as INTERFACE.md gives it.

A field that an older record lacks has an empty value; fields that a newer one adds are passed on.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.records.queries import IncidentRow


class Loose(BaseModel):
    """Base of what stands in a record."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Actor(Loose):
    """Who sent."""

    user: str = ""
    groups: list[str] = []
    role: str = ""
    department: str = ""
    ip: str = ""
    authenticated_by: str = ""


class Destination(Loose):
    """Where to."""

    host: str = ""
    port: int = 0
    ip: str = ""
    country: str = ""
    region: str = ""
    service: str = ""
    category: str = ""
    tenant: str = ""
    account: str = ""
    conversation: str = ""
    audience: str = ""
    reader: str = "none"


class Request(Loose):
    """The head of the request, as far as it is recorded."""

    method: str = ""
    path: str = ""
    content_type: str = ""
    bytes: int = 0


class Encryption(Loose):
    """What protects a part."""

    scheme: str = ""
    grade: str = "none"
    names_visible: bool = False


class Finding(Loose):
    """One signature found in one part, masked."""

    signature: str = ""
    count: int = 0
    severity: str = ""
    confidence: float = 0.0
    classes: list[str] = []
    persons: int = 0
    sample: str = ""
    location: str = ""


class Part(Loose):
    """One piece of what was sent."""

    path: str = ""
    name: str = ""
    size_bytes: int = 0
    sha256: str = ""
    declared_type: str = ""
    media_type: str = ""
    encryption: Encryption = Encryption()
    findings: list[Finding] = []
    coverage: str = ""
    is_file: bool = False
    depth: int = Field(default=0, description="0 as sent, 1 for its members, and so on")
    reason: str = Field(default="", description="why it could not be read; empty when it was")
    limit: str = Field(default="", description="the bound that was passed, for the reason too-large")


class Inspected(Loose):
    """What belongs to the upload as a whole."""

    persons: int = 0
    distinct: dict[str, int] = Field(default={}, description="signature → distinct values in the whole upload")
    failure: str = Field(default="", description="why there was no inspection; empty when there was")
    rules_overtime: int = 0
    known_hash: str = "none"


class Connection(Loose):
    """A connection that nobody could read, as `gateway.records.connection` gives it."""

    protocol: str = ""
    phase: str = ""
    count: int = Field(default=0, description="how many attempts the record stands for")
    last_at: str = ""
    sent_bytes: int = 0
    received_bytes: int = 0
    opened: str = ""
    entry: str = ""
    app: str = Field(default="", description="catalogue id of the app that the program says it is")


class Rule(Loose):
    """One rule that applied."""

    id: str = ""
    action: str = ""
    basis: list[str] = []
    because: str = ""
    enforced: bool = True
    says: dict[str, str] = {}
    guidance: dict[str, str] = {}


class Verdict(Loose):
    """What was decided."""

    action: str = ""
    rules: list[Rule] = []
    exception: str = ""


class State(Loose):
    """What an operator decided about the incident."""

    state: str = "open"
    note: str = ""
    closed_by: str = ""
    at: str = ""


class JournalPlace(Loose):
    """The line of the journal that holds the record."""

    file: str = ""
    seq: int = 0


class Incident(Loose):
    """The record of a blocked or held transfer."""

    id: str
    at: str = ""
    node: str = ""
    policy_digest: str = ""
    duration_ms: float = 0.0
    actor: Actor = Actor()
    destination: Destination = Destination()
    channel: str = ""
    request: Request = Request()
    parts: list[Part] = []
    parts_omitted: int = 0
    coverage: str = ""
    inspection: Inspected = Inspected()
    verdict: Verdict = Verdict()
    outcome: str = Field(default="", description="empty while the transfer is under way")
    incident: State = State()
    journal: JournalPlace = JournalPlace()


class IncidentList(BaseModel):
    """One page of the list."""

    incidents: list[IncidentRow] = Field(description="the newest first")
    total: int = Field(description="how many there are on all pages")
    next_before_id: str | None = Field(description="`before_id` of the next, older page; null on the last one")


class Day(BaseModel):
    """Transfers of the last 24 hours."""

    since: str = Field(description="RFC 3339, UTC")
    transfers: int
    by_action: dict[str, int]
    by_coverage: dict[str, int]
    inspected_ratio: float | None = Field(description="share read in full, 0 to 1; null without transfers")


class StatusAnswer(BaseModel):
    """Whether the gateway can enforce, and what it did."""

    version: str
    ready: bool
    checks: dict[str, str] = Field(description="name of the check → empty, or what is wrong")
    open_incidents: int | None = Field(description="null when the store cannot be read")
    last_24h: Day | None = Field(description="null when the store cannot be read")
    listen: str
    loopback_only: bool


class WrongParameter(BaseModel):
    """One parameter that cannot be used."""

    parameter: str
    detail: str
    allowed: str


class Problem(BaseModel):
    """An error (RFC 9457, application/problem+json)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = Field(description="path that was asked for, without its query")
    errors: list[WrongParameter] = Field(default=[], description="for 400 and 422: every wrong parameter")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "A parameter is given twice, or the request names no host."},
    404: {"model": Problem, "description": "There is no such incident."},
    421: {"model": Problem, "description": "The request names a host that is not this console."},
    422: {"model": Problem, "description": "A parameter is unknown or has a value that is not allowed."},
    500: {"model": Problem, "description": "The stored record cannot be read, or the console failed."},
    503: {"model": Problem, "description": "The store cannot be read."},
}
"""Status → what an error looks like, for the OpenAPI document."""
