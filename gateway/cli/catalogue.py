"""`sluice catalogue`: the services and endpoints that are known, and the hosts of uploads that nobody has listed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from gateway.cli.incidents import open_store
from gateway.cli.main import FAILED
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.passthrough import Span
from gateway.cli.words import in_language, json_line, language, local_time, say, terminal, visible
from gateway.destinations.catalogue import read_files
from gateway.destinations.entries import EndpointEntry, ServiceEntry
from gateway.errors import ConfigError, Problem
from gateway.records.unknown import UnknownHost, unknown_hosts

ID = 22
"""Columns of a service's id."""


@click.group(
    short_help="Services that are known, and hosts that are not.", epilog="Example: sluice catalogue show wecom"
)
def command() -> None:
    """List the services that are known, show one, and list hosts of uploads that nobody has listed."""


def services_of(config: str | None) -> dict[str, ServiceEntry]:
    """Id → entry, merged as the gateway merges them; raises ConfigError with every problem."""
    problems: list[Problem] = []
    entries: dict[str, ServiceEntry] = {}
    for path in settings_of(config).catalogue:
        entries |= {entry.id: entry for _, entry in read_files(path, ServiceEntry, problems)}
    if problems:
        raise ConfigError(problems)
    return dict(sorted(entries.items()))


@command.command("list", epilog="Example: sluice catalogue list --category personal-cloud")
@config_option
@json_option
@click.option("--category", help="Only of this category, for example messaging.")
def list_(config: str | None, as_json: bool, category: str | None) -> None:
    """List the services: id, name, category, jurisdiction, how many endpoints and how they are known."""
    found = [one for one in services_of(config).values() if category in (None, one.category.value)]
    if as_json:
        for one in found:
            click.echo(json_line({**_head(one), "endpoints": len(one.endpoints), "evidence": evidence_of(one)}))
        return
    console = terminal()
    for one in found:
        known = ", ".join(f"{count} {word}" for word, count in evidence_of(one).items())
        what = f"{in_language(one.name.model_dump(), language(os.environ))}, {one.category.value}, {one.jurisdiction or '-'}"
        say(console, (f"{one.id:<{ID}}", "bold"), f" {what}; endpoints: {known or 'none'}")
    say(console, (f"{len(found)} services", "dim"))


def evidence_of(service: ServiceEntry) -> dict[str, int]:
    """How the endpoints are known → how many."""
    words = [one.evidence for one in service.endpoints]
    return {word: words.count(word) for word in ("observed", "source", "memory") if word in words}


def _head(service: ServiceEntry) -> dict[str, Any]:
    return {
        "id": service.id,
        "name": service.name.model_dump(),
        "category": service.category.value,
        "jurisdiction": service.jurisdiction,
        "account": service.account,
        "hosts": service.hosts,
    }


@command.command("show", epilog="Example: sluice catalogue show google_drive")
@config_option
@json_option
@click.argument("identity", metavar="ID")
def show(config: str | None, as_json: bool, identity: str) -> int:
    """Show one service: hosts, tenant headers, and each endpoint with its facts and the evidence for them."""
    service = services_of(config).get(identity)
    if service is None:
        click.echo(f"sluice: no service has the id {visible(identity)}; sluice catalogue list names all", err=True)
        return FAILED
    if as_json:
        click.echo(json_line(service.model_dump(mode="json", exclude_defaults=True)))
        return 0
    console = terminal()
    say(console, (service.id, "bold"), f"  {in_language(service.name.model_dump(), language(os.environ))}")
    facts = {
        "category": service.category.value,
        "jurisdiction": service.jurisdiction or "different from server to server",
        "account": service.account,
        "dialect": service.dialect,
        "tenant": ", ".join(service.tenant),
        "hosts": ", ".join([*service.hosts, *service.shared_hosts]),
    }
    for header in service.tenant_headers:
        facts[f"header {header.name}"] = f"tenants.{header.value} at {', '.join(header.hosts)} ({header.evidence})"
    for name, value in facts.items():
        if value:
            say(console, (f"{name}: ", "dim"), value, indent=2)
    for endpoint in service.endpoints:
        for line in lines_of(endpoint):
            say(console, line)
    return 0


def lines_of(endpoint: EndpointEntry) -> Iterator[str]:
    """What is known of the endpoint, in lines."""
    methods = [endpoint.method] if isinstance(endpoint.method, str) else endpoint.method
    where = f"{endpoint.host or ''}{endpoint.path}{' ?' + endpoint.query if endpoint.query else ''}"
    yield f"  {endpoint.id}  {endpoint.kind}, {endpoint.evidence}"
    yield f"    {'|'.join(methods)} {where}"
    facts = endpoint.model_dump(mode="json", exclude_defaults=True)
    for name in ("shape", "header", "tenant", "conversation", "name", "size", "hash", "reader", "split", "source"):
        if name in facts:
            yield f"    {name}: {_shown(facts[name])}"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


@command.command("unknown", epilog="Example: sluice catalogue unknown --since 4w --json")
@config_option
@json_option
@click.option("--since", type=Span(), default="7d", show_default=True, help="How far back: 12h, 7d, 4w.")
def unknown(config: str | None, as_json: bool, since: timedelta) -> None:
    """List hosts without an entry that uploads went to: how many, how much, when last, and what they looked like."""
    found = unlisted(config, datetime.now(UTC) - since)
    if as_json:
        for one in found:
            click.echo(json_line(asdict(one)))
        return
    console = terminal()
    for one in found:
        shapes = ", ".join(f"{count} {shape}" for shape, count in sorted(one.shapes.items()))
        say(
            console, (one.host, "bold"), f"  {one.transfers} uploads, {one.bytes} bytes, last {local_time(one.last_at)}"
        )
        say(console, shapes, indent=2)
    say(console, (f"{len(found)} hosts; an entry under catalogue in the settings says what one of them is", "dim"))


def unlisted(config: str | None, since: datetime) -> list[UnknownHost]:
    """From the store; none when no gateway has run here yet."""
    if not os.path.exists(settings_of(config).state_dir / "sluice.db"):  # noqa: PTH110 - as in `open_store`
        return []
    with open_store(config) as store:
        return unknown_hosts(store, since)
