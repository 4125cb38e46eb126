"""Connections that nobody can read: which exception of the policy lets one pass all the same."""

from __future__ import annotations

from datetime import date

from gateway.channels.protocols import FAMILIES, PROTOCOLS
from gateway.channels.requests import protocol_in
from gateway.policy.builtin import BUILTIN
from gateway.policy.facts import Facts, name_authorised
from gateway.policy.model import Policy, PolicyException
from gateway.transfer import Transfer

LIFTABLE = ("wire.unknown-protocol", "wire.hidden-dns", "wire.bare-address")
"""Built-in rules that an exception may lift, for hosts, ports and protocols it names; no other built-in one ends so."""


UNREAD_RULES = frozenset({"wire.unknown-protocol", "wire.hidden-dns", "wire.relay"})
"""Built-in rules of requests and connections whose content nobody can read."""


def coat_problem(transfer: Transfer, policy: Policy, *, today: date) -> tuple[str, str]:
    """Reason of `gateway.policy.builtin` and a fact for a request that is only the coat of a protocol nobody reads.

    Two empty strings for every other request, and for one that an exception names. Never raises.
    """
    protocol = protocol_in(transfer.request, transfer.destination.host)
    if not protocol:
        return "", ""
    reason = FAMILIES.get(protocol, "unknown-protocol")
    if passing(policy, transfer, BUILTIN[reason].rule, protocol, today=today):
        return "", ""
    return reason, f"{PROTOCOLS[protocol].says}: {BUILTIN[reason].en}"


def passing(policy: Policy, transfer: Transfer, rule: str, protocol: str, *, today: date) -> PolicyException | None:
    """The exception with the first id that lifts the built-in `rule` for this connection; None when it is refused.

    `protocol` is a name of `gateway.channels.protocols`; host and port are those of the transfer's destination. Pure,
    never raises.
    """
    facts = name_authorised(Facts(transfer, (), 0, {}, has_body=True), policy.authorised_on(today))
    lifting = (
        exception
        for exception in policy.exceptions
        if rule in LIFTABLE
        and rule in exception.rules
        and today <= exception.expires
        and (not exception.ports or transfer.destination.port in exception.ports)
        and (not exception.protocols or protocol in exception.protocols)
        and exception.test(facts) is not None
    )
    return min(lifting, key=lambda exception: exception.id, default=None)
