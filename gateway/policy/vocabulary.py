"""Words of other rooms that a policy file may use."""

from __future__ import annotations

from typing import Literal

MessageReader = Literal["none", "generic", "dingtalk-lwp"]
"""What reads the messages of a WebSocket; a test holds it to the catalogue's words."""
EndpointKind = Literal[
    "file", "part", "init", "finish", "rapid", "message", "mail", "share", "code", "prompt", "opaque"
]
"""As `gateway.destinations.entries` has them; a test holds them together."""
KnownHash = Literal["none", "unknown", "seen", "protected"]
"""What the index says of a hash sent in place of bytes."""
HoldMode = Literal["chunks", "commit"]
"""How much of an upload in several requests waits: every chunk until the whole was judged, or the last request."""
