"""`sluice ca`: where the CA certificate is that clients must trust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from gateway.cli.options import config_option, settings_of
from gateway.errors import StartError


def ensure_ca(directory: Path) -> Path:
    """Path of the certificate, made when there is none; raises StartError with what to do."""
    # A process of its own, because only addons/ may know mitmproxy.
    made = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "addons.ca", str(directory)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        said = made.stderr.strip().splitlines() or [f"{directory}: no CA could be made (exit code {made.returncode})"]
        raise StartError(said[-1])
    return Path(made.stdout.strip())


@click.command(
    short_help="Print the path of the CA certificate.",
    epilog="Example: curl --cacert $(sluice ca) -x http://127.0.0.1:8080 https://example.com/",
)
@config_option
def command(config: str | None) -> None:
    """Print the path of the CA certificate, making the CA when there is none."""
    click.echo(str(ensure_ca(settings_of(config).tls.ca_dir)))
