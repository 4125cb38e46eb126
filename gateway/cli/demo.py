"""`sluice demo`: stand-in services, a real gateway, ten uploads, and what became of each."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console

from gateway.cli.incidents import find
from gateway.cli.words import action_style, in_language, language, say, terminal
from gateway.demo.client import Answer, upload
from gateway.demo.running import RunningGateway
from gateway.demo.samples import SAMPLES, Sample
from gateway.demo.service import Service
from gateway.errors import StartError
from gateway.records.store import Store

INDEX_S = 10.0
"""Longest wait for the record of a refusal."""
PAUSE_S = 0.05
MAX_WIDTH = 80
"""Columns; wider is harder to read."""
INDENT = 10
"""Columns of number and verdict, in front of everything else."""


@click.command(short_help="Show what is blocked and why, with sample uploads.", epilog="Example: sluice demo --no-keep")
@click.option(
    "--keep/--no-keep",
    default=None,
    help="Leave gateway and console running until Ctrl-C. Default: only in a terminal.",
)
def command(keep: bool | None) -> int:
    """Show what is blocked and why: ten uploads to stand-in services through a real gateway.

    Nothing leaves this machine.
    """
    keep = sys.stdout.isatty() if keep is None else keep
    console, wanted = terminal(), language(os.environ)
    hosts = tuple(dict.fromkeys(str(urlsplit(sample.url).hostname) for sample in SAMPLES))
    with signals_interrupt(), tempfile.TemporaryDirectory(prefix="sluice-demo-", ignore_cleanup_errors=True) as name:
        began = time.monotonic()
        tell(
            console,
            f"{len(SAMPLES)} uploads through a real gateway, to stand-ins for WeCom, Telegram and Baidu Netdisk. "
            "All of it stays on this machine.",
        )
        with Service(Path(name), hosts) as service, started(console, Path(name), service) as gateway:
            answers = []
            for number, sample in enumerate(SAMPLES, 1):
                answer = upload(sample, gateway.port, gateway.ca)
                answers.append(answer)
                show(console, number, sample, answer, rules_of(gateway.state, answer), wanted)
            summary(console, answers, time.monotonic() - began)
            prove(console, answers, service)
            linger(console, gateway, keep=keep)
    return 0


def linger(console: Console, gateway: RunningGateway, *, keep: bool) -> None:
    """Say where more is to be seen, and leave it there until Ctrl-C; nothing of it when nobody wants to `keep` it."""
    if keep:
        tell(console, "console    ", (f"http://127.0.0.1:{gateway.console_port}/", "bold"))
        tell(console, "terminal   ", (f"sluice incidents list --config {gateway.config}", "bold"))
        tell(console, ("Ctrl-C ends the demonstration.", "dim"))
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
        click.echo("stopping", err=True)


def tell(console: Console, *pieces: str | tuple[str, str], indent: int = 0) -> None:
    """Print one paragraph, folded at 80 columns or fewer, also into a file."""
    say(console, *pieces, indent=indent, width=min(console.width, MAX_WIDTH))


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP do what Ctrl-C does, so that everything that was begun is ended."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def started(console: Console, folder: Path, service: Service) -> Iterator[RunningGateway]:
    """A gateway that is ready; meanwhile a line tells for how long it has been starting."""
    began = time.monotonic()
    with contextlib.ExitStack() as line:
        if console.is_terminal:
            status = line.enter_context(console.status("starting the gateway"))
            gateway = RunningGateway(
                folder, service, lambda: status.update(f"starting the gateway  {time.monotonic() - began:.0f} s")
            )
        else:
            tell(console, "starting the gateway")
            gateway = RunningGateway(folder, service)
        running = line.enter_context(contextlib.ExitStack())
        running.enter_context(gateway)
        # The line goes now; the gateway when the block ends.
        running = running.pop_all()
    with running:
        console.print()
        yield gateway


def rules_of(state: Path, answer: Answer) -> list[dict[str, Any]]:
    """The grounds that stop it, once the record of it is in the store; none for one that passed."""
    if not answer.incident:
        return []
    deadline = time.monotonic() + INDEX_S
    while time.monotonic() < deadline:
        with Store.open(state / "sluice.db") as store:
            record = find(store, answer.incident)
        if record is not None:
            rules = [rule for rule in record["verdict"]["rules"] if rule["action"] in {"block", "hold"}]
            return sorted(rules, key=lambda rule: bool(rule["action"] != answer.verdict))
        time.sleep(PAUSE_S)
    raise StartError(f"no record of {answer.incident} within {INDEX_S:.0f} s")


def show(
    console: Console, number: int, sample: Sample, answer: Answer, rules: list[dict[str, Any]], wanted: str
) -> None:
    """Verdict and what it is; under it the rule that stopped it, one sentence, and which other rules would have."""
    action = answer.verdict or "allow"
    title = in_language(sample.title, wanted)
    tell(console, (f"{number:2} ", "dim"), (f"{action:<{INDENT - 3}}", action_style(action)), (title, "bold"))
    if not rules:
        tell(console, ("forwarded  ", "cyan"), in_language(sample.passes, wanted), indent=INDENT)
        return
    says = in_language(rules[0]["says"], wanted) or rules[0]["because"]
    others = "".join(f" + {rule['id']}" for rule in rules[1:])
    tell(console, (f"{rules[0]['id']}{others}  ", "cyan"), says, indent=INDENT)


def summary(console: Console, answers: list[Answer], seconds: float) -> None:
    """How many of which."""
    passed = sum(not answer.verdict for answer in answers)
    held = sum(answer.verdict == "hold" for answer in answers)
    console.print()
    tell(
        console,
        f"{len(answers)} uploads in {seconds:.0f} s: {passed} forwarded, {len(answers) - passed - held} blocked, "
        f"{held} held.",
    )


def prove(console: Console, answers: list[Answer], service: Service) -> None:
    """What the services themselves say they received; raises StartError when that is not what was let through."""
    passed = [(sample, answer) for sample, answer in zip(SAMPLES, answers, strict=True) if not answer.verdict]
    tell(console, "The log of the stand-in services:")
    for arrival in service.arrived:
        names = [sample.name for sample, answer in passed if answer.sha256 == arrival.sha256]
        told = f"{', '.join(names)}, every byte as sent" if names else "not what was sent"
        tell(console, f"POST {arrival.host}{arrival.path}", indent=2)
        tell(console, (f"{arrival.bytes} bytes, sha256 {arrival.sha256[:16]}…: {told}", "dim"), indent=4)
    tell(console, f"{service.connections} connections in all. Of what was refused, not one byte.", indent=2)
    console.print()
    if sorted(arrival.sha256 for arrival in service.arrived) != sorted(answer.sha256 for _, answer in passed):
        raise StartError("what the services received is not what was let through; this is a fault of the gateway")
