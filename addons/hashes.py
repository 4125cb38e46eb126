"""Instant uploads (秒传): a digest in place of bytes, held against the files that this gateway has judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.uploads.hashes import HashIndex, Kind, recognised
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from addons.held import Held
    from addons.kept import Kept
    from addons.steps import Ruling
    from gateway.findings import Inspection
    from gateway.policy.model import Policy
    from gateway.transfer import Transfer


@dataclass(slots=True)
class Hashes:
    """The index of digests of one worker; all workers share its file."""

    index: HashIndex
    kept: Kept

    async def known(self, held: Held, transfer: Transfer, found: Inspection, policy: Policy) -> Inspection:
        """The inspection, with what is known of the digests that an instant upload sends in place of bytes."""
        values = [value for text in held.where.hashes for value in found.values.get(text, ())]
        # Without a body, too: the digest may stand in the query.
        if found.failure or not (values or transfer.destination.kind == "rapid"):
            return found
        words = {"unknown"}
        if policy.asks_hash:
            digests = [recognised(value) for value in values]
            known = [await self.kept.call(self.index.lookup, *digest) or "unknown" for digest in digests if digest[0]]
            words = set(known) or words
        # Of several files the one that is least known decides.
        word = next(word for word in ("protected", "unknown", "seen") if word in words)
        return replace(found, known_hash=word)

    async def remember(self, ruling: Ruling, policy: Policy, at: float) -> None:
        """Note the digests of the files in a judged upload, when policy tells one digest from another."""
        if not policy.asks_hash:
            return
        kind: Kind = "seen" if ruling.verdict.action.lets_through else "protected"
        try:
            for part in ruling.inspection.parts:
                if part.is_file and part.depth == 0 and part.md5:
                    digests = (part.sha256, part.md5, part.sha1)
                    await self.kept.call(self.index.remember, kind, *digests, part.size_bytes, at)
        except StoreError:
            # The verdict stands and is recorded; a digest that is not noted is unknown, which lets nothing pass.
            metrics.FAILURES.labels(part="uploads").inc()
