"""The settings of request hygiene: which requests are refused before anybody looks at what they carry."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated

from pydantic import BeforeValidator, Field

from gateway.destinations.hosts import normal_host
from gateway.setting_values import Section

_PATTERN = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")


def _host_pattern(value: object) -> str:
    if isinstance(value, str) and _PATTERN.fullmatch(normal_host(value)):
        return normal_host(value)
    raise ValueError('not a host; allowed: a host name, or "*.NAME" for every host below it')


def _method(value: object) -> str:
    if isinstance(value, str) and _METHOD.fullmatch(value):
        return value
    raise ValueError("not a method; allowed: a method in capitals, such as GET")


type HostPattern = Annotated[str, BeforeValidator(_host_pattern)]
type Method = Annotated[str, BeforeValidator(_method)]


class Requests(Section):
    """What a request must be like, whatever it carries."""

    host_mismatch_allowed: Annotated[tuple[HostPattern, ...], Field(strict=False)] = ()
    """Hosts that may stand beside another listed one in target, Host field and TLS name."""
    http_1_0: bool = False
    """Whether HTTP/1.0 is taken."""
    methods_without_body: Annotated[tuple[Method, ...], Field(strict=False)] = ("GET", "HEAD", "TRACE")
    """Methods whose requests may carry no body."""

    def may_differ(self, hosts: Collection[str]) -> bool:
        """Whether one request may name all these servers: every one of them is listed; hosts as `normal_host` has them.

        >>> Requests(host_mismatch_allowed=("*.cdn.example", "a.example")).may_differ({"x.cdn.example", "a.example"})
        True
        >>> Requests(host_mismatch_allowed=("a.example",)).may_differ({"a.example", "b.example"})
        False
        """
        return all(any(_covers(pattern, host) for pattern in self.host_mismatch_allowed) for host in hosts)


def _covers(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) and len(host) >= len(pattern) if pattern.startswith("*.") else host == pattern
