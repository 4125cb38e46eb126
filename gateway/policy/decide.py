"""Transfer, inspection and policy → verdict; the order of rules never changes it, the strictest ground wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.findings import Action, Ground, Inspection, PartReport, Verdict
from gateway.policy.early import least_body_bytes, least_file_bytes
from gateway.policy.facts import Fact, Facts, gather, name_authorised
from gateway.policy.failclosed import built_in_grounds
from gateway.policy.model import NOTHING, Policy, Rule
from gateway.policy.vocabulary import HoldMode
from gateway.policy.words import because, fill
from gateway.transfer import Transfer


def decide(transfer: Transfer, inspection: Inspection, policy: Policy, *, today: date) -> Verdict:
    """The verdict with every ground, strictest first; pure, never raises for any inspection."""
    facts = gather(transfer, inspection, policy.authorised_on(today))
    grounds, used, judged = _ask(policy.rules, facts, policy, today)
    return _verdict([*grounds, *built_in_grounds(inspection, judged, policy)], used, policy)


def hold_mode(transfer: Transfer, policy: Policy, *, today: date) -> HoldMode:
    """How an upload that spans requests is held at this destination: the strictest entry that fits, else `chunks`."""
    facts = name_authorised(Facts(transfer, (), 0, {}, has_body=True), policy.authorised_on(today))
    modes = {mode for test, mode in policy.uploads if test(facts) is not None}
    return "commit" if modes == {"commit"} else "chunks"


def refuse_size(
    transfer: Transfer, size_bytes: int, policy: Policy, *, today: date, whole_body: bool
) -> Verdict | None:
    """The refusal by the length of the request body alone, before inspection; None when the length does not decide.

    `size_bytes` is the length of the body as sent: declared or complete when `whole_body`, else what has arrived so
    far. Only rules that need nothing but sizes, sender and destination are asked, and only with the size that the file
    has at least: form fields, base64 and content encodings make a body longer than its file.
    """
    if transfer.destination.many_files:
        return None
    file_bytes = least_file_bytes(transfer.request, size_bytes)
    part = PartReport("", "", file_bytes, "", "", "", is_file=True)
    facts = name_authorised(Facts(transfer, (part,), 0, {}, size_bytes > 0), policy.authorised_on(today))
    grounds, used, _ = _ask(policy.early_rules(), facts, policy, today, body=(size_bytes, whole_body))
    verdict = _verdict(grounds, used, policy)
    return None if verdict.action.lets_through else verdict


def largest_body_bytes(transfer: Transfer, policy: Policy, *, today: date) -> int | None:
    """The longest body that `refuse_size` lets pass for this sender and destination; None when no length is refused."""
    limits = {limit for rule in policy.early_rules() for limit in rule.limits_bytes}
    limits |= {exception.up_to_bytes for exception in policy.exceptions if exception.up_to_bytes is not None}
    for length in sorted(least_body_bytes(transfer.request, limit) for limit in limits):
        if refuse_size(transfer, length, policy, today=today, whole_body=False):
            return length - 1
    return None


def _ask(
    rules: tuple[Rule, ...], facts: Facts, policy: Policy, today: date, *, body: tuple[int, bool] | None = None
) -> tuple[list[Ground], set[str], frozenset[int]]:
    """Grounds of the rules that hold, the exceptions that lifted one, the unread parts that a rule speaks of."""
    grounds: list[Ground] = []
    used: set[str] = set()
    judged: frozenset[int] = frozenset()
    for rule in rules:
        if rule.mode == "off" or (proof := rule.test(facts)) is None:
            continue
        judged |= proof.judged
        told = proof.facts if body is None else tuple(_as_body(fact, *body) for fact in proof.facts)
        is_enforced = rule.mode == "enforce"
        if is_enforced and (exception := policy.lifting(rule, facts, today)):
            used.add(exception.id)
            told, is_enforced = (*told, Fact("exception", exception.id)), False
        grounds.append(_ground(rule, told, policy, is_enforced=is_enforced, by_length=body is not None))
    return grounds, used, judged


def _ground(rule: Rule, facts: tuple[Fact, ...], policy: Policy, *, is_enforced: bool, by_length: bool) -> Ground:
    return Ground(
        rule=rule.id,
        action=rule.action,
        basis=rule.basis,
        because=because(facts),
        says=fill(rule.says, facts, names=policy.names, size_unit=policy.size_unit),
        guidance=rule.guidance,
        route=rule.route,
        enforced=is_enforced,
        is_size=rule.is_size,
        keep_content=rule.keep_content,
        by_length=by_length,
    )


def _verdict(grounds: list[Ground], used: set[str], policy: Policy) -> Verdict:
    ordered = sorted(grounds, key=lambda ground: (-ground.action, ground.keep_content, ground.rule))
    if any(not ground.keep_content and ground.enforced for ground in ordered):
        # What may not even be kept may not be sent in another way either: no other rule's advice stands beside it.
        ordered = [replace(g, guidance=NOTHING, route="") if g.keep_content else g for g in ordered]
    action = max((ground.action for ground in ordered if ground.enforced), default=Action.ALLOW)
    return Verdict(action, tuple(ordered), policy.digest, ", ".join(sorted(used)))


def _as_body(fact: Fact, size_bytes: int, whole_body: bool) -> Fact:
    if fact.kind != "file-size":
        return fact
    return Fact("body-size" if whole_body else "body-so-far", amount=size_bytes, limit=fact.limit)
