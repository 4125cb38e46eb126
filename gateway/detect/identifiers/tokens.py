"""Tokens whose form is public: JSON Web Tokens, GitHub and GitLab, Slack."""

from __future__ import annotations

import base64
import re

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers.own import OWN_SHARE, is_own
from gateway.detect.identifiers.shape import Candidate, Found, Identifier, Shape, plain

_MAX_JWT = 8192
"""Longest token looked at; servers refuse longer headers."""
_JWT = re.compile(
    r"(?<![A-Za-z0-9_\-.])(?P<head>eyJ[A-Za-z0-9_\-]{8,1024})\.eyJ[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{16,1024}"
)
_GITHUB = re.compile(
    r"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|glpat-[A-Za-z0-9_\-]{20,64})(?![A-Za-z0-9_])"
)
_SLACK = re.compile(
    r"(?<![A-Za-z0-9_])(?:xox[abeoprs]-(?:[0-9A-Za-z]{1,20}-){1,4}[0-9A-Za-z]{8,64}|xapp-[0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-[0-9a-f]{32,64}"
    r"|hooks\.slack\.com/services/T[A-Z0-9]{6,14}/B[A-Z0-9]{6,14}/[A-Za-z0-9]{20,28})(?![A-Za-z0-9_\-])"
)


def _jwt(found: Found, document: Document) -> Candidate | None:
    head = found["head"]
    header = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)) if len(head) % 4 != 1 else b""
    if b'"alg"' not in header:
        return None
    return plain(found, share=OWN_SHARE if is_own(found, document) else 1.0)


def _token(found: Found, _document: Document) -> Candidate | None:
    """Placeholders repeat one character or run through the alphabet's start."""
    return plain(found) if len(set(found[0][-16:].lower())) > 4 else None


JWT = Identifier(
    "secret.jwt",
    (Shape(Trigger(r"(?:^|[^A-Za-z0-9_\-.])eyJ[A-Za-z0-9_\-]{8}"), _JWT, _jwt, reach=_MAX_JWT),),
)
GITHUB_TOKEN = Identifier(
    "secret.github-token",
    (
        Shape(
            Trigger(
                r"(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|glpat-[A-Za-z0-9_\-]{20})"
            ),
            _GITHUB,
            _token,
            reach=280,
        ),
    ),
)
SLACK_TOKEN = Identifier(
    "secret.slack-token",
    (
        Shape(
            Trigger(r"(?:xox[abeoprs]-[0-9A-Za-z]|xapp-[0-9]-|hooks\.slack\.com/services/T)"), _SLACK, _token, reach=200
        ),
    ),
)
