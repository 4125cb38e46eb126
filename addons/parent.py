"""Mode `upstream`: the login to the next proxy, and what of that proxy's answers is not the client's business."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from addons.held import HELD
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http

FIELD = "proxy-authorization"


class Parent:
    """Placed behind `enforce`, so that nothing of the login is ever inspected, judged or recorded."""

    def __init__(self, login: str) -> None:
        self._field = "Basic " + base64.b64encode(login.encode()).decode("ascii") if login else ""

    def http_connect_upstream(self, flow: http.HTTPFlow) -> None:
        """Log in where a tunnel is asked for."""
        if self._field:
            flow.request.headers[FIELD] = self._field

    def request(self, flow: http.HTTPFlow) -> None:
        """Log in where a request goes in the clear, and only one that may leave."""
        held = flow.metadata.get(HELD)
        if self._field and flow.request.scheme == "http" and held is not None and held.may_leave:
            flow.request.headers[FIELD] = self._field

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Say that the next proxy refused the gateway, where its 407 would ask the client for a password."""
        if flow.response is not None and flow.response.status_code == 407:
            metrics.FAILURES.labels(part="parent").inc()
            flow.response.status_code, flow.response.reason = 502, "Bad Gateway"
            flow.response.headers.pop("proxy-authenticate", None)
