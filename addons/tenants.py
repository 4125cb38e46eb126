"""Tenant restrictions: the company's headers on forwarded requests, in place of whatever the client sent there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from addons.answer import answer_for
from addons.held import HELD
from gateway.policy.builtin import builtin_verdict
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http

    from addons.held import Held
    from addons.judge import Judge
    from gateway.destinations.tenant_headers import TenantHeaders

log = structlog.get_logger()


@dataclass
class Tenants:
    """Stands behind `Enforce`: what the client sent is inspected, what the company says is forwarded."""

    judge: Judge
    headers: TenantHeaders

    def request(self, flow: http.HTTPFlow) -> None:
        """Set or remove the headers of a request that may leave; an error refuses it."""
        held = flow.metadata.get(HELD)
        if held is None or not held.may_leave or held.refusal is not None:
            return
        try:
            self.restrict(flow.request, {flow.request.host, flow.request.pretty_host, flow.client_conn.sni or ""})
        except Exception as error:  # noqa: BLE001 - whatever it was, the request is refused
            self.failed(flow, held, error)

    def restrict(self, request: http.Request, hosts: set[str]) -> None:
        """The headers for every name that the server may go by: in transparent mode the address is none."""
        for host in sorted(hosts):
            for name, value in self.headers.for_host(host).items():
                # The engine's headers ignore case, and an assignment leaves one field of all that have the name.
                request.headers.pop(name, None)
                if value:
                    request.headers[name.lower() if request.is_http2 else name] = value

    def failed(self, flow: http.HTTPFlow, held: Held, error: Exception) -> None:
        """Refuse: without its header the request would reach accounts that the company does not allow."""
        metrics.FAILURES.labels(part="judge").inc()
        log.error("request refused after a fault", part="tenants", kind=type(error).__name__)
        held.refusal = answer_for(flow, held, builtin_verdict("internal", ""))
        self.judge.tell_outcome(held, f"refused ({held.refusal.status_code})")
