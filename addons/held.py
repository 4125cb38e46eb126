"""What the gateway knows of one request while it is held; travels in the flow's metadata under `HELD`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from gateway.destinations.facts import NO_FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitmproxy import http

    from addons.names import Named
    from addons.shares import Share
    from gateway.destinations.facts import Facts
    from gateway.findings import Verdict
    from gateway.spool import Spool
    from gateway.transfer import Transfer
    from gateway.uploads.answers import Answer
    from gateway.uploads.plan import Plan

HELD = "sluice"
"""Key in `flow.metadata`."""
ASK_AT_ONCE = "sluice-ask-at-once"
"""Key in `flow.metadata` of a tunnel in which the server speaks first, so that its client is not waited for."""


@dataclass(slots=True)
class Held:
    """State of one request; the layer lets bytes leave only when `may_leave` says so."""

    spool: Spool
    max_body_bytes: int
    """Counted length over which the request is refused while it is still arriving."""
    transfer: Transfer | None = None
    named: Named | None = None
    """The server of the request by name and by address; set with `transfer`."""
    where: Facts = NO_FACTS
    """Where in the request its recipient, tenant and digests stand."""
    plan: Plan | None = None
    """Its step in an upload that spans requests; None when it stands alone."""
    upload: str = ""
    """Id of the upload that it announces; the answer to it names the upload."""
    own_answer: Answer | None = None
    """What the gateway answers for a piece that it keeps."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Header fields that replace the client's, because the request carries a whole file now."""
    verdict: Verdict | None = None
    """Set by `enforce` after the record of it is durable, never before."""
    recorded: bool = False
    refusal: http.Response | None = None
    """Deny first: what the client gets unless a verdict lets the request through."""
    too_large: bool = False
    """The counted length passed `max_body_bytes`; the body is incomplete."""
    spool_failed: bool = False
    trailers: bool = False
    """Fields came behind the body that are not taken: over HTTP/1 any, else those that frame or route a message."""
    trailer_fields: http.Headers | None = None
    """Fields behind the body that are inspected, and forwarded where the server speaks HTTP/2."""
    bare: bool = False
    """The request carries no body: nothing is uploaded, so an allowed one needs no record."""
    slow: bool = False
    """The body came so slowly that the connection is closed."""
    share: Share | None = None
    """What it takes of its address's bound; None before it is opened."""
    aborted: bool = False
    """The client went away."""
    arrived_at: float = 0.0
    """Monotonic seconds when the last byte was in."""
    started_at: float = field(default=0.0)
    """Monotonic seconds when the head was in."""
    close_code: int = 0
    """Code that a refused message of a WebSocket closes its connection with; 0 for a request, which has a status."""
    outcome_told: bool = False
    counted: bool = False
    """Whether it is among the open transfers; a head that the stock validation refuses never is."""

    def take_trailers(self, fields: http.Headers, *, are_proper: bool) -> None:
        """Keep what came behind the body; what is not proper refuses the request."""
        self.trailers = not are_proper
        self.trailer_fields = fields if are_proper and fields else None

    def carry(self, whole: Spool, fields: Mapping[str, str]) -> None:
        """Send `whole` in place of what came, with these header fields."""
        self.spool.close()
        self.spool, self.fields = whole, fields

    @property
    def may_leave(self) -> bool:
        """Whether a verdict, recorded if there is a body, lets the request through; anything missing means no."""
        return (self.recorded or self.bare) and self.verdict is not None and self.verdict.action.lets_through


def held_of(flow: http.HTTPFlow) -> Held:
    """The state of the flow; KeyError when the layer did not make it, which callers treat as a refusal."""
    return cast(Held, flow.metadata[HELD])
