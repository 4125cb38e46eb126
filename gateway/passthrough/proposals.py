"""Hosts whose clients refuse the gateway's certificate, from the records; a person decides, nothing is added by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

RULE = "wire.tls-refused"
"""Rule of the records that are counted."""
MAX_USERS = 20
"""Most senders named for one host; `senders` counts all."""


@dataclass(slots=True)
class Proposal:
    """One host, and who could not reach it."""

    host: str
    handshakes: int = 0
    """Handshakes that clients broke off."""
    senders: int = 0
    """Distinct users, or addresses where nobody is known."""
    users: list[str] = field(default_factory=list)
    """The first MAX_USERS of them."""
    last_at: str = ""
    """RFC 3339, UTC."""
    service: str = ""
    """Catalogue id of the app it looks like; empty when nobody knows."""
    region: str = ""

    def entry(self) -> str:
        """What to put under `tls.passthrough` once somebody answers for it; the blanks do not pass `sluice check`.

        >>> print(Proposal("app.bank.example", handshakes=3, senders=1).entry())
        - host: app.bank.example
          reason: ""       # why it must pass unread
          owner: ""        # who answers for it
          expires: ""      # YYYY-MM-DD, last day
        """
        return (
            f"- host: {self.host}\n"
            '  reason: ""       # why it must pass unread\n'
            '  owner: ""        # who answers for it\n'
            '  expires: ""      # YYYY-MM-DD, last day'
        )


def proposals(records: Iterable[Mapping[str, Any]], *, listed: Iterable[str] = ()) -> list[Proposal]:
    """The hosts of the records, most handshakes first; `listed` are hosts that somebody has decided about already.

    `records` are bodies of records of the rule RULE, in any order; what has no host name is left out.
    """
    found: dict[str, Proposal] = {}
    senders: dict[str, dict[str, None]] = {}
    known = frozenset(listed)
    for record in records:
        to, actor = record.get("destination") or {}, record.get("actor") or {}
        host = str(to.get("host") or "")
        if not host or host in known or not is_host(host):
            continue
        proposal = found.setdefault(host, Proposal(host))
        connection = record.get("connection") or {}
        count = connection.get("count")
        proposal.handshakes += count if isinstance(count, int) and count > 0 else 1
        proposal.last_at = max(proposal.last_at, str(connection.get("last_at") or record.get("at") or ""))
        proposal.service = proposal.service or str(to.get("service") or "")
        proposal.region = proposal.region or str(to.get("region") or "")
        if who := str(actor.get("user") or actor.get("ip") or ""):
            senders.setdefault(host, {})[who] = None
    for host, proposal in found.items():
        names = senders.get(host, {})
        proposal.senders, proposal.users = len(names), sorted(names)[:MAX_USERS]
    return sorted(found.values(), key=lambda proposal: (-proposal.handshakes, proposal.host))


def is_host(text: str) -> bool:
    """Whether it can stand in a list as it is; an address or a name with odd characters cannot.

    >>> is_host("app.bank.example"), is_host("203.0.113.9"), is_host("a: b")
    (True, False, False)
    """
    return (
        text.isascii()
        and all(char.isalnum() or char in "-._" for char in text)
        and "." in text
        and not text.replace(".", "").isdigit()
    )
