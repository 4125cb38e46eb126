"""`sluice passthrough`: what passes unread by somebody's word, and which hosts clients ask it for; adds nothing itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from gateway.cli.incidents import open_store
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import LOCAL, json_line, local_time, say, terminal
from gateway.passthrough.entries import PassthroughEntry, notes
from gateway.passthrough.proposals import RULE, Proposal, proposals

PASSED = "wire.passthrough"
"""Rule of the records of connections that passed."""
EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Older than every record."""
_SPAN = re.compile(r"([1-9][0-9]{0,3})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Span(click.ParamType[timedelta]):
    """A time back from now: `12h`, `7d`, `4w`."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; fails with what is allowed."""
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(str(value))
        if not found:
            self.fail("not a time back; allowed: a number and h, d or w, such as 12h, 7d, 4w", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.group(
    short_help="What passes unread, and what asks for it.", epilog="Example: sluice passthrough proposals --since 7d"
)
def command() -> None:
    """What passes unread by somebody's word, and what clients ask it for."""


@command.command("list", epilog="Example: sluice passthrough list --json")
@config_option
@json_option
def list_(config: str | None, as_json: bool) -> None:
    """List the entries of tls.passthrough with the days they have left and the bytes they carried."""
    entries = settings_of(config).tls.passthrough
    today = datetime.now(LOCAL).date()
    carried = carried_by(records_of(config, PASSED, EVER)) if entries else {}
    if as_json:
        for entry in entries:
            click.echo(json_line(as_row(entry, today, carried)))
        return
    console = terminal()
    for entry in entries:
        row = as_row(entry, today, carried)
        left = f"{row['days_left']} days left" if row["in_force"] else f"ended on {entry.expires}"
        say(console, (entry.host, "bold"), f"  {left}, {entry.owner}: {entry.reason}")
        say(console, f"{row['connections']} connections, {row['sent_bytes']} bytes sent", indent=2)
    for note in notes(entries, today):
        say(console, (note, "yellow"))
    say(console, (f"{len(entries)} entries", "dim"))


@command.command("proposals", epilog="Example: sluice passthrough proposals --since 4w --json")
@config_option
@json_option
@click.option("--since", type=Span(), default="7d", show_default=True, help="How far back: 12h, 7d, 4w.")
def proposals_(config: str | None, as_json: bool, since: timedelta) -> None:
    """List hosts whose clients refuse the gateway's certificate, each with an entry to fill in; adds none."""
    listed = [entry.host for entry in settings_of(config).tls.passthrough]
    found = proposals(records_of(config, RULE, datetime.now(UTC) - since), listed=listed)
    if as_json:
        for proposal in found:
            click.echo(json_line(asdict(proposal) | {"entry": proposal.entry()}))
        return
    console = terminal()
    for proposal in found:
        for line in describe(proposal):
            say(console, line)
        for line in proposal.entry().splitlines():
            say(console, (line, "dim"), indent=4)
    say(console, (f"{len(found)} hosts; nothing is added by itself: fill in an entry under tls.passthrough", "dim"))


def describe(proposal: Proposal) -> Iterable[str]:
    """Who could not reach the host, in lines."""
    app = f", looks like {proposal.service}" if proposal.service else ""
    yield f"{proposal.host}  {proposal.handshakes} handshakes, last {local_time(proposal.last_at)}{app}"
    others = proposal.senders - len(proposal.users)
    more = f" and {others} more" if others > 0 else ""
    yield f"  {proposal.senders} senders: {', '.join(proposal.users)}{more}"


def records_of(config: str | None, rule: str, since: datetime) -> list[dict[str, Any]]:
    """Records of the store that name the rule; none when no gateway has run here yet."""
    if not os.path.exists(settings_of(config).state_dir / "sluice.db"):  # noqa: PTH110 - as in `open_store`
        return []
    with open_store(config) as store:
        return store.records(rule, since)


def carried_by(records: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """Host of the entry → connections, bytes sent, bytes received."""
    found: dict[str, tuple[int, int, int]] = {}
    for record in records:
        connection = record.get("connection") or {}
        count, sent, received = found.get(str(connection.get("entry")), (0, 0, 0))
        found[str(connection.get("entry"))] = (
            count + (connection.get("phase") == "open"),
            sent + int(connection.get("sent_bytes", 0)),
            received + int(connection.get("received_bytes", 0)),
        )
    return found


def as_row(entry: PassthroughEntry, today: date, carried: Mapping[str, tuple[int, int, int]]) -> dict[str, Any]:
    """One entry as JSON has it."""
    connections, sent, received = carried.get(entry.host, (0, 0, 0))
    left = entry.days_left(today)
    facts = {"days_left": left, "in_force": left >= 0, "connections": connections}
    return entry.model_dump(mode="json") | facts | {"sent_bytes": sent, "received_bytes": received}
