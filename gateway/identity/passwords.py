"""Names and passwords against hashes in a file, without telling by the time whether a name exists."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from gateway.identity.hashes import ABSENT_HASH, fits
from gateway.identity.logins import Login


class Passwords:
    """A `Checker` over hashes by name."""

    def __init__(self, hashes: Mapping[str, str], *, key: bytes) -> None:
        """`key` is fresh random bytes; it picks the hash an unknown name is checked against."""
        self._hashes = dict(hashes)
        self._stored = tuple(hashes.values()) or (ABSENT_HASH,)
        self._key = key

    def check(self, name: str, password: str) -> Login | None:
        """The login when the password is right. Blocks for as long as the hash asks."""
        secret = password.encode("utf-8", "surrogatepass")
        stored = self._hashes.get(name)
        if stored is None:
            # Costs what one of the known names costs, and for one name always the same.
            fits(self._like(name), secret)
            return None
        return Login(name) if fits(stored, secret) else None

    def knows(self, name: str) -> bool:
        """Whether the name has a password."""
        return name in self._hashes

    def _like(self, name: str) -> str:
        digest = hmac.digest(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return self._stored[int.from_bytes(digest[:8], "big") % len(self._stored)]
