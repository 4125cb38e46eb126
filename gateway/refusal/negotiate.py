"""What the request's headers say about the client: a person's browser or a program, which language, which origin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from gateway.refusal.wording import Language

MAX_RANGES = 64
"""Most entries of an Accept or Accept-Language header that are read; browsers send under ten."""
MAX_ORIGIN = 300
"""Longest origin that is sent back: a host name has at most 253 characters."""

_LANGUAGES: Mapping[str, Language] = {"zh": "zh", "en": "en"}
_QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?|null", re.ASCII)
"""RFC 6454, 6.2, with the schemes of browser extensions; `null` is what sandboxed frames send."""


def wants_page(headers: Mapping[str, str]) -> bool:
    """Whether a person looks at the answer: a browser goes to a page or sends a form.

    >>> wants_page({"sec-fetch-mode": "navigate"}), wants_page({"accept": "*/*"})
    (True, False)
    """
    mode, dest = headers.get("sec-fetch-mode", ""), headers.get("sec-fetch-dest", "")
    if mode or dest:
        return mode == "navigate" or dest == "document"
    accepted: dict[str, float] = {}
    for media_type, quality in _ranges(headers.get("accept", "")):
        accepted.setdefault(media_type, quality)
    wildcard = max(accepted.get("*/*", 0.0), accepted.get("application/*", 0.0))
    data = max(accepted.get(kind, wildcard) for kind in ("application/json", "application/problem+json"))
    return accepted.get("text/html", 0.0) > data


def asked_language(headers: Mapping[str, str]) -> Language | None:
    """The one of the two languages that the client likes better; None when it asks for neither.

    >>> asked_language({"accept-language": "de,en;q=0.8,zh;q=0.5"}), asked_language({"accept-language": "de"})
    ('en', None)
    """
    best: Language | None = None
    best_quality = 0.0
    for tag, quality in _ranges(headers.get("accept-language", "")):
        language = _LANGUAGES.get(tag.partition("-")[0])
        if language and quality > best_quality:
            best, best_quality = language, quality
    return best


def allowed_origin(headers: Mapping[str, str]) -> str:
    """The origin of the page that sent it, empty when there is none or it is not one.

    >>> allowed_origin({"origin": "https://pan.example.com"}), allowed_origin({"origin": "https://a, https://b"})
    ('https://pan.example.com', '')
    """
    origin = headers.get("origin", "")
    return origin if len(origin) <= MAX_ORIGIN and _ORIGIN.fullmatch(origin) else ""


def _ranges(value: str) -> Iterator[tuple[str, float]]:
    """Entries of a list with qualities (RFC 9110, 12.4.2), lower case; a quality that is not one counts as 0."""
    for entry in value.split(",", MAX_RANGES)[:MAX_RANGES]:
        name, *parameters = entry.lower().split(";")
        quality = 1.0
        for parameter in parameters:
            if parameter.strip().startswith("q="):
                matched = _QUALITY.fullmatch(parameter.strip())
                quality = float(matched[1]) if matched else 0.0
        yield name.strip(), quality
