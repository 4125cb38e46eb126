"""`sluice inspect`: files judged as if a person uploaded them, with the gateway's own code."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.cli.apart import Apart, Look
from gateway.cli.judged import Judged, show, summary, to_json
from gateway.cli.main import FAILED, REFUSED
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import json_line, language, terminal, visible
from gateway.destinations.addresses import is_forbidden
from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.geo import Geo, region
from gateway.destinations.hosts import normal_host
from gateway.destinations.resolve import build_destination
from gateway.errors import StartError
from gateway.findings import Inspection
from gateway.identity.users import Directory, load_users
from gateway.inspectors.build import build_inspector, today
from gateway.limits import MIB
from gateway.policy.builtin import builtin_verdict
from gateway.policy.decide import decide
from gateway.policy.load import load_policy
from gateway.policy.model import Policy
from gateway.records.ids import new_id
from gateway.settings import Settings, route_for
from gateway.transfer import Actor, Channel, Destination, Request, Transfer

DEFAULT_TO = "https://qyapi.weixin.qq.com/cgi-bin/media/upload"
"""A messaging service at home: the size and encryption rules apply, the cross-border rule does not."""


@click.command(
    short_help="Judge files as if somebody uploaded them.",
    epilog="Example: sluice inspect --as zhang.san --to https://api.telegram.org/bot/sendDocument report.docx",
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
    bench = Bench.of(settings, user, url)
    before = _open_files()
    inspector = build_inspector(settings)
    apart = Apart(
        inspector,
        memory_bytes=settings.inspectors.memory_mb * MIB,
        timeout_s=settings.inspectors.timeout_s,
        keep=_open_files() - before,
    )
    console, wanted, actions, failed = terminal(), language(os.environ), Counter[str](), 0
    # Where the results are read in a terminal they are the progress themselves.
    is_hidden = sys.stdout.isatty() or not sys.stderr.isatty()
    with apart, click.progressbar(files, label="inspecting", file=sys.stderr, hidden=is_hidden) as bar:
        for path in bar:
            try:
                judged = bench.judge(path, apart, reveal=reveal, with_text=with_text)
            except StartError as error:
                click.echo(f"sluice: {visible(str(error))}", err=True)
                failed += 1
                continue
            actions[judged.verdict.action.word] += 1
            if as_json:
                click.echo(json_line(to_json(judged)))
            else:
                show(console, judged, wanted)
    if not as_json and len(files) != 1:
        summary(console, actions, failed)
    if actions["block"] or actions["hold"]:
        return REFUSED
    return FAILED if failed else 0


def expand(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files named, and those in the folders named, in order of name; raises StartError for what is not there."""
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        elif path.exists():
            yield path
        else:
            raise StartError(f"{path}: no such file or folder")


def _open_files() -> frozenset[int]:
    return frozenset(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, not paths


@dataclass(frozen=True, slots=True)
class Bench:
    """What all files of one command are judged by."""

    settings: Settings
    policy: Policy
    actor: Actor
    destination: Destination
    path: str
    """Path of the URL."""

    @classmethod
    def of(cls, settings: Settings, user: str, url: str) -> Bench:
        """The bench for uploads of that user to that URL; raises ConfigError, and click's error for a wrong URL."""
        parts = urlsplit(url if "://" in url else f"https://{url}")
        try:
            port = {"http": 80}.get(parts.scheme, 443) if parts.port is None else parts.port
        except ValueError:
            port = 0
        if parts.scheme not in {"http", "https"} or not parts.hostname or not port:
            raise click.BadParameter(
                "needs an http or https URL, for example https://example.com/upload", param_hint="--to"
            )
        destination = destination_of(settings, parts.hostname, port, parts.path or "/", parts.query)
        policy = load_policy(str(settings.policy) if settings.policy else None)
        return cls(settings, policy, actor_of(settings, user), destination, parts.path or "/")

    def judge(self, path: Path, apart: Apart, *, reveal: bool, with_text: bool) -> Judged:
        """Inspect and decide; nothing is recorded. Raises StartError for what is no file or cannot be opened."""
        try:
            # Without O_NONBLOCK, a pipe would wait for somebody to write to it.
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise StartError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise StartError(f"{path}: is not a file")
            request = Request(path=self.path, bytes=found.st_size)
            transfer = Transfer(new_id(), _now(), self.actor, self.destination, Channel.HTTP1, request)
            if reason := self.refused_unread(found.st_size):
                verdict = builtin_verdict(reason, self.policy.digest)
                failure = "too-large" if reason == "body-limit" else reason
                return Judged(path, transfer, Look(Inspection(failure=failure)), verdict)
            look = apart.look(file, path.name, reveal=reveal, with_text=with_text)
        finally:
            os.close(file)
        return Judged(path, transfer, look, decide(transfer, look.inspection, self.policy, today=today()))

    def refused_unread(self, size: int) -> str:
        """Reason of `gateway.policy.builtin` why the gateway would not look at it; empty when it would."""
        to = self.destination
        if self.settings.identity.required and not self.actor.user:
            return "identity"
        if size > self.settings.limits.max_body_bytes:
            return "body-limit"
        is_fixed = route_for(self.settings, to.host, to.port) is not None
        return (
            "private-address" if not is_fixed and to.ip and is_forbidden(to.ip, self.settings.upstream_private) else ""
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def actor_of(settings: Settings, user: str) -> Actor:
    """The user with the role and groups of the users file."""
    users = load_users(settings.identity.users) if settings.identity.users else {}
    if user and users and user not in users:
        click.echo(
            f"note: {visible(user)} is not in {settings.identity.users}, and has no role or group here", err=True
        )
    return Directory(users, settings.identity.networks).find(user) if user else Actor()


def destination_of(settings: Settings, host: str, port: int, path: str, query: str) -> Destination:
    """What is known of a server without asking for its address, which only an address in the URL itself tells."""
    match = load_catalogue(settings.catalogue).match(host, port, "POST", path, query, {})
    fixed = route_for(settings, host, port)
    ip = _address(fixed[0] if fixed else host)
    geo = Geo.open(str(settings.geo.database) if settings.geo.database else None, settings.geo.overrides)
    country = geo.country(ip) if ip else ""
    where = region(ip, country, match.jurisdiction, fixed_route=fixed is not None or not ip)
    return build_destination(match, host, port, ip, country or match.jurisdiction, where)


def _address(host: str) -> str:
    """The host when it is an IP address, else empty."""
    name = normal_host(host)
    return "" if is_forbidden(name) == "invalid" else name
