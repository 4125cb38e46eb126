"""What the gateway knows of one open WebSocket and of the message it waits for; travels in the flow's metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.wire.frames.frame import Close

if TYPE_CHECKING:
    from addons.websocket_files import Files
    from gateway.spool import Spool
    from gateway.transfer import Transfer

CONVERSATION = "sluice.websocket"
"""Key in `flow.metadata`; only a handshake that was let through has it, and without it no byte is relayed."""


@dataclass(slots=True)
class Message:
    """One message of the client, complete or given up; it leaves only when `may_leave` says so."""

    spool: Spool
    is_text: bool
    lengths: list[int] = field(default_factory=list)
    """Of its frames as they came, so that the origin gets as many."""
    started_at: float = 0.0
    """Monotonic seconds when its first frame began."""
    arrived_at: float = 0.0
    """Monotonic seconds when its last byte was in."""
    problem: str = ""
    """Why it is refused without being read: a key of `gateway.policy.builtin.BUILTIN`; empty for a whole message."""
    because: str = ""
    """A fact beside the problem, never a value."""
    may_leave: bool = False
    """Set after the verdict counts, never before."""
    close: tuple[int, str] = (Close.INTERNAL_ERROR, "not inspected")
    """Deny first: what the client is closed with unless the message may leave."""


@dataclass(slots=True)
class Passed:
    """Messages let through since the last record, in which nothing was found; told together in one record."""

    messages: int = 0
    bytes: int = 0
    since: str = ""
    """RFC 3339, when the first of them came."""
    policy_digest: str = ""
    path: str = ""
    """Path of the handshake, masked; empty while only empty messages have passed."""


@dataclass(slots=True)
class Conversation:
    """One open WebSocket."""

    transfer: Transfer
    """Of the handshake, as judged."""
    files: Files
    passed: Passed = field(default_factory=Passed)
    message: Message | None = None
    """The one that waits for its verdict."""
    unrecordable: bool = False
    """A record of passed messages was lost: nothing more leaves."""
