"""`sluice signatures test`: every signature's own cases."""

from __future__ import annotations

import os

import click

from gateway.cli.options import config_option, settings_of
from gateway.detect.cases import run_cases
from gateway.detect.engine import build_engine
from gateway.detect.signatures import load_signatures
from gateway.inspectors.build import today


@click.group(epilog="Example: sluice signatures test")
def command() -> None:
    """What the gateway looks for."""


@command.command("test", epilog="Example: sluice signatures test --config sluice.yaml")
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Show passed cases too.")
def test(config: str | None, verbose: bool) -> int:
    """Run the cases beside every signature: what must be found and what must not."""
    settings = settings_of(config)
    folders = [str(path) for path in settings.signatures]
    engine = build_engine(folders, limits=settings.limits)
    signatures = load_signatures(folders)
    failed = total = 0
    for result in run_cases(engine, signatures, today=today()):
        total += 1
        failed += not result.ok
        if verbose or not result.ok:
            word = "ok" if result.ok else "FAILED"
            place = f"{os.path.relpath(result.file)}:{result.line}"
            click.echo(f"{place}: {word}: {result.signature}: expected {result.expected}, found {result.found}")
    click.echo(f"{len(signatures)} signatures, {total} cases, {failed} failed")
    return 1 if failed else 0
