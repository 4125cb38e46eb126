"""`sluice incidents`: the queue of blocked and held transfers, from a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import action_style, local_time
from gateway.errors import StartError
from gateway.records.queries import IncidentFilter, IncidentRow
from gateway.records.store import Store

NOT_FOUND = 1
ID_CHARS = 13
"""Characters of an id shown in the list: its time part; `show` takes any beginning that is unique."""


@click.group(epilog="Example: sluice incidents list --rule cloud.personal")
def command() -> None:
    """Blocked and held transfers."""


def open_store(config: str | None) -> Store:
    """The store of a gateway that has run; raises StartError when there is none."""
    path = settings_of(config).state_dir / "sluice.db"
    if not path.exists():
        raise StartError(f"{path}: there is no store yet; start the gateway with 'sluice run' first")
    return Store.open(path)


@command.command("list", epilog="Example: sluice incidents list --action hold --user zhang.san --json")
@config_option
@json_option
@click.option("--action", type=click.Choice(["block", "hold"]), default="", help="Only these.")
@click.option("--user", default="", help="Only of this sender.")
@click.option("--rule", default="", help="Only stopped by this rule.")
@click.option("--service", default="", help="Only to this service.")
@click.option("--signature", default="", help="Only where this was found.")
@click.option("--state", type=click.Choice(["open", "released", "closed"]), default="", help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
def list_(config: str | None, as_json: bool, limit: int, **asked: Any) -> None:  # noqa: ANN401 - click's own
    """List incidents, the newest first."""
    with open_store(config) as store:
        found = store.incidents(IncidentFilter(limit=limit, **asked))
        total = store.count(IncidentFilter(**asked))
    if as_json:
        for row in found:
            click.echo(json.dumps(asdict(row), ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(table_of(found))
    console.print(f"{len(found)} of {total}")


def table_of(rows: list[IncidentRow]) -> Table:
    """The list as people read it in a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "at", "action", "sender", "to", "rules"):
        table.add_column(name, overflow="fold")
    for row in rows:
        to = f"{row.service or row.host} ({row.country or '?'})"
        action = f"[{action_style(row.action)}]{row.action}[/]"
        table.add_row(row.id[:ID_CHARS], local_time(row.at), action, row.user or row.ip, to, "\n".join(row.rules))
    return table


@command.command("show", epilog="Example: sluice incidents show 019a8c1e-7f3b")
@config_option
@json_option
@click.argument("identity", metavar="ID")
def show(config: str | None, as_json: bool, identity: str) -> int:
    """Show one incident: who, what, where, why. ID may be any beginning that is unique."""
    with open_store(config) as store:
        record = find(store, identity)
    if record is None:
        click.echo(f"sluice: no incident, or more than one, begins with {identity}", err=True)
        return NOT_FOUND
    click.echo(json.dumps(record, ensure_ascii=False) if as_json else describe(record))
    return 0


def find(store: Store, beginning: str) -> dict[str, Any] | None:
    """The incident of that id, or the only one whose id begins so."""
    record = store.incident(beginning)
    if record is not None:
        return record
    rows = [row for row in store.incidents(IncidentFilter(text=beginning, limit=50)) if row.id.startswith(beginning)]
    return store.incident(rows[0].id) if len(rows) == 1 else None


def describe(record: dict[str, Any]) -> str:
    """The record as text: every line says one thing."""
    actor, to, verdict = record["actor"], record["destination"], record["verdict"]
    lines = [
        f"incident  {record['id']}",
        f"at        {local_time(record['at'])}",
        f"who       {actor['user'] or '(unknown)'} from {actor['ip']}",
        f"where     {to['host']}:{to['port']} {to['service']} [{to['category']}, {to['region']}, {to['country'] or '?'}]",
        f"request   {record['request']['method']} {record['request']['path']} {record['request']['bytes']} bytes",
        f"verdict   {verdict['action']}  ({record.get('outcome') or 'under way'})",
    ]
    for rule in verdict["rules"]:
        lines.append(f"why       {rule['id']} → {rule['action']}  {' '.join(rule['basis'])}")
        lines.append(f"          {rule['because']}")
    for part in record["parts"]:
        grade = part["encryption"]["grade"]
        shown = f"{part['path'] or part['name'] or '(unnamed)'}  {part['media_type']}  {part['size_bytes']} bytes"
        lines.append(f"part      {shown}  {part['coverage']}" + (f"  encryption {grade}" if grade != "none" else ""))
        lines += [
            f"          {finding['signature']} ×{finding['count']}  {finding['severity']}  {finding['sample']}"
            for finding in part["findings"]
        ]
    return "\n".join(lines)
