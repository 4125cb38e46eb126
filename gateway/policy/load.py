"""A policy file → frozen rules; a broken file yields every problem at once and no policy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from gateway.errors import ConfigError, Problem
from gateway.findings import Action
from gateway.policy.cases import run_policy_cases
from gateway.policy.check import Known, mistakes
from gateway.policy.conditions import (
    all_hold,
    compile_actor,
    compile_destination,
    compile_findings,
    compile_when,
    mb_to_bytes,
    names_test,
)
from gateway.policy.early import conditions, is_early, size_limits
from gateway.policy.facts import Authorised, Test
from gateway.policy.model import NOTHING, AuthorisedDestination, Policy, PolicyException, Rule
from gateway.policy.problems import dotted, empty_places, form_problems
from gateway.policy.schema import UNIT_BYTES, AuthorisedEntry, Bilingual, ExceptionEntry, RuleEntry
from gateway.policy.schema_file import PolicyFile
from gateway.policy.vocabulary import KnownHash
from gateway.yamlfile import Document, Where, parse_yaml, read_text

EMBEDDED = "<embedded default>"
"""What stands for the file name in problems of the shipped policy."""
SECTIONS = ("rules", "exceptions", "authorised", "sensitive", "cases")
"""Lists of the file whose entries are judged one by one."""


def load_policy(
    path: str | None, *, signatures: Collection[str] | None = None, services: Collection[str] | None = None
) -> Policy:
    """The policy in the file at `path`, the shipped default for None, once its own cases came out as they say.

    Raises ConfigError with every problem as file:line and what is allowed.
    """
    return load_text(*policy_text(path), signatures=signatures, services=services)


def policy_text(path: str | None) -> tuple[str, str]:
    """The text of the file, read once, and its name in problems; raises ConfigError when it cannot be read."""
    if path is None:
        return resources.files("gateway.policy").joinpath("data", "default.yaml").read_text(encoding="utf-8"), EMBEDDED
    return read_text(path), path


def load_text(
    text: str, file: str, *, signatures: Collection[str] | None = None, services: Collection[str] | None = None
) -> Policy:
    """The policy in a text; raises ConfigError like `load_policy`, also for each case that comes out otherwise.

    With `signatures`, the installed names, a name that is neither installed nor promised by the product is a problem;
    with `services`, the ids of the catalogue, one that is not among them.
    """
    document = parse_yaml(text, file)
    policy = read_policy(document, signatures=signatures, services=services)
    results = enumerate(run_policy_cases(policy))
    failed = [document.problem(("cases", i), f"cases: {result}") for i, result in results if not result.passed]
    if failed:
        raise ConfigError(failed)
    return policy


def read_policy(
    document: Document, *, signatures: Collection[str] | None = None, services: Collection[str] | None = None
) -> Policy:
    """The policy in a parsed document, its cases not yet run; raises ConfigError like `load_policy`."""
    return compile_policy(read_file(document, signatures=signatures, services=services))


def read_file(
    document: Document, *, signatures: Collection[str] | None = None, services: Collection[str] | None = None
) -> PolicyFile:
    """The entries of a parsed document without mistakes; raises ConfigError like `load_policy`."""
    if not isinstance(document.value, dict):
        raise ConfigError([document.problem((), "a policy is a mapping that begins with `version: 1`")])
    empty = list(empty_places(document.value))
    problems = [document.problem(w, f"{dotted(document, w)}: has no value; give one or delete the key") for w in empty]
    file, places, more = _validated(document, empty)
    problems += more
    problems += _duplicates(document)
    known = Known(_known_rules(document, file), _frozen(signatures), _frozen(services))
    found = mistakes(file, known, lambda section, index: (section, places[section][index]))
    problems += [document.problem(where, f"{dotted(document, where)}: {text}") for where, text in found]
    if problems:
        raise ConfigError(problems)
    return file


def compile_policy(file: PolicyFile) -> Policy:
    """The policy of a file without mistakes."""
    mb_bytes = UNIT_BYTES[file.settings.size_unit]
    sensitive = tuple(compile_findings(block) for block in file.sensitive)
    failures = {key: _action(word) for key, word in file.failures.model_dump(by_alias=True).items()}
    return Policy(
        digest=digest_of(file),
        rules=tuple(_rule(entry, file.routes, mb_bytes, sensitive) for entry in file.rules),
        exceptions=tuple(_exception(entry, mb_bytes) for entry in file.exceptions),
        authorised=tuple(_authorised(entry) for entry in file.authorised),
        uploads=tuple(
            (compile_destination(entry.destination) if entry.destination else all_hold([]), entry.hold)
            for entry in file.uploads
        ),
        asks_hash=any(_asks_hash(when.known_hash) for rule in file.rules for when in conditions(rule.when)),
        sensitive=file.sensitive,
        failures=MappingProxyType(failures),
        names=MappingProxyType({name: _words(words) for name, words in file.names.items()}),
        size_unit=file.settings.size_unit,
        cases=file.cases,
    )


def digest_of(file: PolicyFile) -> str:
    """SHA-256, hex, of all that decides: defaults written out, entries sorted by id, cases left out."""
    content = file.model_dump(mode="json", by_alias=True, exclude={"cases"})
    for section in ("rules", "exceptions", "authorised"):
        content[section].sort(key=lambda entry: entry["id"])
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _frozen(names: Collection[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _validated(document: Document, empty: list[Where]) -> tuple[PolicyFile, dict[str, list[int]], list[Problem]]:
    """The file as far as it is well formed, where its entries stand, and the problems of form.

    Entries with mistakes are left out and the rest is judged again, so that one run tells everything.
    """
    value: dict[str, Any] = document.value
    places = {key: list(range(len(value[key]))) for key in SECTIONS if isinstance(value.get(key), list)}
    try:
        return PolicyFile.model_validate(value), places, []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    told = set(empty)
    problems = form_problems(document, [e for e in errors if e["loc"] not in told], PolicyFile)
    broken = {tuple(e["loc"][:2]) if e["loc"][0] in places else tuple(e["loc"][:1]) for e in errors}
    kept: dict[str, Any] = {"version": 1}
    for key, item in value.items():
        if key in places:
            places[key] = [index for index in places[key] if (key, index) not in broken]
            kept[key] = [item[index] for index in places[key]]
        elif (key,) not in broken:
            kept[key] = item
    return PolicyFile.model_validate(kept), places, problems


def _known_rules(document: Document, file: PolicyFile) -> dict[str, RuleEntry | None]:
    raw = document.value.get("rules")
    written = [entry.get("id") for entry in raw if isinstance(entry, dict)] if isinstance(raw, list) else []
    known: dict[str, RuleEntry | None] = {name: None for name in written if isinstance(name, str)}
    return known | {rule.id: rule for rule in file.rules}


def _duplicates(document: Document) -> list[Problem]:
    problems = []
    for section in SECTIONS:
        first: dict[str, int] = {}
        entries = document.value.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            key = "name" if section == "cases" else "id"
            name = entry.get(key) if isinstance(entry, dict) else None
            if isinstance(name, str) and first.setdefault(name, index) != index:
                line = document.line((section, first[name]))
                problems.append(
                    document.problem((section, index), f"{section}: {name!r} already stands in line {line}")
                )
    return problems


def _rule(entry: RuleEntry, routes: Mapping[str, str], mb_bytes: int, sensitive: tuple[Test, ...]) -> Rule:
    return Rule(
        id=entry.id,
        action=_action(entry.action),
        basis=entry.basis,
        owner=entry.owner,
        since=entry.since,
        says=_words(entry.says),
        test=compile_when(entry.when, mb_bytes=mb_bytes, sensitive=sensitive),
        guidance=_words(entry.guidance) if entry.guidance else NOTHING,
        route=routes[entry.route] if entry.route else "",
        mode=entry.mode,
        keep_content=entry.keep_content,
        limits_bytes=tuple(sorted({mb_to_bytes(mb, mb_bytes) for mb in size_limits(entry.when)})),
        is_early=is_early(entry.when),
    )


def _exception(entry: ExceptionEntry, mb_bytes: int) -> PolicyException:
    tests = [compile_actor(entry.actor)] if entry.actor else []
    tests += [compile_destination(entry.destination)] if entry.destination else []
    return PolicyException(
        id=entry.id,
        rules=frozenset(entry.rules),
        ticket=entry.ticket,
        approver=entry.approver,
        owner=entry.owner,
        expires=entry.expires,
        test=all_hold(tests),
        up_to_bytes=None if entry.up_to_mb is None else mb_to_bytes(entry.up_to_mb, mb_bytes),
        ports=frozenset(entry.port),
        protocols=frozenset(entry.protocol),
    )


def _authorised(entry: AuthorisedEntry) -> AuthorisedDestination:
    compiled = Authorised(
        id=entry.id,
        applies=compile_destination(entry.destination),
        classes=frozenset(entry.finding_class),
        names=names_test(entry.signature),
    )
    return AuthorisedDestination(compiled, entry.owner, entry.ticket or "", entry.expires)


def _asks_hash(words: tuple[KnownHash, ...]) -> bool:
    """Whether the condition tells one hash from another; one that takes them all needs no index."""
    return 0 < len(set(words) - {"none"}) < len(get_args(KnownHash)) - 1


def _action(word: str) -> Action:
    return Action[word.upper()]


def _words(words: Bilingual) -> Mapping[str, str]:
    return MappingProxyType({"zh": words.zh, "en": words.en})
