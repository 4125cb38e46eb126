"""One attempt of an actor to move a payload over a channel to a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

type Buffer = bytes | memoryview
"""Bytes as sent or unpacked, read-only; `memoryview(mmap)` for what lies in the spool."""


class Channel(StrEnum):
    """What carried the transfer."""

    HTTP1 = "http/1.1"
    HTTP2 = "http/2"
    HTTP3 = "http/3"
    WEBSOCKET = "websocket"
    TCP = "tcp"
    UDP = "udp"


class Region(StrEnum):
    """Where the server stands, as the cross-border rules see it: HK, MO and TW are outside (境外)."""

    DOMESTIC = "domestic"
    OVERSEAS = "overseas"
    HK_MO_TW = "hk-mo-tw"
    PRIVATE = "private"
    UNKNOWN = "unknown"

    @property
    def is_abroad(self) -> bool:
        """Whether personal information sent there counts as leaving the country; unknown counts."""
        return self in {Region.OVERSEAS, Region.HK_MO_TW, Region.UNKNOWN}


class Category(StrEnum):
    """What kind of service the destination is; a closed set, because it is a metric label."""

    MESSAGING = "messaging"
    PERSONAL_CLOUD = "personal-cloud"
    ENTERPRISE_CLOUD = "enterprise-cloud"
    OBJECT_STORAGE = "object-storage"
    WEBMAIL = "webmail"
    CODE_HOST = "code-host"
    AI_CHAT = "ai-chat"
    FILE_TRANSFER = "file-transfer"
    OTHER = "other"


class Audience(StrEnum):
    """Who reads it at the other end."""

    INTERNAL = "internal"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sends."""

    user: str = ""
    """Login name; empty when nobody is known at that address."""
    groups: tuple[str, ...] = ()
    role: str = ""
    """`staff`, `head` or `executive` (基层员工 / 部门主管 / 高级管理人员); empty when unknown."""
    department: str = ""
    ip: str = ""
    """Client address, textual."""
    authenticated_by: str = ""
    """`proxy-auth`, `address` or empty."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where it goes, from the catalogue, the request and the server really connected to."""

    host: str
    """Lower case, no port, A-label."""
    port: int = 443
    ip: str = ""
    """Address that will be connected to; empty when it was not resolved (`sluice inspect`)."""
    country: str = ""
    """ISO 3166-1 alpha-2, empty when unknown."""
    region: Region = Region.UNKNOWN
    service: str = ""
    """Catalogue id, empty when no entry matches."""
    endpoint: str = ""
    """Catalogue id of the endpoint inside the service, empty when none matches."""
    category: Category = Category.OTHER
    tenant: str = ""
    account: str = ""
    """`personal`, `enterprise`, `both` or an account id; empty when unknown."""
    conversation: str = ""
    audience: Audience = Audience.UNKNOWN
    many_files: bool = False
    """Whether one request to this endpoint may carry several files, so that its length says little of one file."""
    dialect: str = ""
    """Name of the error shape the service's own clients read; empty for none."""
    kind: str = ""
    """What the endpoint takes: `file part init finish rapid message mail share code prompt opaque`; empty for none."""
    reader: str = "none"
    """How the messages of its WebSocket are read: `generic`, the name of a reader, or `none` when nobody knows."""


@dataclass(frozen=True, slots=True)
class Request:
    """The request's head, as far as inspection, policy and record need it."""

    method: str = "POST"
    path: str = "/"
    """Path without query, as sent."""
    query: str = ""
    """Raw query string; inspected, never recorded."""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Lower-case name → value; repeated names joined by `, `. Values are inspected or used, never recorded."""
    bytes: int = 0
    """Counted length of the body as sent."""

    @property
    def content_type(self) -> str:
        """Declared media type with parameters, empty when the client sent none."""
        return self.headers.get("content-type", "")


@dataclass(frozen=True, slots=True)
class Transfer:
    """One attempt; the payload travels beside it, never in it."""

    id: str
    """UUIDv7."""
    at: str
    """RFC 3339, UTC, milliseconds."""
    actor: Actor
    destination: Destination
    channel: Channel
    request: Request
