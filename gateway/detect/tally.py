"""Distinct values and persons of one transfer, over all its parts, as keyed digests: spreading them does not hide them."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from gateway.detect.persons import KINDS

MAX_VALUES = 1_000_000
"""Most distinct values kept per signature, and most persons; over it the count is a lower bound, above every threshold."""


class Tally:
    """Counts for one transfer; holds digests under the key given, never values."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._values: dict[str, set[bytes]] = {}
        self._persons: dict[bytes, bool] = {}

    def add_values(self, signature: str, values: Iterable[str]) -> None:
        """Count values of a signature; a value counted before does not count again."""
        digests = self._values.setdefault(signature, set())
        for value in values:
            if len(digests) < MAX_VALUES:
                digests.add(self._digest(f"{signature}={value}"))

    def add_rows(self, rows: Iterable[Sequence[str]]) -> None:
        """Count persons by their tokens; the tokens of one row belong together (see `gateway.detect.persons`)."""
        for row in rows:
            self._add_row(row)

    @property
    def distinct(self) -> Mapping[str, int]:
        """Signature → distinct values."""
        return MappingProxyType({name: len(values) for name, values in sorted(self._values.items())})

    @property
    def persons(self) -> int:
        """Distinct persons.

        A token that stood beside a surer one (a mobile number beside a resident ID) is that person's, and does not
        count again where it stands alone.
        """
        return sum(self._persons.values())

    def _add_row(self, tokens: Sequence[str]) -> None:
        kinds: dict[str, list[str]] = {}
        for token in dict.fromkeys(tokens):
            kinds.setdefault(token.partition(":")[0], []).append(token)
        owners = 0
        for kind in sorted(kinds, key=_rank):
            for index, token in enumerate(kinds[kind]):
                digest = self._digest(token)
                # More numbers than owners in a row: those left over are other persons'.
                counts = index >= owners and self._persons.get(digest, True)
                if digest in self._persons or len(self._persons) < MAX_VALUES:
                    self._persons[digest] = counts
            owners = max(owners, len(kinds[kind]))

    def _digest(self, value: str) -> bytes:
        return hmac.digest(self._key, value.encode(errors="surrogatepass"), "sha256")[:16]


def _rank(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)
