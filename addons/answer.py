"""Verdict → the HTTP response that the refused sender's client understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy import http

from gateway.refusal.render import render

if TYPE_CHECKING:
    from addons.held import Held
    from gateway.findings import Verdict


def answer_for(flow: http.HTTPFlow, held: Held, verdict: Verdict) -> http.Response:
    """The refusal of `verdict` in the shape this client reads."""
    transfer = held.transfer
    refusal = render(
        verdict,
        incident=transfer.id if transfer else "",
        dialect=transfer.destination.dialect if transfer else "",
        headers={name.lower(): value for name, value in flow.request.headers.items()},
    )
    return response_of(refusal.status, refusal.headers, refusal.body)


def response_of(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> http.Response:
    """An HTTP/1.1 response; the layers below turn it into HTTP/2 where the client speaks that."""
    fields = [(name.encode(), value.encode()) for name, value in headers]
    return http.Response.make(status, body, http.Headers([*fields, (b"content-length", b"%d" % len(body))]))


LAST_RESORT = b'{"title":"blocked","status":403,"detail":"The gateway could not decide, so nothing was sent."}'
"""What a client gets when not even a verdict exists; the layer's own deny."""


def last_resort(_flow: http.HTTPFlow) -> http.Response:
    """The answer of the layer itself: no verdict, no incident, nothing that could fail."""
    headers = (("content-type", "application/problem+json"), ("x-sluice-verdict", "block"))
    return response_of(403, headers, LAST_RESORT)
