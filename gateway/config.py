"""`sluice.yaml` and the environment → Settings, or every mistake in them at once with file and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.destinations.addresses import is_forbidden
from gateway.errors import ConfigError, Problem, StartError
from gateway.identity.users import load_users
from gateway.identity_settings import contradictions
from gateway.login import read_login
from gateway.setting_values import parent_of
from gateway.settings import Settings, route_for
from gateway.yamlfile import Document, Where, load_yaml, parse_yaml, pydantic_problems

__all__ = ["DEFAULT_FILE", "Settings", "load_settings", "route_for"]

DEFAULT_FILE = "./sluice.yaml"
"""Read when no file is named, if it is there (INTERFACE §2)."""

ENVIRONMENT = "<environment>"
"""Stands for the file in problems with variables."""

PREFIX = "SLUICE__"
"""Start of the variables that override settings; other names of ours (SLUICE_X) are not settings."""


def load_settings(path: str | None, environ: Mapping[str, str]) -> Settings:
    """The settings from a file (None: `./sluice.yaml`, or the embedded default) and the variables over it.

    Raises ConfigError with every problem of both. Relative paths are relative to the file's folder.
    """
    if path is None and Path(DEFAULT_FILE).exists():
        path = DEFAULT_FILE
    document = Document("<embedded default>", None, {(): 0}) if path is None else load_yaml(path)
    base = Path(path).absolute().parent if path else Path.cwd()
    if document.value is not None and not isinstance(document.value, dict):
        raise ConfigError([document.problem((), "the document must be a mapping of settings")])
    variables, problems = _variables(environ)
    merged = _mapping(document.value or {})
    for where, (name, value) in sorted(variables.items()):
        if not _put(merged, where, value):
            problems.append(Problem(ENVIRONMENT, 0, f"{name}: a key above it has a value and takes no keys"))
    try:
        settings = Settings.model_validate(merged, context={"base": base})
    except ValidationError as error:
        errors = error.errors(include_input=False)
        raise ConfigError([*problems, *_placed(document, variables, errors)]) from None
    problems += _placed(document, variables, [*_contradictions(settings), *_mode_problems(settings, environ)])
    try:
        problems += _placed(document, variables, _strangers(settings))
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return settings


type Variables = dict[Where, tuple[str, Any]]
"""Place in the settings → name of the variable and its parsed value."""


def _variables(environ: Mapping[str, str]) -> tuple[Variables, list[Problem]]:
    variables: Variables = {}
    problems = []
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        try:
            value = parse_yaml(text, ENVIRONMENT).value
        except ConfigError as error:
            problems += [Problem(ENVIRONMENT, 0, f"{name}: {problem.message}") for problem in error.problems]
            continue
        variables[tuple(name.removeprefix(PREFIX).lower().split("__"))] = (name, value)
    return variables, problems


def _mapping(value: dict[str, Any]) -> dict[str, Any]:
    """A copy down to the last mapping, so that variables can be put in without touching the document."""
    return {key: _mapping(item) if isinstance(item, dict) else item for key, item in value.items()}


def _put(settings: dict[str, Any], where: Where, value: object) -> bool:
    """Set the value at the place; False, and nothing set, when something on the way is a value already."""
    for step in where[:-1]:
        inner = settings.get(str(step))
        if inner is None:
            inner = settings[str(step)] = {}
        if not isinstance(inner, dict):
            return False
        settings = inner
    settings[str(where[-1])] = value
    return True


def _placed(document: Document, variables: Variables, errors: list[ErrorDetails]) -> list[Problem]:
    """Problems at the line of the file, or at the variable that gave the value."""
    problems: list[Problem] = []
    for error in errors:
        where = error["loc"]
        owners = [
            name
            for place, (name, _) in variables.items()
            if where[: len(place)] == place or (where not in document.lines and place[: len(where)] == where)
        ]
        found = pydantic_problems(document, [error], model=Settings)
        problems += [Problem(ENVIRONMENT, 0, f"{owners[-1]}: {it.message}") for it in found] if owners else found
    return problems


def _contradictions(settings: Settings) -> list[ErrorDetails]:
    """Keys that are right alone and wrong together."""
    found: list[tuple[Where, str]] = []
    taken = {settings.listen: "listen"}
    for name, section in (("metrics", settings.metrics), ("console", settings.console)):
        other = taken.setdefault(section.listen, f"{name}.listen")
        if other != f"{name}.listen":
            found.append(((name, "listen"), f"the same address as {other}; allowed: one address each"))
    found += contradictions(
        settings.identity, listen=settings.listen, mode=settings.mode, speaks_tls=settings.tls.to_proxy
    )
    return _errors(found)


def _mode_problems(settings: Settings, environ: Mapping[str, str]) -> list[ErrorDetails]:
    """Keys that the mode leaves without a meaning, and a next proxy that is this one."""
    parent, upstream = parent_of(settings.mode), settings.upstream
    found: list[tuple[Where, str]] = []
    if parent is None:
        if upstream.login_file is not None:
            found.append((("upstream", "login_file"), "only the mode upstream:URL has a proxy to log in to"))
        return _errors(found)
    own = {settings.listen.port, settings.console.listen.port, settings.metrics.listen.port}
    host = parent.address.host
    is_here = host in {"localhost", settings.listen.host} or is_forbidden(host) in {"loopback", "unspecified"}
    if is_here and parent.address.port in own:
        found.append((("mode",), f"{parent.address} is this gateway; allowed: another proxy"))
    if upstream.connect_to:
        message = "the proxy of mode upstream:URL connects to servers; allowed with it: {}"
        found.append((("upstream", "connect_to"), message))
    try:
        read_login(upstream.login_file, environ)
    except StartError as error:
        found.append((("upstream", "login_file"), str(error)))
    return _errors(found)


def _strangers(settings: Settings) -> list[ErrorDetails]:
    """Networks whose user is not in the users file; raises ConfigError for the problems of that file."""
    identity = settings.identity
    users = load_users(identity.users) if identity.users else None
    found: list[tuple[Where, str]] = [
        (("identity", "networks", str(network)), f"the user {name} is not in {identity.users}")
        for network, name in identity.networks.items()
        if users is not None and name not in users
    ]
    return _errors(found)


def _errors(found: list[tuple[Where, str]]) -> list[ErrorDetails]:
    return [ErrorDetails(type="value_error", loc=where, msg=message, input=None) for where, message in found]
