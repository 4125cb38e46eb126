"""`sluice incidents`: the queue of blocked and held transfers, from a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console

from gateway.cli.main import FAILED
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import action_style, in_language, json_line, language, local_time, say, terminal, visible
from gateway.errors import StartError
from gateway.records.queries import IncidentFilter, IncidentRow
from gateway.records.store import Store

ID_CHARS = 13
"""Characters of an id shown in the list: its time part; `show` takes any beginning that is unique."""
NOBODYS = {"", "generic"}
"""Services that say less than the host."""
LABEL = 10
"""Columns of the labels in `show`."""


@click.group(epilog="Example: sluice incidents list --rule cloud.personal")
def command() -> None:
    """List blocked and held transfers, and show one."""


def open_store(config: str | None) -> Store:
    """The store of a gateway that has run; raises StartError when there is none."""
    path = settings_of(config).state_dir / "sluice.db"
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where the folder may not be read
        raise StartError(
            f"{path}: there is no store that this user can see; has the gateway run ('sluice run') with this state_dir?"
        )
    return Store.open(path)


@command.command("list", epilog="Example: sluice incidents list --action hold --user zhang.san --json")
@config_option
@json_option
@click.option("--action", type=click.Choice(["block", "hold"]), help="Only these.")
@click.option("--user", help="Only of this sender.")
@click.option("--rule", help="Only those to which this rule applied.")
@click.option("--service", help="Only to this service, for example wecom.")
@click.option("--signature", help="Only where this was found, for example cn.resident-id.")
@click.option("--state", type=click.Choice(["open", "released", "closed"]), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Most incidents listed.")
def list_(config: str | None, as_json: bool, limit: int, **asked: str | None) -> None:
    """List incidents, the newest first."""
    given: dict[str, Any] = {name: value for name, value in asked.items() if value}
    with open_store(config) as store:
        found = store.incidents(IncidentFilter(limit=limit, **given))
        total = store.count(IncidentFilter(**given))
    if as_json:
        for row in found:
            click.echo(json_line(asdict(row)))
        return
    console = terminal()
    show_rows(console, found)
    more = f"; --limit {min(total, 1000)} shows more" if total > len(found) else ""
    say(console, (f"{len(found)} of {total} incidents{more}", "dim"))


def show_rows(console: Console, rows: Sequence[IncidentRow]) -> None:
    """Two lines an incident: which, when, what, who, where; then the rules."""
    short = [row.id[:ID_CHARS] for row in rows]
    for row in rows:
        # Two of one millisecond begin alike.
        identity = row.id[:ID_CHARS] if short.count(row.id[:ID_CHARS]) == 1 else row.id
        who, to = row.user or row.ip, f"{row.host if row.service in NOBODYS else row.service} ({row.country or '?'})"
        head = (f"{identity}  {local_time(row.at)}  ", (f"{row.action:<7}", action_style(row.action)), f"{who} → {to}")
        say(console, *head)
        state = "" if row.state == "open" else f"  {row.state}"
        say(console, (" ".join(row.rules), "cyan"), (state, "dim"), indent=ID_CHARS + 2)


@command.command("show", epilog="Example: sluice incidents show 019a8c1e-7f3b")
@config_option
@json_option
@click.argument("identity", metavar="ID")
def show(config: str | None, as_json: bool, identity: str) -> int:
    """Show one incident: who, what, where, why. ID may be any beginning that is unique."""
    with open_store(config) as store:
        record = find(store, identity)
    if record is None:
        click.echo(f"sluice: no incident, or more than one, begins with {visible(identity)}", err=True)
        return FAILED
    if as_json:
        click.echo(json_line(record))
        return 0
    console = terminal()
    for label, text in describe(record, language(os.environ)):
        say(console, text, label=label, indent=LABEL)
    return 0


def find(store: Store, beginning: str) -> dict[str, Any] | None:
    """The incident of that id, or the only one whose id begins so."""
    record = store.incident(beginning)
    if record is not None:
        return record
    rows = [row for row in store.incidents(IncidentFilter(text=beginning, limit=50)) if row.id.startswith(beginning)]
    return store.incident(rows[0].id) if len(rows) == 1 else None


def describe(record: dict[str, Any], wanted: str) -> Iterator[tuple[str, str]]:
    """Labels, empty where the line goes on with the one above, and texts; every line says one thing."""
    actor, to, verdict, request = record["actor"], record["destination"], record["verdict"], record["request"]
    yield "incident", record["id"]
    yield "at", local_time(record["at"])
    yield "who", f"{actor['user'] or '(unknown)'} from {actor['ip']}"
    tags = ", ".join(tag for tag in (to["category"], to["region"], to["country"]) if tag)
    yield "where", f"{to['host']}:{to['port']} {to['service']} ({tags})"
    yield "request", f"{request['method']} {request['path']} {request['bytes']} bytes"
    connection = record.get("connection")
    if isinstance(connection, dict):
        app = f", says it is {connection['app']}" if connection["app"] else ""
        plural = "" if connection["count"] == 1 else "s"
        times = f"{connection['count']} attempt{plural}, last {local_time(connection['last_at'])}"
        yield "unread", f"connection, protocol {connection['protocol']}{app}, {times}"
    yield "verdict", f"{verdict['action']}, {record.get('outcome') or 'under way'}"
    for rule in verdict["rules"]:
        yield "why", f"{rule['id']} → {rule['action']}  {' '.join(rule['basis'])}"
        yield "", in_language(rule.get("says", {}), wanted) or rule["because"]
    for part in record["parts"]:
        grade = part["encryption"]["grade"]
        name = part["path"] or part["name"] or "(unnamed)"
        locked = "" if grade == "none" else f", encryption {grade}"
        yield "part", f"{name}  {part['media_type']}, {part['size_bytes']} bytes, {part['coverage']}{locked}"
        for finding in part["findings"]:
            yield "", f"{finding['signature']} ×{finding['count']}  {finding['severity']}  {finding['sample']}".rstrip()
