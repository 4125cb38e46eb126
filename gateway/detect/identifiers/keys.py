"""Private keys and the access keys of clouds."""

from __future__ import annotations

import math
import re
from collections import Counter

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers.shape import LEFT, Candidate, Found, Identifier, Shape, plain

_PEM = re.compile(r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_PUTTY = re.compile(r"PuTTY-User-Key-File-[0-9]:")
_AGE = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{58}(?![0-9A-Z])")
_BODY = re.compile(r"(?:MI[IGH]|b3BlbnNz)[A-Za-z0-9+/]{5,}|[A-Za-z0-9+/]{16,}")
"""Base64; short where it opens as DER or OpenSSH keys do, so that a key cut to its first line counts."""
_BODY_CHARS = 1200
"""How far behind its header a key's body starts: PuTTY's public part and PGP's comments stand between."""
_NEXT = re.compile(r"-BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-[0-9]:")
"""The header of another key."""
_SURE_BODY = 40
"""Base64 characters in a row that no header field or prose has."""
_WORD = re.compile(r"(?!MI[IGH]|b3BlbnNz)(?:[A-Za-z]+|[0-9]+)")

_AWS_ID = re.compile(r"(?<![0-9A-Za-z+/_])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![0-9A-Za-z+/_])")
_AWS_LABEL = (
    r"(?:secret[_\- .]?access[_\- .]?key|aws[_\- .]?secret[_\- .]?(?:key)?|aws[_\- .]?secret[_\- .]?access[_\- .]?key)"
)
_AWS_SECRET = re.compile(
    rf"{_AWS_LABEL}[\"'\]]?[ \t]{{0,4}}(?:[:=：]|=>|:=|>|is)[ \t]{{0,4}}[\"']?(?P<value>[A-Za-z0-9/+]{{40}})(?![A-Za-z0-9/+=])",
    re.IGNORECASE,
)
_CLOUD_ID = re.compile(
    r"(?<![0-9A-Za-z+/_])(?:LTAI[A-Za-z0-9]{12}|LTAI[A-Za-z0-9]{16}|LTAI[A-Za-z0-9]{20}|AKID[A-Za-z0-9]{32}|AKLT[A-Za-z0-9\-_]{20,64}"
    r"|ALTAK[A-Za-z0-9]{21})(?![0-9A-Za-z+/_])"
)
"""Alibaba Cloud (16, 20 and 24 characters), Tencent Cloud, Volcengine, Baidu Cloud."""
_CLOUD_SECRET = re.compile(
    r"(?:access[_\-]?key[_\-]?secret|secret[_\-]?key|secret[_\-]?access[_\-]?key)[\"'\]]?[ \t]{0,4}(?:[:=：]|=>)[ \t]{0,4}[\"']?"
    r"(?P<value>[A-Za-z0-9]{30}|[A-Za-z0-9]{32}|[A-Za-z0-9]{40})(?![A-Za-z0-9/+=])",
    re.IGNORECASE,
)
_ENTROPY_BITS = 3.2
"""Per character; words and repetitions have less, random 30 characters have over 4."""


def entropy_bits(text: str) -> float:
    """Shannon entropy per character.

    >>> round(entropy_bits("aabb"), 1)
    1.0
    """
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def is_random(text: str) -> bool:
    """Whether the text looks drawn by chance: letters and digits mixed, no word repeated.

    >>> is_random("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), is_random("x" * 40)
    (True, False)
    """
    mixed = any(char.isdigit() for char in text) and any(char.isalpha() for char in text)
    return mixed and entropy_bits(text) >= _ENTROPY_BITS


def _private_key(found: Found, _document: Document) -> Candidate | None:
    """A header with a body: manuals name the header alone."""
    text, stop = found.string, found.end() + _BODY_CHARS
    # What follows the next header is that one's body; headers that stand close together must not all read on.
    if following := _NEXT.search(text, found.end(), stop):
        stop = following.start()
    for body in _BODY.finditer(text, found.end(), stop):
        if len(body[0]) >= _SURE_BODY or (not _WORD.fullmatch(body[0]) and _begins_line(text, body.start())):
            return plain(found, body[0][:64], share=1.0 if len(body[0]) >= _SURE_BODY else 0.7)
    return None


def _begins_line(text: str, at: int) -> bool:
    return text[max(0, at - 2) : at].endswith(("\n", "\\n"))


def _whole(found: Found, _document: Document) -> Candidate:
    return plain(found)


def _access_id(found: Found, _document: Document) -> Candidate | None:
    return plain(found) if is_random(found[0][4:]) else None


def _secret(found: Found, _document: Document) -> Candidate | None:
    return plain(found) if is_random(found["value"]) else None


PRIVATE_KEY = Identifier(
    "secret.private-key",
    (
        Shape(Trigger("PRIVATE KEY(?: BLOCK)? ?-{4}"), _PEM, _private_key, reach=90),
        Shape(Trigger("PuTTY-User-Key-File-[0-9]:"), _PUTTY, _private_key),
        Shape(Trigger("AGE-SECRET-KEY-1[0-9A-Z]{58}"), _AGE, _whole, reach=90),
    ),
)
AWS_KEY = Identifier(
    "secret.aws-key",
    (
        Shape(Trigger("(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"), _AWS_ID, _whole),
        Shape(
            Trigger(rf"{_AWS_LABEL}[^A-Za-z0-9/+]{{1,12}}[A-Za-z0-9/+]{{40}}", caseless=True),
            _AWS_SECRET,
            _secret,
            reach=100,
        ),
    ),
)
CLOUD_KEY = Identifier(
    "secret.cloud-cn",
    (
        Shape(
            Trigger(LEFT + "(?:LTAI[A-Za-z0-9]{12}|AKID[A-Za-z0-9]{32}|AKLT[A-Za-z0-9_\\-]{20}|ALTAK[A-Za-z0-9]{21})"),
            _CLOUD_ID,
            _access_id,
            reach=80,
        ),
        Shape(
            Trigger(
                r"(?:key[_\-]?secret|secret[_\-]?key|access[_\-]?key)[^A-Za-z0-9/+\n]{1,12}[A-Za-z0-9]{30}",
                caseless=True,
            ),
            _CLOUD_SECRET,
            _secret,
            reach=100,
        ),
    ),
)
