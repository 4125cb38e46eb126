"""`sluice audit verify`: the hash chain of the records, offline."""

from __future__ import annotations

import sys

import click

from gateway.cli.options import config_option, settings_of
from gateway.errors import StartError
from gateway.records.store import Store
from gateway.records.verify import verify_directory


@click.group(short_help="Verify the records.", epilog="Example: sluice audit verify --config sluice.yaml")
def command() -> None:
    """What the records prove."""


@command.command("verify", short_help="Check the hash chain of the records.", epilog="Example: sluice audit verify")
@config_option
def verify(config: str | None) -> int:
    """Check every journal: an edited, dropped, swapped, inserted or truncated record is named with file and line."""
    state_dir = settings_of(config).state_dir
    journal = state_dir / "journal"
    if not journal.is_dir():
        raise StartError(f"{journal}: there is no journal; has the gateway run with this state_dir?")
    anchors = []
    store_path = state_dir / "sluice.db"
    if store_path.exists():
        with Store.open(store_path) as store:
            anchors = store.anchors()
    with click.progressbar(length=1, label="verifying", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        report = verify_directory(journal, anchors, progress=progress)
    for note in report.notes:
        click.echo(f"note: {note}")
    for problem in report.problems:
        click.echo(str(problem))
    click.echo(f"{report.records} records in {report.files} files: " + ("the chain holds" if report.ok else "BROKEN"))
    return 0 if report.ok else 1
