"""Password hashes: argon2 and bcrypt; every other kind is refused by name."""

from __future__ import annotations

import re

import bcrypt
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

MAX_HASH_MIB = 256
"""Most memory one check may ask for, in MiB: an argon2 hash names its own price."""
MAX_ROUNDS = 20
"""Most rounds of an argon2 hash."""
MAX_COST = 14
"""Highest cost of a bcrypt hash, about a second of one core; 10 to 12 are usual."""
BCRYPT_BYTES = 72
"""What bcrypt looks at; `htpasswd -B` cut the password there when it made the hash, so it is cut there again."""

ABSENT_HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2x1aWNlLWFic2VudA$Zm8GZmbJ6Lw+7Ck6JQ5yEVW0PZyJfVnOjWVBUcZc0Rk"
"""Checked where there is no other hash, so that the time does not tell; no password is known to fit it."""

WEAK = (
    ("$apr1$", "MD5 of Apache ($apr1$)"),
    ("$1$", "MD5 crypt ($1$)"),
    ("$5$", "SHA-256 crypt ($5$)"),
    ("$6$", "SHA-512 crypt ($6$)"),
    ("{SHA}", "SHA-1 ({SHA})"),
    ("{SSHA}", "salted SHA-1 ({SSHA})"),
)
"""Beginning of a hash that is refused, and what it is."""

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_DES_CRYPT = re.compile(r"[./A-Za-z0-9]{13}")
_HASHER = PasswordHasher()


def check_hash(text: str) -> str:
    """The hash as it is; raises ValueError for one that is too weak, too dear or none. The message holds no part of it.

    >>> check_hash("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
    Traceback (most recent call last):
    ValueError: SHA-1 ({SHA}) is too weak; allowed: argon2 ($argon2id$) and bcrypt (htpasswd -B)
    """
    allowed = "allowed: argon2 ($argon2id$) and bcrypt (htpasswd -B)"
    for start, name in WEAK:
        if text.startswith(start):
            raise ValueError(f"{name} is too weak; {allowed}")
    bcrypt_cost = _BCRYPT.fullmatch(text)
    if bcrypt_cost:
        if not 4 <= int(bcrypt_cost[1]) <= MAX_COST:
            raise ValueError(f"the bcrypt hash has a cost outside 4 to {MAX_COST}")
        return text
    try:
        parameters = extract_parameters(text)
    except InvalidHashError:
        kind = "DES crypt is too weak" if _DES_CRYPT.fullmatch(text) else "plain text or no hash that is known here"
        raise ValueError(f"{kind}; {allowed}") from None
    if parameters.memory_cost > MAX_HASH_MIB * 1024 or parameters.time_cost > MAX_ROUNDS:
        raise ValueError(f"the hash asks for more than {MAX_HASH_MIB} MiB or {MAX_ROUNDS} rounds")
    return text


def fits(stored: str, secret: bytes) -> bool:
    """Whether the password made the hash. Takes a core for tens of milliseconds, without the interpreter's lock."""
    try:
        if stored.startswith("$2"):
            return bcrypt.checkpw(secret[:BCRYPT_BYTES], stored.encode())
        return _HASHER.verify(stored, secret)
    except (Argon2Error, InvalidHashError, ValueError):
        return False
