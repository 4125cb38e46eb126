"""`sluice inspect`: files judged as if a person uploaded them, with the gateway's own code."""

from __future__ import annotations

import json
import mmap
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.markup import escape

from gateway.cli.main import REFUSED
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import action_style
from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.geo import region
from gateway.destinations.resolve import build_destination
from gateway.errors import StartError
from gateway.findings import Inspection, Verdict
from gateway.identity.users import Directory, load_users
from gateway.inspection import Inspector
from gateway.inspectors.build import build_inspector, today
from gateway.parts import Part
from gateway.policy.decide import decide
from gateway.policy.load import load_policy
from gateway.policy.model import Policy
from gateway.records.ids import new_id
from gateway.records.record import build_record
from gateway.settings import Settings
from gateway.transfer import Actor, Channel, Destination, Request, Transfer

DEFAULT_TO = "https://qyapi.weixin.qq.com/cgi-bin/media/upload"
"""A messaging service at home: the size and encryption rules apply, the cross-border rule does not."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One file and what was decided."""

    path: Path
    transfer: Transfer
    inspection: Inspection
    verdict: Verdict
    texts: tuple[tuple[str, str], ...]
    """(place, extracted text) of every part, when asked for."""


@click.command(
    epilog="Example: sluice inspect --as zhang.san --to https://api.telegram.org/bot/sendDocument report.docx"
)
@config_option
@json_option
@click.option("--as", "user", metavar="USER", default="", help="Whose upload it would be.")
@click.option("--to", "url", metavar="URL", default=DEFAULT_TO, show_default=True, help="Where it would go.")
@click.option("--reveal", is_flag=True, help="Show matched values as they are. Mind who reads over your shoulder.")
@click.option("--text", "with_text", is_flag=True, help="Add the extracted text.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(
    config: str | None, as_json: bool, user: str, url: str, reveal: bool, with_text: bool, paths: tuple[Path, ...]
) -> int:
    """Inspect files or folders as if USER uploaded them to URL. Exit code 3 when one would be blocked or held."""
    files = list(expand(paths))
    settings = settings_of(config)
    policy = load_policy(str(settings.policy) if settings.policy else None)
    actor, destination = actor_of(settings, user), destination_of(settings, url)
    inspector = build_inspector(settings)
    refused = False
    console = Console(highlight=False)
    with click.progressbar(
        files, label="inspecting", file=sys.stderr, hidden=as_json or not sys.stderr.isatty()
    ) as bar:
        for path in bar:
            judged = judge(path, inspector, policy, actor, destination, url, reveal=reveal, with_text=with_text)
            refused = refused or not judged.verdict.action.lets_through
            if as_json:
                click.echo(json.dumps(to_json(judged), ensure_ascii=False))
            else:
                show(console, judged)
    return REFUSED if refused else 0


def expand(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files named, and those in the folders named, in order of name; raises StartError for what is not there."""
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        elif path.exists():
            yield path
        else:
            raise StartError(f"{path}: no such file or folder")


def actor_of(settings: Settings, user: str) -> Actor:
    """The user with the role and groups of the users file."""
    users = load_users(settings.identity.users) if settings.identity.users else {}
    return Directory(users, settings.identity.networks, key=b"").find(user) if user else Actor()


def destination_of(settings: Settings, url: str) -> Destination:
    """What the catalogue knows of the URL; nothing is resolved or connected to."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.BadParameter(
            "needs an http or https URL, for example https://example.com/upload", param_hint="--to"
        )
    port = parts.port or (80 if parts.scheme == "http" else 443)
    catalogue = load_catalogue(settings.catalogue)
    match = catalogue.match(parts.hostname, port, "POST", parts.path or "/", parts.query, {})
    where = region("", "", match.jurisdiction, fixed_route=True)
    return build_destination(match, parts.hostname, port, "", match.jurisdiction, where)


def judge(
    path: Path,
    inspector: Inspector,
    policy: Policy,
    actor: Actor,
    destination: Destination,
    url: str,
    *,
    reveal: bool,
    with_text: bool,
) -> Judged:
    """Inspect and decide; nothing is recorded. Raises StartError for a file that cannot be opened."""
    texts: list[tuple[str, str]] = []

    def keep(part: Part) -> None:
        texts.extend((f"{part.path} {text.location}".strip(), text.text) for text in part.texts)

    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else b""
            found = inspector.inspect_file(path.name, data, reveal=reveal, watch=keep if with_text else None)
    except OSError as error:
        raise StartError(f"{path}: cannot be read ({error.strerror})") from None
    transfer = Transfer(
        id=new_id(),
        at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        actor=actor,
        destination=destination,
        channel=Channel.HTTP1,
        request=Request(path=urlsplit(url).path or "/", headers=MappingProxyType({}), bytes=size),
    )
    return Judged(path, transfer, found, decide(transfer, found, policy, today=today()), tuple(texts))


def to_json(judged: Judged) -> dict[str, Any]:
    """`path`, and `parts`, `coverage` and `verdict` as in a record; `text` when it was asked for."""
    record = build_record(judged.transfer, judged.inspection, judged.verdict, node="", duration_ms=0.0)
    shown = {"path": str(judged.path), **{key: record[key] for key in ("parts", "coverage", "verdict")}}
    if judged.texts:
        shown["text"] = [{"location": place, "text": text} for place, text in judged.texts]
    return shown


def show(console: Console, judged: Judged) -> None:
    """The verdict first, then why, then what was found where."""
    action = judged.verdict.action.word
    console.print(f"[{action_style(action)}]{action:<5}[/]  {escape(str(judged.path))}", soft_wrap=True)
    for ground in judged.verdict.enforced:
        sentence = ground.says.get("en") or ground.because
        console.print(f"       {ground.rule}  {' '.join(ground.basis)}: {escape(sentence)}", soft_wrap=True)
    for part in judged.inspection.parts:
        for finding in part.findings:
            value = f"{finding.signature} ×{finding.count} {finding.sample}"
            console.print(f"         {escape(part.path)}: {escape(value)} {escape(finding.location)}", soft_wrap=True)
        if part.reason:
            console.print(f"         {escape(part.path)}: {escape(part.detail)}", soft_wrap=True)
    for place, text in judged.texts:
        console.print(f"       --- {escape(place)}", soft_wrap=True)
        console.print(escape(text), soft_wrap=True)
