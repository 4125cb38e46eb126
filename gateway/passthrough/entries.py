"""Entries of `tls.passthrough`: hosts whose TLS is not opened, each on somebody's word and until a day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator

from gateway.destinations.hosts import normal_host

LONG_DAYS = 365
"""An end further off than this is said aloud: an entry that nobody looks at again is no exception any more."""
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,9}")
_ADDRESS = re.compile(r"[0-9.]+")


def _host(value: str) -> str:
    host = normal_host(value)
    labels = host.count(".")
    if not _HOST.fullmatch(host) or _ADDRESS.fullmatch(host) or (host.startswith("*.") and labels < 2):
        raise ValueError("not a host; allowed: HOST.EXAMPLE, or *.HOST.EXAMPLE for every host below it")
    return host


def _day(value: object) -> object:
    # A number would be read as seconds since 1970, a time would lose its clock.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("not a day; allowed: YYYY-MM-DD")


Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class PassthroughEntry(BaseModel):
    """One host, or all hosts below one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    host: Annotated[str, AfterValidator(_host)]
    """`host.example` is that host alone, `*.host.example` every host below it and not that one."""
    reason: Text
    """Why it must pass unread."""
    owner: Text
    """Who answers for it."""
    expires: Annotated[date, BeforeValidator(_day)]
    """Last day on which it applies (Asia/Shanghai)."""
    ticket: Annotated[str, StringConstraints(max_length=500)] = ""
    """Where it was approved; may be empty."""

    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, given: object) -> object:
        if isinstance(given, dict | PassthroughEntry):
            return given
        raise ValueError("not an entry; allowed: a mapping with host, reason, owner, expires and perhaps ticket")

    def names(self, host: str) -> bool:
        """Whether it speaks of the host, given in its normal form.

        >>> entry = PassthroughEntry(host="*.bank.example", reason="r", owner="o", expires=date(2027, 1, 1))
        >>> entry.names("app.bank.example"), entry.names("bank.example"), entry.names("evilbank.example")
        (True, False, False)
        """
        return host.endswith(self.host[1:]) and len(host) >= len(self.host) if self.is_zone else host == self.host

    @property
    def is_zone(self) -> bool:
        """Whether it speaks of every host below one."""
        return self.host.startswith("*.")

    def days_left(self, today: date) -> int:
        """Days on which it applies after today; negative once it ended."""
        return (self.expires - today).days


def listed(entries: Sequence[PassthroughEntry], host: str, today: date) -> PassthroughEntry | None:
    """The entry in force that names the host, an exact one before a zone; None when its TLS is to be opened."""
    found = [entry for entry in entries if entry.days_left(today) >= 0 and entry.names(host)]
    return min(found, key=lambda entry: (entry.is_zone, -len(entry.host)), default=None)


def notes(entries: Sequence[PassthroughEntry], today: date) -> Iterator[str]:
    """Sentences about entries that ended, end soon enough never, or stand twice; for check and start."""
    seen: set[str] = set()
    for entry in entries:
        left = entry.days_left(today)
        if left < 0:
            yield f"tls.passthrough: {entry.host} ended on {entry.expires} and has no effect; take it out or renew it"
        elif left > LONG_DAYS:
            yield f"tls.passthrough: {entry.host} runs until {entry.expires}, more than a year; its owner is {entry.owner}"
        if entry.host in seen:
            yield f"tls.passthrough: {entry.host} stands more than once; the entry that runs longest counts"
        seen.add(entry.host)
