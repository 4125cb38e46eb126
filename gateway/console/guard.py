"""What stands before every request: the host check against DNS rebinding, the headers, and the end of every error."""

from __future__ import annotations

import ipaddress
import json

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.console.pac import PATHS
from gateway.console.words_en import WORDS
from gateway.settings import Address

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline, in nobody's frame."""
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer. A page is about persons: no cache keeps it, no other site learns its address."""
PROBES = frozenset({"/healthz", "/readyz", *PATHS})
"""Asked by machines under whatever name they know this one; they tell nothing of anybody."""

log = structlog.get_logger("console")


class Guard:
    """ASGI middleware; the outermost one of ours."""

    def __init__(self, app: ASGIApp, listen: Address) -> None:
        self._app = app
        self._hosts = frozenset({"localhost", "127.0.0.1", "::1", listen.host})
        self._any_address = listen.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
        self._hint = WORDS["error.host.hint"].format(allowed=f"http://{_usual(listen)}/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        path = scope["path"]
        status = 0 if path in PROBES else self._refusal(Headers(scope=scope).getlist("host"))
        if status:
            await _answer(send_guarded, status, WORDS["error.host"], self._hint, path)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets one answer and the log no trace
            # The server would log the trace, and a trace may quote a record.
            log.error("console.failed", kind=type(error).__name__)
            if started:
                raise ConnectionError from None
            await _answer(send_guarded, 500, WORDS["error.internal"], type(error).__name__, path)

    def _refusal(self, given: list[str]) -> int:
        """0 for a request that names this console, else the status of the answer."""
        if len(given) != 1 or not given[0]:
            return 400
        host = _without_port(given[0].strip().lower())
        if host in self._hosts or (self._any_address and _is_address(host)):
            # A page elsewhere that has its own name point here can never send a bare address as the host.
            return 0
        return 421


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _usual(listen: Address) -> Address:
    return Address("127.0.0.1", listen.port) if listen.host in {"0.0.0.0", "::"} else listen  # noqa: S104


async def _answer(send: Send, status: int, title: str, detail: str, path: str) -> None:
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": path}
    body = json.dumps({**problem, "errors": []}, ensure_ascii=True).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
