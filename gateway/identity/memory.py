"""Logins that were checked, remembered for a while: keyed digests only, bounded in number and in time."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable

from gateway.identity.logins import Login

MAX_REMEMBERED = 10_000
"""Most right logins, and most wrong ones, that are remembered; the oldest are forgotten first."""
WRONG_S = 10.0
"""How long a wrong login is known to be wrong; a browser repeats a stale password on each of its connections."""


class LoginMemory:
    """For one event loop. Passwords are not kept: a login is an HMAC under a key of this process."""

    def __init__(self, *, key: bytes, ttl_s: float, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._key, self._ttl_s, self._clock = key, ttl_s, clock
        self._right: OrderedDict[bytes, tuple[float, Login]] = OrderedDict()
        self._wrong: OrderedDict[bytes, float] = OrderedDict()

    def mark(self, name: str, password: str) -> bytes:
        """What stands for a name and password here; 32 bytes."""
        own, secret = (text.encode("utf-8", "surrogatepass") for text in (name, password))
        # The length keeps two different pairs from being one text.
        return hmac.digest(self._key, b"%d\0%b%b" % (len(own), own, secret), hashlib.sha256)

    def right(self, mark: bytes) -> Login | None:
        """The login, while it is remembered."""
        until, login = self._right.get(mark, (0.0, None))
        return login if self._clock() < until else None

    def is_wrong(self, mark: bytes) -> bool:
        """Whether it was wrong just now."""
        return self._clock() < self._wrong.get(mark, 0.0)

    def keep(self, mark: bytes, login: Login | None) -> None:
        """Remember how a check came out; None for wrong."""
        if login is None:
            self._right.pop(mark, None)
            _put(self._wrong, mark, self._clock() + WRONG_S)
        else:
            self._wrong.pop(mark, None)
            _put(self._right, mark, (self._clock() + self._ttl_s, login))

    def forget(self) -> None:
        """Forget all: the passwords may have changed."""
        self._right.clear()
        self._wrong.clear()


def _put[T](kept: OrderedDict[bytes, T], mark: bytes, value: T) -> None:
    kept[mark] = value
    kept.move_to_end(mark)
    if len(kept) > MAX_REMEMBERED:
        kept.popitem(last=False)
