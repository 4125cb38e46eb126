"""`sluice run`: the gateway."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.ca import ensure_ca
from gateway.cli.check import begin_check, end_check
from gateway.cli.options import config_option, settings_of
from gateway.cli.preflight import check_port, check_trust, prepare_state
from gateway.cli.words import LOCAL
from gateway.errors import SluiceError, StartError
from gateway.logs import log_to_stderr
from gateway.passthrough.entries import notes
from gateway.policy.kept import Kept
from gateway.policy.load import load_text, policy_text
from gateway.process import PARENT, die_with_parent
from gateway.settings import Settings

PROTOCOLS = {"socks5": "socks5h", "transparent": "redirected"}
"""Mode → how the proxy is told of, where that is not `http`; `h` has curl leave names to the proxy."""


@click.command(
    short_help="Run the gateway.",
    epilog="Example: sluice run --config sluice.yaml   (SIGTERM drains, SIGHUP reloads policy and signatures)",
)
@config_option
def command(config: str | None) -> int:
    """Run the gateway: proxy workers, inspectors, recorder, console and metrics."""
    log_to_stderr()
    if PARENT in os.environ:
        die_with_parent()
    # Two things that take a while go on side by side: the check of all files, and the CA.
    check = begin_check(config)
    try:
        settings = settings_of(config)
        certificate = prepare(settings)
    except SluiceError:
        code = end_check(check)
        if code:
            return code
        raise
    code = end_check(check)
    if code:
        return code
    keep_policy(settings)
    # The metrics folder must be known before the metrics are made, so what uses them is imported after it is set.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.state_dir / "run" / "metrics")
    from gateway.supervisor import Supervisor, plan  # noqa: PLC0415 - see above

    own = ("--config", config) if config else ()
    check_argv = (sys.executable, "-m", "gateway.cli.main", "check", *own)
    return Supervisor(
        settings,
        plan(settings, config),
        check_argv=check_argv,
        reload_argv=(*check_argv, "--keep"),
        announce=lambda: announce(settings, certificate),
    ).run()


def prepare(settings: Settings) -> Path:
    """Path of the CA certificate, after everything else that a start needs was found right; raises StartError.

    The lock of the state directory is kept until the process ends.
    """
    for key, address in (
        ("listen", settings.listen),
        ("console.listen", settings.console.listen),
        ("metrics.listen", settings.metrics.listen),
    ):
        check_port(key, address)
    check_trust(settings.upstream.trusted_ca)
    prepare_state(settings.state_dir)
    return ensure_ca(settings.tls.ca_dir)


def keep_policy(settings: Settings) -> None:
    """Name the policy that all workers load, whatever happens to its file; raises ConfigError or StartError."""
    text, file = policy_text(str(settings.policy) if settings.policy else None)
    digest = load_text(text, file).digest
    try:
        Kept(settings.state_dir).put_in_force(text, digest)
    except OSError as error:
        raise StartError(f"{settings.state_dir}: the policy cannot be kept there ({error.strerror})") from None


def announce(settings: Settings, certificate: Path) -> None:
    """Where everything is, what is switched off, and one line to try."""
    shown = near(certificate)
    click.echo("Sluice is running: what leaves through it is read first.")
    click.echo(f"  proxy    {PROTOCOLS.get(settings.mode, 'http')}://{settings.listen}")
    if settings.tls.to_proxy and PROTOCOLS.get(settings.mode, "http") == "http":
        name = settings.tls.proxy_name or "the name in tls.proxy_certificate"
        click.echo(f"           and over TLS at https://{name}:{settings.listen.port}")
    click.echo(f"  console  http://{settings.console.listen}/")
    click.echo(f"  metrics  http://{settings.metrics.listen}/metrics")
    click.echo(f"  CA       {shown}")
    click.echo(f"  state    {near(settings.state_dir)}")
    if not settings.identity.required:
        click.echo("  note     identity.required is false: senders nobody knows are let through")
    if settings.geo.database is None:
        click.echo("  note     no geo database (make geo): servers the catalogue does not know count as overseas")
    for note in notes(settings.tls.passthrough, datetime.now(LOCAL).date()):
        click.echo(f"  note     {note}")
    click.echo("Try it:")
    # A redirected client says nothing of a proxy.
    way = "" if settings.mode == "transparent" else f"-x {PROTOCOLS.get(settings.mode, 'http')}://{settings.listen} "
    click.echo(f"  curl {way}--cacert {shown} -F file=@README.md https://example.com/upload")


def near(path: Path) -> str:
    """The path as one would type it here: relative where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
