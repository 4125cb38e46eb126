"""`sluice pac`: a proxy auto-config file."""

from __future__ import annotations

import click

from gateway.cli.options import config_option, settings_of
from gateway.destinations.pac import pac


@click.command(epilog="Example: sluice pac > /var/www/proxy.pac")
@config_option
@click.option("--proxy", metavar="HOST:PORT", help="Address clients reach the proxy at. Default: `listen`.")
def command(config: str | None, proxy: str | None) -> None:
    """Print a proxy auto-config file that sends everything but the local names through the gateway."""
    click.echo(pac(proxy or str(settings_of(config).listen)), nl=False)
