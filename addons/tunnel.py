"""CONNECT: tunnels whose destination alone refuses them, with an answer the client can show, before a byte goes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addons.answer import response_of
from addons.held import ASK_AT_ONCE
from addons.names import is_address
from gateway.channels.protocols import FAMILIES, HOSTS, PORTS, SPEAKS_FIRST, UNKNOWN
from gateway.policy.builtin import builtin_verdict
from gateway.refusal.render import render
from gateway.settings import normal_host
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http
    from mitmproxy.connection import Client

    from addons.unread import Unread


class Tunnel:
    """Placed behind the log-in: who may not use the proxy learns nothing else."""

    def __init__(self, unread: Unread) -> None:
        self.unread = unread

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Refuse by host, port and form of the target, unless an exception of the policy names it."""
        if flow.response is not None:
            return
        self.unread.remember_agent(flow)
        host, port = normal_host(flow.request.host), flow.request.port
        named = HOSTS.get(host, "")
        protocol = named or PORTS.get(port, UNKNOWN)
        if FAMILIES.get(named) == "relay":
            self.refuse(flow, host, port, protocol, "relay")
        elif protocol in SPEAKS_FIRST:
            flow.metadata[ASK_AT_ONCE] = self.passes(flow.client_conn, host, port, protocol, "unknown-protocol")
            if not flow.metadata[ASK_AT_ONCE]:
                self.refuse(flow, host, port, protocol, "unknown-protocol")
        elif (
            is_address(host)
            and not self.unread.is_listed(host, port)
            and not self.passes(flow.client_conn, host, port, protocol, "bare-address")
        ):
            self.refuse(flow, host, port, protocol, "bare-address")

    def passes(self, client: Client, host: str, port: int, protocol: str, reason: str) -> bool:
        """Whether an exception lifts the refusal; what goes through the tunnel is judged all the same."""
        return self.unread.lifted(client, host, port, protocol=protocol, reason=reason) is not None

    def refuse(self, flow: http.HTTPFlow, host: str, port: int, protocol: str, reason: str) -> None:
        """Answer with the refusal; it is recorded, but not waited for: nothing leaves either way."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tunnel").inc()
        verdict = builtin_verdict(reason, self.unread.judge.policy().digest)
        headers = {name.lower(): value for name, value in flow.request.headers.items()}
        incident = self.unread.refuse(
            flow.client_conn, host, port, protocol=protocol, reason=reason, outcome="refused (403)"
        )
        refusal = render(verdict, incident=incident, dialect="", headers=headers)
        flow.response = response_of(refusal.status, refusal.headers, refusal.body)
