"""`sluice check`: settings, policy, signatures, catalogue and users, with every problem at once."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from gateway.cli.options import config_option
from gateway.cli.words import LOCAL
from gateway.config import DEFAULT_FILE, PREFIX, load_settings
from gateway.errors import ConfigError, Problem
from gateway.passthrough.entries import notes
from gateway.policy.kept import Kept
from gateway.policy.load import EMBEDDED, policy_text
from gateway.settings import Settings
from gateway.yamlfile import load_yaml, parse_yaml

if TYPE_CHECKING:
    from gateway.policy.review import Review

FINE, FAILED, WRONG = 0, 1, 2
"""Exit codes of a check: nothing is wrong · it could not be made · something is wrong."""
NAMED_FILES: tuple[tuple[str, ...], ...] = (("policy",), ("signatures",), ("catalogue",), ("identity", "users"))
"""Keys of the settings whose files are read here."""


def check_all(config: str | None) -> tuple[Settings, Review]:
    """Settings and policy when everything they name is right, with what is worth a look; raises ConfigError with every problem of all files."""
    problems: list[Problem] = []

    def gather[T](load: Callable[[], T]) -> T | None:
        try:
            return load()
        except ConfigError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
            return None

    settings = gather(lambda: load_settings(config, os.environ))
    readable = settings or what_is_right(config)
    names = gather(lambda: _signatures(readable))
    if names is None:
        gather(lambda: _other_signatures(readable, {problem.file for problem in problems}))
    services = _check_places(readable, gather)
    found = gather(lambda: _policy(readable, names, services))
    if settings is None or found is None or problems:
        raise ConfigError(problems)
    return settings, found


def _signatures(settings: Settings, folders: Sequence[str] = ()) -> frozenset[str]:
    """Names of all signatures, which compile; of the settings' folders, unless others are given."""
    from gateway.detect.engine import build_engine  # noqa: PLC0415 - only what a command needs is loaded
    from gateway.inspectors.compiled import CompiledFiles  # noqa: PLC0415 - as above

    cache = CompiledFiles(settings.state_dir / "run" / "compiled")
    own = folders or [str(path) for path in settings.signatures]
    return frozenset(build_engine(own, limits=settings.limits, cache=cache).signatures)


def _other_signatures(settings: Settings, broken: Collection[str]) -> None:
    """Raises ConfigError for what is wrong with signatures in files that can be read, when others cannot."""
    stems = {_stem(file) for file in broken}
    with tempfile.TemporaryDirectory() as name:
        files = {}
        for number, folder in enumerate(settings.signatures):
            for file in folder.glob("*/*"):
                if _stem(str(file)) not in stems:
                    link = Path(name, str(number), file.parent.name, file.name)
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(file.absolute())
                    files[str(link)] = str(file)
        try:
            _signatures(settings, sorted(str(folder) for folder in Path(name).iterdir()))
        except ConfigError as error:
            raise ConfigError([_moved(problem, files) for problem in error.problems]) from None


def _stem(file: str) -> str:
    """The path without its ending; rules and their cases have one stem."""
    return file.removesuffix(".yaml").removesuffix(".yar").removesuffix(".cases")


def _moved(problem: Problem, files: Mapping[str, str]) -> Problem:
    """The problem with the files as the person knows them."""
    message = problem.message
    for link, file in files.items():
        message = message.replace(link, file)
    return Problem(files.get(problem.file, problem.file), problem.line, message)


def _check_places(settings: Settings, gather: Callable[[Callable[[], Any]], Any]) -> set[str] | None:
    """Users, catalogue and the databases of countries; ids of all services, None when the catalogue has mistakes."""
    from gateway.destinations.cases import check_catalogue  # noqa: PLC0415 - as above
    from gateway.destinations.geo import Geo  # noqa: PLC0415 - as above
    from gateway.identity.users import load_users  # noqa: PLC0415 - as above
    from gateway.identity_settings import check_files  # noqa: PLC0415 - as above

    users, database = settings.identity.users, settings.geo.database
    gather(lambda: load_users(users) if users else None)
    gather(lambda: check_files(settings.identity, settings.tls.proxy_certificate))
    known: set[str] = set()
    gather(lambda: check_catalogue([str(path) for path in settings.catalogue], known))
    gather(lambda: Geo.open(str(database) if database else None))
    return known or None


def _policy(settings: Settings, names: Collection[str] | None, services: Collection[str] | None) -> Review:
    """The policy, once its own cases came out as they say and every enforced rule that stops has one."""
    from gateway.policy.review import review  # noqa: PLC0415 - only what a command needs is loaded

    text, file = policy_text(str(settings.policy) if settings.policy else None)
    found = review(text, file, today=datetime.now(LOCAL).date(), signatures=names, services=services)
    found.sound()
    return found


def what_is_right(config: str | None) -> Settings:
    """Settings with those keys of NAMED_FILES that are right by themselves, of a file in which others are wrong."""
    path = config or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else None)
    settings = Settings()
    try:
        value = load_yaml(path).value if path else {}
    except ConfigError:
        return settings
    base = Path(path).absolute().parent if path else Path.cwd()
    for where in NAMED_FILES:
        given = _given(value, where)
        if given is None:
            continue
        for step in reversed(where):
            given = {step: given}
        try:
            right = Settings.model_validate(given, context={"base": base})
        except ValidationError:
            continue
        settings = settings.model_copy(update={where[0]: getattr(right, where[0])})
    return settings


def _given(value: object, where: tuple[str, ...]) -> object:
    """What the environment or the document gives at a place; None for nothing."""
    text = os.environ.get(PREFIX + "__".join(where).upper())
    if text is not None:
        try:
            return parse_yaml(text, "").value
        except ConfigError:
            return None
    for step in where:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def say_check(config: str | None) -> int:
    """Write every problem to stderr, one a line; FINE, or WRONG when there are any."""
    try:
        check_all(config)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    return FINE


def begin_check(config: str | None) -> int:
    """The process id of a fork of this process that says what is wrong, so that what it loads is not kept here."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:  # pragma: no cover - a fork that ends here writes no coverage report
        code = FAILED
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is answered by the parent
        try:
            code = say_check(config)
        except BaseException:  # noqa: BLE001 - the last frame of this process
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def end_check(child: int) -> int:
    """FINE, or WRONG or FAILED after everything was said; waits for it."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code in {FINE, WRONG} else FAILED


@click.command(
    short_help="Validate settings, policy, signatures and catalogue.",
    epilog="Example: sluice check --config sluice.yaml",
)
@config_option
@click.option("--keep", is_flag=True, hidden=True, help="Name the policy as the one that workers load; for a reload.")
def command(config: str | None, keep: bool) -> None:
    """Validate settings, policy, signatures, catalogue and users; list every problem as file:line, start nothing."""
    settings, found = check_all(config)
    policy = found.policy
    if keep:
        # The very text that was judged: the file may be written again at any moment.
        Kept(settings.state_dir).put_in_force(found.text, policy.digest)
    used = config or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else EMBEDDED)
    click.echo(f"settings   {used}: fine")
    for note in notes(settings.tls.passthrough, datetime.now(LOCAL).date()):
        click.echo(f"note       {note}")
    click.echo(f"policy     {settings.policy or EMBEDDED}: {len(policy.rules)} rules, digest {policy.digest[:12]}")
    for remark in found.remarks:
        click.echo(f"note       {remark}")
    for name, paths in (("signatures", settings.signatures), ("catalogue", settings.catalogue)):
        click.echo(f"{name:<10} {', '.join(str(path) for path in paths)}: fine")
