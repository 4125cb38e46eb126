"""`sluice check`: settings, policy, signatures and catalogue, with every problem at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import click

from gateway.cli.options import config_option
from gateway.config import load_settings
from gateway.destinations.catalogue import load_catalogue
from gateway.detect.engine import build_engine
from gateway.detect.signatures import load_signatures
from gateway.detect.yara_rules import load_yara
from gateway.errors import ConfigError, Problem
from gateway.identity.users import load_users
from gateway.policy.cases import run_policy_cases
from gateway.policy.load import load_policy
from gateway.settings import Settings


def check_all(config: str | None) -> Settings:
    """The settings when everything they name is right; raises ConfigError with every problem of all files."""
    settings = load_settings(config, os.environ)
    folders = [str(path) for path in settings.signatures]
    problems: list[Problem] = []

    def gather[T](load: Callable[[], T]) -> T | None:
        try:
            return load()
        except ConfigError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
            return None

    signatures = gather(lambda: load_signatures(folders))
    yara = gather(lambda: load_yara(folders))
    names = {signature.name for signature in signatures or ()} | set(yara.signatures if yara else ())
    if signatures is not None and yara is not None:
        gather(lambda: build_engine(folders, limits=settings.limits))
    known = names if signatures is not None and yara is not None else None
    gather(lambda: _check_policy(settings, known))
    gather(lambda: load_catalogue([str(path) for path in settings.catalogue]))
    if settings.identity.users is not None:
        gather(lambda: load_users(str(settings.identity.users)))
    if problems:
        raise ConfigError(problems)
    return settings


def _check_policy(settings: Settings, names: set[str] | None) -> None:
    path = str(settings.policy) if settings.policy else None
    policy = load_policy(path, signatures=names)
    failed: Sequence[Problem] = [
        Problem(path or "<embedded default>", 0, f"policy case {result}")
        for result in run_policy_cases(policy)
        if not result.passed
    ]
    if failed:
        raise ConfigError(list(failed))


@click.command(epilog="Example: sluice check --config sluice.yaml")
@config_option
def command(config: str | None) -> None:
    """Validate settings, policy, signatures and catalogue; list every problem as file:line and start nothing."""
    settings = check_all(config)
    policy = load_policy(str(settings.policy) if settings.policy else None)
    click.echo(f"fine: {len(policy.rules)} rules, policy {policy.digest[:12]}")
