"""Tenant restrictions: headers that a service obeys when a company's gateway names the accounts its people may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from gateway.destinations.hosts import HostIndex, normal_host

type Value = Literal[
    "google",
    "google_cloud",
    "microsoft.tenants",
    "microsoft.context",
    "microsoft.policy",
    "microsoft.consumers",
    "slack.workspaces",
    "slack.requester",
    "dropbox",
    "openai.workspaces",
    "openai.organizations",
    "anthropic",
    "github",
    "webex",
]

VALUES: tuple[str, ...] = get_args(Value.__value__)
"""What the settings can say: the vendor, and a key of its section behind a dot."""


@dataclass(frozen=True, slots=True)
class TenantHeader:
    """One header of one vendor."""

    name: str
    """As its documentation writes it."""
    hosts: tuple[str, ...]
    """Patterns of hosts that read it."""
    value: str
    """One of VALUES: what it is to say."""

    @property
    def vendor(self) -> str:
        """The vendor in VALUES."""
        return self.value.partition(".")[0]


class TenantHeaders:
    """The headers in force, found by host; headers of vendors that the settings do not name are left alone.

    A vendor that is named takes all of its headers out of the client's hands: what has no value is removed.
    """

    def __init__(self, headers: Iterable[TenantHeader], values: Mapping[str, str]) -> None:
        """`values`: word of VALUES → the header's value, for those that the settings give."""
        vendors = {word.partition(".")[0] for word, value in values.items() if value}
        self._index: HostIndex[tuple[str, str]] = HostIndex()
        for header in headers:
            if header.vendor in vendors:
                for pattern in header.hosts:
                    self._index.add(pattern, (header.name, values.get(header.value, "")))

    def for_host(self, host: str) -> Mapping[str, str]:
        """Header → its value at that host, empty for one that is removed.

        >>> headers = [TenantHeader("X-Allowed", ("*.a.example",), "google")]
        >>> dict(TenantHeaders(headers, {"google": "corp.example"}).for_host("mail.a.example"))
        {'X-Allowed': 'corp.example'}
        >>> dict(TenantHeaders(headers, {"slack.requester": "T1"}).for_host("mail.a.example"))
        {}
        """
        found: dict[str, str] = {}
        for name, value in self._index.find(normal_host(host)):
            found[name] = found.get(name) or value
        return found
