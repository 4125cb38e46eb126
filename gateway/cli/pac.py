"""`sluice pac`: a proxy auto-config file."""

from __future__ import annotations

import click

from gateway.autoconfig import autoconfig, reached_at, words
from gateway.cli.options import config_option, settings_of
from gateway.destinations.addresses import is_forbidden
from gateway.destinations.pac import pac
from gateway.errors import StartError


@click.command(
    short_help="Print a proxy auto-config file.",
    epilog="Example: sluice pac --proxy gateway.example.com:8080 > proxy.pac",
)
@config_option
@click.option(
    "--proxy", metavar="HOST:PORT", help="Address clients reach the proxy at. Default: tls.proxy_name, or listen."
)
def command(config: str | None, proxy: str | None) -> None:
    """Print a proxy auto-config file that sends everything but this machine's own names through the gateway."""
    settings = settings_of(config)
    try:
        text = autoconfig(settings) if proxy is None else pac(proxy, *words(settings))
    except ValueError as error:
        if proxy is None:
            raise StartError(str(error)) from None
        raise click.BadParameter(f"{error}, for example gateway.example.com:8080", param_hint="--proxy") from None
    if proxy is None and is_forbidden(reached_at(settings, "").host) in {"loopback", "unspecified"}:
        click.echo(f"note: no other machine can reach {settings.listen}; name the address with --proxy", err=True)
    click.echo(text, nl=False)
