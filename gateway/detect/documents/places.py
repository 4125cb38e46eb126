"""Where terms stand in a text: plain searches first, patterns only at the places they give.

An alternation of a hundred words costs microseconds per character; a search for each word that the fast pass saw costs a
nanosecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from heapq import merge

from gateway.detect.documents.terms import WIDE_PUNCTUATION, bounded, compiled, fold

_DOTTED_I = "\u0130"
"""The one letter whose lower case is longer than itself."""


class Places:
    """A text in which terms are looked for; offsets are those of the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lower = ""

    def of(self, term: str) -> Iterator[tuple[int, int]]:
        """Start and end of each place of the term, rising; English words stand alone, in any case.

        >>> list(Places("甲 方与甲方, Party  a").of("甲 方")), list(Places("Party  a").of("Party A"))
        ([(0, 3), (4, 6)], [(0, 8)])
        """
        needle, pattern = _search(term)
        text = self.text if not needle.isascii() else self._lowered()
        at = text.find(needle)
        while at >= 0:
            if pattern is None:
                yield at, at + len(needle)
                at = text.find(needle, at + len(needle))
                continue
            found = pattern.match(self.text, at)
            if found:
                yield found.span()
            at = text.find(needle, found.end() if found else at + 1)

    def merged(self, terms: Iterable[str]) -> Iterator[tuple[int, int, str]]:
        """Start, end and term of every place of any of the terms, rising; where two overlap, the first and longest.

        >>> list(Places("商业秘密和秘密").merged(("秘密", "商业秘密")))
        [(0, 4, '商业秘密'), (5, 7, '秘密')]
        """
        done = 0
        for start, negative_end, term in merge(*(self._keyed(term) for term in terms)):
            if start >= done:
                done = -negative_end
                yield start, done, term

    def _keyed(self, term: str) -> Iterator[tuple[int, int, str]]:
        return ((start, -end, term) for start, end in self.of(term))

    def _lowered(self) -> str:
        if not self._lower:
            self._lower = self.text.replace(_DOTTED_I, "I").lower()
        return self._lower


@lru_cache(maxsize=4096)
def _search(term: str) -> tuple[str, re.Pattern[str] | None]:
    """What to search for, and the pattern that must match there; None where the search says all."""
    folded = fold(term)
    needle = re.split(f"[ {re.escape(''.join(WIDE_PUNCTUATION))}]", folded)[0].lower()
    whole = needle == folded and not folded[0].isascii() and not folded[-1].isascii()
    return needle, None if whole else compiled(bounded(folded))
