"""Verdict → the HTTP response that the refused sender's client shows (INTERFACE, 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.findings import Verdict
from gateway.refusal.dialects import Answer, for_git, in_dialect
from gateway.refusal.negotiate import allowed_origin, asked_language, wants_page
from gateway.refusal.page import page
from gateway.refusal.problem import problem
from gateway.refusal.wording import Language, Notice, notice_of, refusal_status

__all__ = ["Refusal", "refusal_status", "render"]

DEFAULT_LANGUAGE: Language = "zh"
"""First language where neither the client nor its service says which."""
EXPOSED = "X-Sluice-Verdict, X-Sluice-Incident"
"""What a page's script may read of a refusal from another origin."""


class Refusal(NamedTuple):
    """A response without its Content-Length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def render(
    verdict: Verdict, *, incident: str, dialect: str, headers: Mapping[str, str], console_url: str = ""
) -> Refusal:
    """The refusal in the shape this client reads; never raises, whatever the request's headers hold.

    `dialect` is the name of the service's error shape, empty for none. `headers` are the request's, names in lower
    case. `console_url` is where a sender can appeal, empty for nowhere.

    >>> from gateway.policy.builtin import builtin_verdict
    >>> refusal = render(builtin_verdict("upgrade", "d"), incident="7", dialect="slack", headers={})
    >>> refusal.status, refusal.headers[0], refusal.body[:12]
    (403, ('X-Sluice-Verdict', 'block'), b'{"ok": false')
    """
    notice = notice_of(verdict, incident=incident, console_url=console_url)
    answer = _answer(notice, dialect, headers)
    fields = [("X-Sluice-Verdict", "hold" if notice.is_held else "block")]
    if notice.incident:
        fields.append(("X-Sluice-Incident", notice.incident))
    fields += [
        ("Cache-Control", "no-store"),
        ("Content-Type", answer.content_type),
        ("X-Content-Type-Options", "nosniff"),
        *answer.headers,
        *_cross_origin(headers),
    ]
    return Refusal(notice.status, tuple(fields), answer.body)


def _answer(notice: Notice, dialect: str, headers: Mapping[str, str]) -> Answer:
    asked = asked_language(headers)
    if wants_page(headers):
        return page(notice, asked or DEFAULT_LANGUAGE)
    return (
        for_git(headers, notice, asked)
        or in_dialect(dialect, notice, asked)
        or problem(notice, asked or DEFAULT_LANGUAGE)
    )


def _cross_origin(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What lets the script of another origin read the refusal; without it a page only sees a network error."""
    if "origin" not in headers:
        return ()
    origin = allowed_origin(headers)
    if not origin:
        return (("Vary", "Origin"),)
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", EXPOSED),
        ("Vary", "Origin"),
    )
