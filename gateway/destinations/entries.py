"""The form of a catalogue file: what people write about a service and its endpoints."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.destinations.dialects import Dialect
from gateway.destinations.hosts import HostIndex
from gateway.destinations.match import Pattern
from gateway.destinations.shape import Shape
from gateway.destinations.split import PlaceText, SplitEntry
from gateway.destinations.tenant_headers import Value
from gateway.transfer import Category

type Kind = Literal["file", "part", "init", "finish", "rapid", "message", "mail", "share", "code", "prompt", "opaque"]
type Evidence = Literal["observed", "source", "memory"]
"""`observed` on a real client, `source` read in public code or a vendor's page, `memory` not verified."""
type Reader = Literal["none", "generic", "dingtalk-lwp"]
"""What reads the messages of a WebSocket: nobody, the reader of text, JSON and files, or one for that service."""
type Method = Literal["GET", "POST", "PUT", "PATCH", "OPTIONS", "MOVE", "HEAD", "DELETE", "WS"]


def _regex(text: str) -> str:
    Pattern(text)
    return text


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _host(text: str) -> str:
    HostIndex[None]().add(text, None)
    return text


def _category(word: object) -> Category:
    try:
        return Category(str(word))
    except ValueError:
        raise ValueError(f"not a category; allowed: {', '.join(Category)}") from None


type Id = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$")]
type Regex = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_regex)]
type Places = Annotated[list[PlaceText], BeforeValidator(_listed)]
"""One place or several; the first that has a value counts."""
type HeaderName = Annotated[str, Field(pattern="^[a-z0-9-]+$")]
type HostText = Annotated[str, AfterValidator(_host)]
type CategoryWord = Annotated[Category, BeforeValidator(_category)]


class Entry(BaseModel):
    """Base: frozen, strict types, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Name(Entry):
    """What people call a service."""

    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class EndpointEntry(Entry):
    """One kind of request; the first one that fits counts."""

    id: Id
    evidence: Evidence
    """How its facts are known."""
    source: str = ""
    """Where they were read."""
    kind: Kind
    """`file` carries file bytes, `part` a piece of one, `init` announces one, `finish` completes one, `rapid` sends
    hashes in place of bytes, `opaque` is encrypted by the client."""
    method: Method | list[Method] = "POST"
    """`WS` is the handshake of a WebSocket."""
    host: Regex | None = None
    """The whole host; None for every host of the service."""
    path: Regex
    """The whole path without query, percent-decoded once."""
    query: Regex | None = None
    """Something in the raw query."""
    header: Annotated[str, Field(pattern="^[a-z0-9-]*$")] = ""
    """Lower-case name of a header that must be there."""
    shape: Shape | None = None
    """Shape of an upload; for hosts that no service names, and after all endpoints without a shape."""
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = []
    """Ports it is found on; empty for all."""
    many_files: bool = False
    """Whether one request may carry several files."""
    reader: Reader = "none"
    """For the method `WS`: what reads the messages; policy may refuse an endpoint without a reader."""
    dialect: Dialect | None = None
    """None for the service's."""
    category: CategoryWord | None = None
    """None for the service's."""
    tenant: Places = []
    """Empty for the service's."""
    conversation: Places = []
    """Who gets it: a person, a chat, a folder, a repository."""
    name: PlaceText | None = None
    """Where the file's name stands; without it, the name beside the bytes counts."""
    size: PlaceText | None = None
    """Where the file's declared size stands, bytes."""
    hash: Places = []
    """Where digests stand for the file's content; all of them count."""
    split: SplitEntry | None = None
    """Its step in an upload that spans requests."""


class TenantHeaderEntry(Entry):
    """A header by which the vendor lets a company's gateway say which accounts may be used."""

    name: Annotated[str, Field(pattern="^[A-Za-z0-9-]{1,64}$")]
    """As the vendor writes it."""
    hosts: Annotated[list[HostText], Field(min_length=1)]
    """Hosts that read it; often those of the sign-in, which are none of the service's own."""
    value: Value
    """What it says: a key of `tenants` in the settings."""
    evidence: Evidence
    source: str = ""


def _ids_differ(endpoints: list[EndpointEntry]) -> list[EndpointEntry]:
    twice = [name for name, count in Counter(one.id for one in endpoints).items() if count > 1]
    if twice:
        raise ValueError(f"endpoint ids must differ, twice there: {', '.join(twice)}")
    return endpoints


class ServiceEntry(Entry):
    """One service."""

    id: Id
    name: Name
    category: CategoryWord
    jurisdiction: Annotated[str, Field(pattern="^([A-Z]{2})?$")]
    """ISO 3166-1 alpha-2; empty when it is not the same for every server."""
    account: Literal["personal", "enterprise", "both"]
    """Who has accounts there."""
    dialect: Dialect = "none"
    hosts: Annotated[list[HostText], Field(min_length=1)]
    shared_hosts: list[HostText] = []
    """Hosts of another service where its endpoints are found, too; it speaks for no other request there."""
    tenant: Places = []
    personal_tenants: list[str] = []
    """Tenants that are private accounts, `""` when no tenant can be read."""
    tenant_headers: list[TenantHeaderEntry] = []
    endpoints: Annotated[list[EndpointEntry], AfterValidator(_ids_differ)] = []


class ResponseEntry(Entry):
    """What the service answers in a case."""

    headers: dict[HeaderName, str] = {}
    body: str = ""


class CaseEntry(Entry):
    """A request in short, and what the catalogue must make of it."""

    request: Annotated[str, Field(pattern=r"^[A-Z]+ (https?|wss)://[^\s/]+/\S*$")]
    """`METHOD URL`; the method `WS` is the handshake of a WebSocket."""
    headers: dict[HeaderName, str] = {}
    body: str = ""
    response: ResponseEntry | None = None
    endpoint: Id | Literal[""]
    """Empty for a request of the service that no endpoint fits."""
    kind: Kind | Literal[""] = ""
    tenant: str = ""
    conversation: str = ""
    name: str = ""
    size: Annotated[int, Field(ge=0)] | None = None
    hash: Annotated[list[str], BeforeValidator(_listed)] = []
    key: Annotated[list[str], BeforeValidator(_listed)] = []
    """Values that name the upload, without the URL."""
    gives: Annotated[list[str], BeforeValidator(_listed)] = []
    gives_url: Annotated[list[str], BeforeValidator(_listed)] = []


class ServiceFile(ServiceEntry):
    """A catalogue file: one service and its cases."""

    cases: list[CaseEntry] = []
    """Every endpoint has one."""
