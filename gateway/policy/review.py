"""All that can be said of a policy file before it comes into force: its cases, its gaps, what it asks for in vain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from gateway.errors import ConfigError, Problem
from gateway.policy.cases import CaseResult, run_policy_cases
from gateway.policy.load import compile_policy, read_file
from gateway.policy.model import Policy
from gateway.policy.problems import dotted
from gateway.policy.reach import Remark, ended, idle, uncased
from gateway.yamlfile import Document, parse_yaml


@dataclass(frozen=True, slots=True)
class Review:
    """What came of reading a policy and trying it."""

    text: str
    policy: Policy
    results: tuple[CaseResult, ...]
    """One for each case, in the order of the file."""
    lines: tuple[int, ...]
    """Line of each case."""
    problems: tuple[Problem, ...]
    """Cases that come out otherwise, and enforced rules that stop without a case; sorted."""
    remarks: tuple[Problem, ...]
    """What is worth a look and keeps nothing from working; sorted."""

    def sound(self) -> Policy:
        """The policy; raises ConfigError when there are problems."""
        if self.problems:
            raise ConfigError(self.problems)
        return self.policy


def review(
    text: str,
    file: str,
    *,
    today: date,
    signatures: Collection[str] | None = None,
    services: Collection[str] | None = None,
) -> Review:
    """The review of a policy's text; raises ConfigError when it cannot be read at all, as `load_text` does."""
    document = parse_yaml(text, file)
    entries = read_file(document, signatures=signatures, services=services)
    policy = compile_policy(entries)
    results = run_policy_cases(policy)
    missing = list(uncased(entries))
    problems = [document.problem(("cases", i), f"cases: {each}") for i, each in enumerate(results) if not each.passed]
    problems += [_told(document, (where, why)) for where, why, must in missing if must]
    remarks = [(where, why) for where, why, must in missing if not must] + [*idle(entries), *ended(entries, today)]
    return Review(
        text=text,
        policy=policy,
        results=tuple(results),
        lines=tuple(document.line(("cases", index)) for index in range(len(results))),
        problems=tuple(sorted(problems)),
        remarks=tuple(sorted(_told(document, remark) for remark in remarks)),
    )


def _told(document: Document, remark: Remark) -> Problem:
    where, text = remark
    return document.problem(where, f"{dotted(document, where)}: {text}")
