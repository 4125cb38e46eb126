"""`sluice replay`: what a draft of the policy would have made of the transfers that are on record."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from gateway.cli.main import REFUSED
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import LOCAL, action_style, json_line, local_time, say, terminal
from gateway.policy.load import load_policy
from gateway.policy.rehearse import GAPS, Summary
from gateway.records.reader import Reader
from gateway.records.restore import restore

SHOW_AFTER_S = 1.0
"""A run that takes longer shows its progress, where somebody can see it."""
LOOK_EVERY = 256
"""Records between two looks at the clock."""
TOP = 10
"""Rules and senders listed for people; `--json` has all that were counted."""
_SPAN = re.compile(r"([0-9]{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_TITLES = {"would-block": "would block", "would-release": "would release"}


def since_option(text: str, now: datetime) -> datetime:
    """The moment that `30d`, `12h`, `4w` or a day `YYYY-MM-DD` (Asia/Shanghai) stands for; raises BadParameter.

    >>> since_option("30d", datetime(2026, 12, 1, tzinfo=UTC)).isoformat()
    '2026-11-01T00:00:00+00:00'
    """
    try:
        if found := _SPAN.fullmatch(text):
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        return datetime.combine(date.fromisoformat(text), clock_time(), LOCAL)
    except (ValueError, OverflowError):
        raise click.BadParameter("give hours, days or weeks (12h, 30d, 4w) or a day (YYYY-MM-DD)") from None


@click.command(
    short_help="Decide recorded transfers again under a draft policy.",
    epilog="Example: sluice replay --policy draft.yaml --since 30d",
)
@config_option
@json_option
@click.option("--policy", "draft", metavar="FILE", required=True, help="The draft.")
@click.option("--since", default="30d", show_default=True, help="How far back: 12h, 30d, 4w, or a day YYYY-MM-DD.")
@click.option("--limit", type=click.IntRange(0, 10_000), default=TOP, show_default=True, help="Most samples of a kind.")
def command(config: str | None, as_json: bool, draft: str, since: str, limit: int) -> int:
    """Decide recorded transfers again under a draft policy: would block, would release, unchanged, with samples.

    Nothing is changed, neither records nor policy. Exit code 3 when the draft would stop what has left.
    """
    policy = load_policy(draft)
    start = since_option(since, datetime.now(UTC))
    reader = Reader(settings_of(config).state_dir / "sluice.db")
    summary = Summary(max_samples=limit)
    for record in shown(reader.records(start), reader.count(start)):
        past = restore(record) if record is not None else None
        if past is None:
            summary.skip("unreadable")
        else:
            summary.add(past, policy)
    if as_json:
        click.echo(json_line(to_json(summary, policy.digest, start)))
    else:
        show(terminal(), summary, f"{Path(draft).name} ({policy.digest[:12]})", start)
    return REFUSED if summary.changes["would-block"] else 0


def shown[T](rows: Iterable[T], total: int) -> Iterator[T]:
    """The rows, with a bar on stderr when that is a terminal and it takes long."""
    began = time.monotonic()
    bar: Progress | None = None
    try:
        for number, row in enumerate(rows):
            if not number % LOOK_EVERY:
                if bar is None and sys.stderr.isatty() and time.monotonic() - began > SHOW_AFTER_S:
                    bar = Progress(console=Console(stderr=True), transient=True)
                    bar.start()
                    bar.add_task("deciding again", total=total)
                if bar is not None:
                    bar.update(bar.task_ids[0], completed=number)
            yield row
    finally:
        if bar is not None:
            bar.stop()


def to_json(summary: Summary, digest: str, since: datetime) -> dict[str, Any]:
    """Everything that was counted; keys are fixed."""
    return {
        "policy_digest": digest,
        "since": since.astimezone(UTC).isoformat(),
        "total": summary.total,
        **{
            key.replace("-", "_"): summary.changes[key]
            for key in ("would-block", "would-release", "unchanged", "unknown")
        },
        "actions": {f"{before} → {after}": count for (before, after), count in sorted(summary.actions.items())},
        "rules": {key: dict(counted.most_common()) for key, counted in summary.rules.items()},
        "persons": {key: dict(counted.most_common()) for key, counted in summary.persons.items()},
        "not_replayed_exactly": dict(sorted(summary.gaps.items())),
        "samples": summary.samples,
    }


def show(console: Console, summary: Summary, draft: str, since: datetime) -> None:
    """The counts, who and what is behind them, samples, and what cannot be told."""
    changes = summary.changes
    say(console, f"{summary.total} records since {local_time(since.isoformat())}, decided again under {draft}")
    for key, style in (("would-block", "bold red"), ("would-release", "bold green"), ("unchanged", "dim")):
        say(console, (f"{changes[key]:>9}  ", style), _TITLES.get(key, key))
    say(console, (f"{changes['unknown']:>9}  ", "dim"), "cannot be told")
    for key, title in _TITLES.items():
        if not changes[key]:
            continue
        console.print()
        for label, counted in (("by rule", summary.rules), ("by sender", summary.persons)):
            told = ", ".join(f"{name} {count}" for name, count in counted[key].most_common(TOP))
            say(console, (title, "bold"), f" {label}: {told or '-'}")
        for sample in summary.samples.get(key, ()):
            show_sample(console, sample)
    gaps = [f"{count} {GAPS[gap]}" for gap, count in sorted(summary.gaps.items())]
    console.print()
    for line in (*gaps, *NOT_TOLD):
        say(console, ("note  ", "dim"), line)


def show_sample(console: Console, sample: dict[str, Any]) -> None:
    """Two lines: which, when, who, where; then the verdicts and their rules."""
    before, after = sample["before"], sample["after"]
    who, to = sample["user"] or sample["ip"] or "(unknown)", sample["service"] or sample["host"]
    near = ", approximately" if sample["approximate"] else ""
    say(console, f"{sample['id']}  {local_time(sample['at'])}  {who} → {to}{near}", indent=2)
    pieces: list[str | tuple[str, str]] = []
    for label, verdict in (("was ", before), (", would be ", after)):
        rules = " ".join(rule["id"] for rule in verdict["rules"] if rule["enforced"])
        pieces += [label, (verdict["action"], action_style(verdict["action"])), f" ({rules or 'no rule'})"]
    say(console, *pieces, indent=4)


NOT_TOLD = (
    "content is not kept: new signatures, detectors and limits of the inspection are not tried, only what was found then",
    "requests without a body that were let through are not on record, and `uploads` is not tried",
    "exceptions are judged by the day of each transfer",
)
"""What no replay can tell, said with every answer."""
