"""What is said between proxy workers, inspectors and their pool, and how it lies on the Unix sockets.

A job, client → inspector, on a connection of its own:
    u32 length · JSON `JobHead` · then the body inline, or nothing and one descriptor with the first byte (SCM_RIGHTS)
The answer: the ticket (16 bytes, sent when an inspector takes the job), then
    u8 tag (`I` inspection, `F` failure) · u32 length · JSON
A question on the control socket: u8 tag (`S` state, `W` why) · ticket. The answer: u32 length · JSON.
All numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from gateway.errors import InspectorError
from gateway.findings import Inspection
from gateway.inspectors.codec import decode, encode
from gateway.limits import KIB, MIB
from gateway.transfer import Transfer
from gateway.uploads.model import NO_ASK, Ask

MAX_INLINE_BYTES = 256 * KIB
"""Largest body sent inline; a copy through the socket costs less than mapping a descriptor up to about here."""
MAX_HEAD_BYTES = 4 * MIB
"""Largest job head; the recipe of an upload in ten thousand pieces makes up to half of it, a request's headers the rest."""
MAX_REPLY_BYTES = 8 * MIB
"""Largest reply; 10,000 members with a finding each need about 4 MiB."""
MAX_STATE_BYTES = 64 * KIB
"""Largest answer on the control socket."""

LENGTH = struct.Struct(">I")
"""Before a head, and before an answer on the control socket."""
REPLY_HEAD = struct.Struct(">cI")
"""Tag and length before a reply."""
_TICKET = struct.Struct(">QQ")
TICKET_BYTES = _TICKET.size
QUESTION_BYTES = 1 + TICKET_BYTES

INSPECTION, FAILURE = b"I", b"F"
STATE, WHY = b"S", b"W"


class Reason(StrEnum):
    """Why there is no inspection; the reasons of InspectorError."""

    CRASH = "crash"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    BUSY = "busy"
    PROTOCOL = "protocol"


class Carriage(StrEnum):
    """How the body travels."""

    INLINE = "inline"
    DESCRIPTOR = "fd"


@dataclass(frozen=True, slots=True)
class JobHead:
    """Everything of a job but its body."""

    transfer: Transfer
    timeout_s: float
    """Wall clock the client grants; the pool's own bound holds when it is smaller."""
    size_bytes: int
    carriage: Carriage
    ask: Ask = NO_ASK


@dataclass(frozen=True, slots=True)
class Ticket:
    """Names one job of one inspector, so that its death can be asked about."""

    pid: int = 0
    job: int = 0
    """Counted by the inspector, from 1."""

    def pack(self) -> bytes:
        """`TICKET_BYTES` bytes."""
        return _TICKET.pack(self.pid, self.job)

    @classmethod
    def unpack(cls, data: bytes) -> Ticket:
        """The ticket in exactly `TICKET_BYTES` bytes."""
        return cls(*_TICKET.unpack(data))


@dataclass(frozen=True, slots=True)
class Failure:
    """An inspector's own account of a job it could not do."""

    reason: Reason
    kind: str = ""
    """Class name of the exception, or a word; never its message, which may quote the payload."""
    where: str = ""
    """`file.py:line` of the innermost frame."""


@dataclass(frozen=True, slots=True)
class Why:
    """Answer about a ticket."""

    reason: str = ""
    """Reason of the inspector's death while it held that ticket; empty when none is known (yet)."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """The pool as its parent process sees it."""

    generation: int = 0
    """Counts builds of the inspection function that came into force; 0 before the first."""
    workers: int = 0
    """Inspectors ready for jobs or at one; 0 means that nothing can be inspected."""
    idle: int = 0
    busy: int = 0
    building: bool = False
    """Whether a new generation is under way."""
    layers: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    """Sandbox layer → whether every inspector has it."""


def pack_head(head: JobHead) -> bytes:
    """Length and JSON; raises InspectorError("protocol") when it is larger than MAX_HEAD_BYTES."""
    data = encode(head)
    if len(data) > MAX_HEAD_BYTES:
        raise InspectorError(Reason.PROTOCOL)
    return LENGTH.pack(len(data)) + data


def pack_reply(reply: Inspection | Failure) -> bytes:
    """Tag, length and JSON; one larger than MAX_REPLY_BYTES becomes a failure, never a shortened inspection."""
    tag = INSPECTION if isinstance(reply, Inspection) else FAILURE
    data = encode(reply)
    if len(data) > MAX_REPLY_BYTES:
        return pack_reply(Failure(Reason.PROTOCOL, "ReplyTooLarge"))
    return REPLY_HEAD.pack(tag, len(data)) + data


def reply_length(head: bytes) -> tuple[bytes, int]:
    """Tag and length of the JSON that follows.

    Raises InspectorError("protocol") for an unknown tag or a length over MAX_REPLY_BYTES.

    >>> reply_length(b"I" + bytes([0, 0, 1, 0]))
    (b'I', 256)
    >>> reply_length(b"X" + bytes(4))
    Traceback (most recent call last):
    gateway.errors.InspectorError: inspector: protocol
    """
    tag, length = REPLY_HEAD.unpack(head)
    if tag not in {INSPECTION, FAILURE} or length > MAX_REPLY_BYTES:
        raise InspectorError(Reason.PROTOCOL)
    return tag, length


def read_reply(tag: bytes, data: bytes) -> Inspection | Failure:
    """The reply in the JSON; raises InspectorError("protocol") when it is not exactly one."""
    try:
        return decode(Inspection, data) if tag == INSPECTION else decode(Failure, data)
    except ValueError:
        raise InspectorError(Reason.PROTOCOL) from None
