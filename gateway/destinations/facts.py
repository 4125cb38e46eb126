"""Where in a request its facts stand: name, size, tenant, conversation and digests, as the catalogue says it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gateway.wire.places import parse_place


@dataclass(frozen=True, slots=True)
class Facts:
    """Places of one endpoint, as written; of several the first that has a value counts."""

    name: str = ""
    """Of the file's name."""
    size: str = ""
    """Of the file's declared size, bytes."""
    tenant: tuple[str, ...] = ()
    conversation: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    """Of digests that stand for a file's content; all count."""

    @property
    def in_body(self) -> tuple[str, ...]:
        """Places of tenant, conversation and digests for which the body has to be read, each once."""
        return _in_body((*self.tenant, *self.conversation, *self.hashes))


@lru_cache(maxsize=4096)
def _in_body(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Kept, because it is asked for every request and the catalogue has a few hundred answers."""
    return tuple(text for text in dict.fromkeys(texts) if parse_place(text).in_body)


NO_FACTS = Facts()
