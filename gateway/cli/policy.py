"""`sluice policy`: its cases, the policies that were in force, and what changes from one to another."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from gateway.cli.main import FAILED
from gateway.cli.options import config_option, json_option, settings_of
from gateway.cli.words import LOCAL, in_language, json_line, language, local_time, say, terminal, visible
from gateway.errors import ConfigError, Problem
from gateway.policy.compare import compare
from gateway.policy.kept import Kept
from gateway.policy.load import policy_text, read_file
from gateway.policy.review import Review, review
from gateway.policy.schema_file import PolicyFile
from gateway.yamlfile import parse_yaml, read_text

DIGEST_CHARS = 12
"""Characters of a digest shown in the list; `show` and `diff` take any beginning that is unique."""


@click.group(epilog="Example: sluice policy test policy.yaml")
def command() -> None:
    """Test a policy, show those that were in force, compare two."""


@command.command("test", short_help="Run a policy's own cases.", epilog="Example: sluice policy test policy.yaml")
@config_option
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Show passed cases too.")
@click.argument("file", required=False)
def test(config: str | None, as_json: bool, verbose: bool, file: str | None) -> int:
    """Run the cases beside the rules of FILE; by default of the policy that the settings name.

    Exit code 1 when a case comes out otherwise, or an enforced rule that blocks or holds has none; 2 when the file has
    mistakes.
    """
    if file is None:
        policy = settings_of(config).policy
        file = str(policy) if policy else None
    text, name = policy_text(file)
    found = review(text, name, today=datetime.now(LOCAL).date())
    if as_json:
        _test_json(found)
    else:
        _test_words(found, name, verbose=verbose)
    return FAILED if found.problems else 0


def _test_json(found: Review) -> None:
    for result, line in zip(found.results, found.lines, strict=True):
        told = {"name": result.name, "line": line, "passed": result.passed}
        for key in ("expected", "got"):
            action, rules = getattr(result, key)
            told[key] = {"action": action, "rules": list(rules)}
        click.echo(json_line(told))
    for kind, problems in (("problem", found.problems), ("remark", found.remarks)):
        for problem in problems:
            click.echo(json_line({kind: problem.message, "line": problem.line}))


def _test_words(found: Review, name: str, *, verbose: bool) -> None:
    if verbose:
        for result, line in zip(found.results, found.lines, strict=True):
            if result.passed:
                click.echo(f"{name}:{line}: {visible(str(result))}")
    for problem in found.problems:
        click.echo(visible(str(problem)))
    for remark in found.remarks:
        click.echo(f"note: {visible(str(remark))}")
    failed = sum(not result.passed for result in found.results)
    click.echo(f"{len(found.policy.rules)} rules: {len(found.results)} cases, {failed} failed")


@command.command("list", epilog="Example: sluice policy list")
@config_option
@json_option
def list_(config: str | None, as_json: bool) -> None:
    """List the policies that were in force, the newest first."""
    kept = Kept(settings_of(config).state_dir)
    now = kept.in_force()
    console = terminal()
    for entry in kept.entries():
        since = datetime.fromtimestamp(entry.since, UTC).isoformat(timespec="seconds")
        if as_json:
            click.echo(json_line({"digest": entry.digest, "since": since, "in_force": entry.digest == now}))
        else:
            mark = "  in force" if entry.digest == now else ""
            say(console, f"{entry.digest[:DIGEST_CHARS]}  {local_time(since)}", (mark, "bold green"))


@command.command("show", epilog="Example: sluice policy show 3f2a9c")
@config_option
@click.argument("digest")
def show(config: str | None, digest: str) -> None:
    """Print a policy that was in force, as its author wrote it. DIGEST may be any beginning that is unique."""
    _, text = _found(config, digest)
    click.echo(visible(text, lines=True), nl=False)


@command.command(
    "diff",
    short_help="What changes from one policy to another.",
    epilog="Example: sluice policy diff in-force draft.yaml",
)
@config_option
@json_option
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
def diff(config: str | None, as_json: bool, old: str, new: str) -> None:
    """Say in sentences what changes from policy A to policy B: files, digests, `in-force` or `default`.

    In the language of the terminal; `--json` gives each sentence in Chinese and English.
    """
    sentences = compare(_entries(config, old), _entries(config, new))
    for sentence in sentences:
        told = {"zh": sentence.zh, "en": sentence.en}
        click.echo(json_line(told) if as_json else visible(in_language(told, language(os.environ))))
    if not sentences and not as_json:
        click.echo({"zh": "两者没有区别。", "en": "There is no difference."}[language(os.environ)])


def _entries(config: str | None, named: str) -> PolicyFile:
    file, text = _found(config, named)
    return read_file(parse_yaml(text, file))


def _found(config: str | None, named: str) -> tuple[str, str]:
    """Name and text of a policy; raises ConfigError when there is none."""
    if named == "default":
        text, file = policy_text(None)
        return file, text
    if os.path.isfile(named):  # noqa: PTH113 - Path.is_file raises where the folder may not be read
        return named, read_text(named)
    kept = Kept(settings_of(config).state_dir)
    digest = kept.in_force() if named == "in-force" else kept.find(named)
    if not digest:
        what = "is no file, and no digest, or the beginning of more than one; 'sluice policy list' names them"
        raise ConfigError([Problem(visible(named), 0, what)])
    return f"{digest[:DIGEST_CHARS]}.yaml", kept.text(digest)
