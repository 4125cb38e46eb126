"""An upload that spans requests as its store knows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What became of it."""

    OPEN = "open"
    """Pieces are kept, nothing is decided."""
    PASSED = "passed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Facts:
    """What its requests say of it; empty, or -1, where none has said."""

    service: str = ""
    endpoint: str = ""
    host: str = ""
    name: str = ""
    """File name as the client gave it."""
    size_bytes: int = -1
    """Length of the whole."""
    declared_type: str = ""
    conversation: str = ""
    tenant: str = ""
    hold: str = ""
    """`chunks` when no piece leaves before the verdict, `commit` when only the completing call waits."""
    transfer_id: str = ""
    """The first transfer of it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload at one moment."""

    id: str
    """Random; the name of its file."""
    owner: str
    facts: Facts
    state: State = State.OPEN
    incident: str = ""
    """Transfer id of the refusal; empty when it was not refused."""
    stored_bytes: int = 0
    """Bytes in its file; 0 once it is decided."""
    content_bytes: int = 0
    """Bytes of the whole that have come, repeats not counted."""
    complete: bool = False
    """Whether pieces with a start cover a whole of known length without a gap."""
    segments: int = 0
    """Pieces kept, repeats counted."""
    expires_at: float = 0.0
    """Seconds of the store's clock."""
    conflict: bool = False
    """Whether its requests contradict each other; assembling it is refused."""
    became_complete: bool = False
    """Whether this very piece made it complete: true for one `put` of all, in whatever process."""
