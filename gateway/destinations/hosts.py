"""Host names in one form, and the index that finds what is known about one in a few dictionary look-ups."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import idna

from gateway.destinations.match import Pattern

HOST_PATTERN = re.compile(r"\*|[a-z0-9*_-]{1,63}(?:\.[a-z0-9*_-]{1,63}){0,9}")
"""Hosts as the catalogue writes them: A-labels, `*` for any run of characters (dots too); `*` alone is every host."""


def normal_host(host: str) -> str:
    """The host in the form that is compared: lower case, A-label, no trailing dot, no brackets. Never raises.

    >>> normal_host("API.Slack.com."), normal_host("[2001:DB8::1]"), normal_host("例子.example")
    ('api.slack.com', '2001:db8::1', 'xn--fsqu00a.example')
    >>> normal_host("..")
    '.'
    """
    host = host.removesuffix(".")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii").removesuffix(".")
        except (idna.IDNAError, UnicodeError):
            return host.lower()
    return host.lower()


@dataclass(slots=True)
class HostIndex[T]:
    """Host patterns → entries, asked from the most to the least specific; built once, then only read."""

    _exact: dict[str, list[T]] = field(default_factory=dict)
    _suffixes: dict[str, list[tuple[str, Pattern | None, T]]] = field(default_factory=dict)
    """Domain → pattern as written, what matches it (None: every host below), entry; most specific first."""
    every_host: list[T] = field(default_factory=list)
    """Entries of the pattern `*`."""

    def add(self, pattern: str, entry: T) -> None:
        """Take in one pattern; raises ValueError when it is not a host pattern."""
        if not HOST_PATTERN.fullmatch(pattern):
            raise ValueError("not a host; allowed: a lower-case A-label host, with * for any run of characters")
        if pattern == "*":
            self.every_host.append(entry)
        elif "*" not in pattern:
            self._exact.setdefault(pattern, []).append(entry)
        else:
            # Filed under the labels behind the last star, so that few patterns are tried for one host.
            _, _, tail = pattern.rpartition("*")
            suffix = tail.partition(".")[2]
            if not suffix:
                raise ValueError("the last star must stand before a whole domain, as in *.example.com")
            plain = pattern == f"*.{suffix}"
            glob = None if plain else Pattern(".*".join(re.escape(piece) for piece in pattern.split("*")))
            entries = self._suffixes.setdefault(suffix, [])
            entries.append((pattern, glob, entry))
            entries.sort(key=_generality)

    def find(self, host: str) -> list[T]:
        """Entries whose pattern fits the normal host, most specific first, none twice; without those of `*`."""
        found = list(self._exact.get(host, ()))
        rest = host
        while "." in rest:
            _, _, rest = rest.partition(".")
            entries = self._suffixes.get(rest, ())
            found += [entry for _, glob, entry in entries if glob is None or glob.matches(host)]
        return list(_once(found))


def _once[T](entries: Iterable[T]) -> Iterable[T]:
    seen = set()
    for entry in entries:
        if id(entry) not in seen:
            seen.add(id(entry))
            yield entry


def _generality(filed: tuple[str, Pattern | None, object]) -> tuple[bool, bool, int]:
    """Sorts `x-*.oss-*.example.com` before `*.oss-*.example.com`, and both before `*.example.com`."""
    pattern, glob, _ = filed
    return glob is None, pattern.startswith("*"), -len(pattern.replace("*", ""))
