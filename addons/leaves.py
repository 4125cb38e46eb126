"""The leaf certificates of one worker: thousands are kept, and forgetting one costs the same however many there are."""

from __future__ import annotations

from collections import deque

from mitmproxy.certs import CertStore, CertStoreEntry

LEAF_CAP = 5000
"""Leaf certificates kept by a worker; at mitmproxy's 100 a busy gateway signs anew all the time (ENGINE, 5)."""

_stock_expire, _stock_cap = CertStore.expire, CertStore.STORE_CAP


def install() -> None:
    """Put the correction in force; called by `addons.patches.install`, which checks the version."""
    CertStore.expire = expire  # type: ignore[method-assign]
    CertStore.STORE_CAP = LEAF_CAP


def uninstall() -> None:
    """Put the stock code back."""
    CertStore.expire = _stock_expire  # type: ignore[method-assign]
    CertStore.STORE_CAP = _stock_cap


def expire(self: CertStore, entry: CertStoreEntry) -> None:
    """Forget the oldest leaf when there are more than STORE_CAP; called right after the newest was put in.

    Stock, the whole store is copied for it, and each of its entries compared with the oldest by their fingerprints: once
    full, a store of n costs n for every new name. The key of the newest is the last one of the store, so the keys can be
    queued here and the oldest taken out by its key.
    """
    order: deque[object] = self.__dict__.setdefault("sluice_order", deque())
    newest = next(reversed(self.certs))
    assert self.certs[newest] is entry
    order.append(newest)
    if len(order) > self.STORE_CAP:
        self.certs.pop(order.popleft(), None)  # type: ignore[call-overload]
