"""`sluice run`: the gateway."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gateway.cli.ca import ensure_ca
from gateway.cli.check import check_all
from gateway.cli.options import config_option
from gateway.logs import log_to_stderr
from gateway.settings import Settings


@click.command(
    epilog="Example: sluice run --config sluice.yaml   (SIGTERM drains, SIGHUP reloads policy and signatures)"
)
@config_option
def command(config: str | None) -> int:
    """Run the gateway: proxy workers, inspectors, recorder, console and metrics."""
    log_to_stderr()
    settings = check_all(config)
    # The metrics folder must be known before the metrics are made, so what uses them is imported after it is set.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.state_dir / "run" / "metrics")
    from gateway.supervisor import Supervisor, check_port, prepare_state  # noqa: PLC0415 - see above

    for name, address in (
        ("proxy", settings.listen),
        ("console", settings.console.listen),
        ("metrics exporter", settings.metrics.listen),
    ):
        check_port(name, address)
    prepare_state(settings.state_dir)
    certificate = ensure_ca(settings.tls.ca_dir)
    return Supervisor(
        settings,
        config,
        check=lambda: check_all(config),
        announce=lambda: announce(settings, certificate),
    ).run()


def announce(settings: Settings, certificate: Path) -> None:
    """Where everything is, what is switched off, and one line to try."""
    shown = os.path.relpath(certificate)
    click.echo("Sluice is running: what leaves through it is read first.")
    click.echo(f"  proxy    http://{settings.listen}")
    click.echo(f"  console  http://{settings.console.listen}/")
    click.echo(f"  metrics  http://{settings.metrics.listen}/metrics")
    click.echo(f"  CA       {shown}")
    click.echo(f"  state    {os.path.relpath(settings.state_dir)}")
    if not settings.identity.required:
        click.echo("  note     identity.required is false: senders nobody knows are let through")
    if settings.geo.database is None:
        click.echo("  note     no geo database (make geo): servers the catalogue does not know count as overseas")
    click.echo("Try it:")
    click.echo(f"  curl -x http://{settings.listen} --cacert {shown} -F file=@README.md https://example.com/upload")
