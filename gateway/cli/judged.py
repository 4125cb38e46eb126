"""A judged file as `sluice inspect` shows it: for people, and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from gateway.cli.apart import Look
from gateway.cli.words import action_style, in_language, say, visible
from gateway.findings import PartReport, Verdict
from gateway.parts import Grade
from gateway.records.record import build_record
from gateway.transfer import Transfer

INDENT = 7
"""Columns that the verdict takes in front of everything else."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One file and what was decided."""

    path: Path
    transfer: Transfer
    look: Look
    verdict: Verdict


def to_json(judged: Judged) -> dict[str, Any]:
    """`path`, and `parts`, `coverage` and `verdict` as in a record; `text` when it was asked for."""
    record = build_record(judged.transfer, judged.look.inspection, judged.verdict, node="", duration_ms=0.0)
    shown = {"path": str(judged.path), **{key: record[key] for key in ("parts", "coverage", "verdict")}}
    if judged.look.extracts:
        shown["text"] = [{"location": extract.place, "text": extract.text} for extract in judged.look.extracts]
    return shown


def show(console: Console, judged: Judged, language: str) -> None:
    """The verdict first, then why, then what was found where."""
    action = judged.verdict.action.word
    say(console, (f"{action:<{INDENT}}", action_style(action)), (str(judged.path), "bold"))
    for ground in judged.verdict.enforced:
        say(console, (ground.rule, "cyan"), "  ", (" ".join(ground.basis), "dim"), indent=INDENT)
        say(console, in_language(ground.says, language) or ground.because, indent=INDENT)
    if judged.look.inspection.failure:
        say(console, (f"not inspected: {judged.look.inspection.failure}", "dim"), indent=INDENT)
    for part in judged.look.inspection.parts:
        _show_part(console, part)
    for extract in judged.look.extracts:
        say(console, (f"--- {extract.place}", "dim"))
        # Not by the console, which would turn tabs into spaces.
        console.file.write(f"{visible(extract.text, lines=True)}\n")


def _show_part(console: Console, part: PartReport) -> None:
    """The part's name and type, and under it what was found; nothing for one that was read and is clean."""
    grade = part.encryption.grade
    if not part.findings and not part.reason and grade is Grade.NONE:
        return
    locked = "" if grade is Grade.NONE else f"  {part.encryption.scheme} encryption, {grade}"
    say(console, part.path or part.name or "(unnamed)", (f"  {part.media_type}{locked}", "dim"), indent=INDENT)
    for finding in part.findings:
        told = "  ".join(filter(None, (finding.severity.value, finding.sample, finding.location)))
        say(console, f"{finding.signature} ×{finding.count}", (f"  {told}", "dim"), indent=INDENT + 2)
    if part.reason and part.reason != "encrypted":
        say(console, part.detail, indent=INDENT + 2)


def summary(console: Console, actions: Counter[str], failed: int) -> None:
    """How many of which."""
    told = ", ".join(f"{count} {action}" for action, count in sorted(actions.items())) or "nothing to inspect"
    console.print()
    say(
        console,
        f"{actions.total()} file{'s' * (actions.total() != 1)}: {told}"
        + (f"; {failed} could not be read" if failed else ""),
    )
