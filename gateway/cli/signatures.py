"""`sluice signatures test`: every signature's own cases."""

from __future__ import annotations

import os

import click

from gateway.cli.options import config_option, settings_of
from gateway.detect.cases import run_cases
from gateway.detect.engine import build_engine
from gateway.detect.signatures import load_signatures
from gateway.detect.yara_files import load_rule_files
from gateway.detect.yara_rules import YaraRules
from gateway.inspectors.build import today


@click.group(epilog="Example: sluice signatures test")
def command() -> None:
    """Test what the gateway looks for."""


@command.command(
    "test", short_help="Run the cases of every signature.", epilog="Example: sluice signatures test --verbose"
)
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Show passed cases too.")
def test(config: str | None, verbose: bool) -> int:
    """Run the cases beside every signature and YARA rule: what must be found and what must not.

    Exit code 1 when one fails.
    """
    settings = settings_of(config)
    folders = [str(path) for path in settings.signatures]
    signatures = load_signatures(folders)
    files, own = load_rule_files(folders)
    results = run_cases(build_engine(folders, limits=settings.limits), signatures, today=today())
    failed = 0
    for result in results:
        failed += not result.ok
        if verbose or not result.ok:
            word = "ok" if result.ok else "FAILED"
            place = f"{os.path.relpath(result.file)}:{result.line}"
            click.echo(f"{place}: {word}: {result.signature}: expected {result.expected}, found {result.found}")
    problems = YaraRules(files, own).failed_cases()
    for problem in problems:
        click.echo(f"{os.path.relpath(problem.file)}:{problem.line}: FAILED: {problem.message}")
    cases = [case for file in files for case in file.cases.values()]
    if verbose:
        for file in files:
            for name, case in file.cases.items():
                total = len(case.find) + len(case.ignore)
                click.echo(f"{os.path.relpath(file.cases_path)}:{file.lines[name]}: {name}: {total} cases")
    yara_total = sum(len(case.find) + len(case.ignore) for case in cases)
    click.echo(f"{len(signatures)} signatures: {len(results)} cases, {failed} failed")
    click.echo(f"{len(own)} signatures in YARA rules: {yara_total} cases, {len(problems)} failed")
    return 1 if failed or problems else 0
