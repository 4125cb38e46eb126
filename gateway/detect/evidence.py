"""What may be shown of a matched value: enough to recognise one's own, too little to use it."""

from __future__ import annotations

from gateway.detect.signatures import MaskKind

STARS = "***"
"""Stands where even the length says too much."""
_PREFIXES = ("-----", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "AKIA", "ASIA", "LTAI", "AKID", "AKLT", "xox", "eyJ")
"""Public openings of keys and tokens; they say which kind it is and nothing of the key. At most 4 characters are kept."""


def mask(value: str, kind: MaskKind) -> str:
    """The value masked; never the value, never more than 4 of its characters in a row (an e-mail's domain aside).

    >>> mask("11010519491231002X", "number")
    '**************002X'
    >>> mask("13800138000", "mobile")
    '*******8000'
    >>> mask("zhang.san@example.com", "email")
    '***@example.com'
    >>> mask("AKIAIOSFODNN7EXAMPLE", "secret")
    'AKIA***'
    >>> mask("E12345678", "number")
    '*******78'
    """
    match kind:
        case "number":
            return _number(value)
        case "mobile":
            return "*" * 7 + value[-4:] if len(value) >= 11 else "*" * len(value)
        case "email":
            local, _, domain = value.rpartition("@")
            return f"{STARS}@{domain}" if local and domain else STARS
        case "secret":
            prefix = next((prefix[:4] for prefix in _PREFIXES if value.startswith(prefix)), "")
            return prefix + STARS if len(value) > 2 * len(prefix) else STARS
        case "name" | "word":
            return value[0] + "*" * min(len(value) - 1, 7) if len(value) > 1 else STARS
        case _:
            return ""


def _number(value: str) -> str:
    """Twelve digits and more keep four, six and more keep two, shorter ones none."""
    kept = 4 if len(value) >= 12 else 2 if len(value) >= 6 else 0
    return "*" * (len(value) - kept) + value[len(value) - kept :] if value else STARS
