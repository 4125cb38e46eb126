"""`sluice`: one command per module, loaded when it is called; the exit codes are those of INTERFACE, 2."""

from __future__ import annotations

import importlib
import io
import sys

import click

from gateway.errors import ConfigError, SluiceError

COMMANDS = {
    "run": "gateway.cli.run",
    "check": "gateway.cli.check",
    "inspect": "gateway.cli.inspect",
    "demo": "gateway.cli.demo",
    "incidents": "gateway.cli.incidents",
    "policy": "gateway.cli.policy",
    "replay": "gateway.cli.replay",
    "catalogue": "gateway.cli.catalogue",
    "passthrough": "gateway.cli.passthrough",
    "audit": "gateway.cli.audit",
    "signatures": "gateway.cli.signatures",
    "ca": "gateway.cli.ca",
    "pac": "gateway.cli.pac",
}
"""Command → module whose `command` it is."""

FAILED, WRONG, REFUSED = 1, 2, 3
"""Exit codes: the command failed · wrong usage or configuration · at least one verdict is block or hold."""


class Lazy(click.Group):
    """Imports a command's module when that command is called, so that `sluice check` does not load the console."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order people need them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None when there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: sluice demo   (then: sluice run, and sluice COMMAND --help for each)",
)
@click.version_option(package_name="sluice-dlp", prog_name="sluice")
def cli() -> None:
    """Data-loss-prevention gateway for file transfers.

    Exit codes: 0 fine or allowed, 1 the command failed, 2 wrong usage or configuration, 3 a verdict is block or hold.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run one command; every error that is ours ends in one sentence a line, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A locale without Chinese, or a file name that is no text, must not end a command.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="sluice", standalone_mode=False)
    except ConfigError as error:
        click.echo(str(error), err=True)
        return WRONG
    except SluiceError as error:
        click.echo(f"sluice: {error}", err=True)
        return FAILED
    except click.UsageError as error:
        error.show()
        return WRONG
    except click.ClickException as error:
        error.show()
        return FAILED
    except click.Abort:
        return FAILED
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        click.echo(f"sluice: {what}{error.strerror or type(error).__name__}", err=True)
        return FAILED
    return int(code) if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
