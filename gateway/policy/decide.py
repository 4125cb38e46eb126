"""Transfer, inspection and policy → verdict; the order of rules never changes it, the strictest ground wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.findings import Action, Ground, Inspection, PartReport, Verdict
from gateway.limits import MIB
from gateway.policy.facts import Fact, Facts, gather, name_authorised
from gateway.policy.failclosed import built_in_grounds
from gateway.policy.model import NOTHING, Policy, Rule
from gateway.policy.words import because, fill
from gateway.transfer import Request, Transfer

FORM_OVERHEAD_BYTES = MIB
"""What a form may add to one file: boundaries, part headers, small fields; early refusal only, never the limit itself."""


def decide(transfer: Transfer, inspection: Inspection, policy: Policy, *, today: date) -> Verdict:
    """The verdict with every ground, strictest first; pure, never raises for any inspection."""
    facts = gather(transfer, inspection, policy.authorised_on(today))
    grounds, used, judged = _ask(policy.rules, facts, policy, today)
    return _verdict([*grounds, *built_in_grounds(inspection, judged, policy)], used, policy)


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
    rules = tuple(rule for rule in policy.rules if rule.is_size and not rule.action.lets_through)
    grounds, used, _ = _ask(rules, facts, policy, today, body=(size_bytes, whole_body))
    verdict = _verdict(grounds, used, policy)
    return None if verdict.action.lets_through else verdict


def least_file_bytes(request: Request, body_bytes: int) -> int:
    """The size that the one file of a body of that length has at least, by the kind of body the head declares.

    >>> least_file_bytes(Request(), 1000)
    1000
    >>> least_file_bytes(Request(headers={"content-type": "multipart/form-data; boundary=x"}), 1048676)
    100
    """
    media_type = request.content_type.partition(";")[0].strip().lower()
    inner_bytes = max(0, body_bytes - FORM_OVERHEAD_BYTES)
    if media_type.endswith("json"):
        # base64 writes three bytes as four.
        return -(-inner_bytes * 3 // 4)
    if media_type == "application/x-www-form-urlencoded":
        # base64 again, and its `+`, `/` and `=` are written as three characters each.
        return -(-inner_bytes * 2 // 3)
    is_encoded = request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
    return inner_bytes if media_type.startswith("multipart/") or is_encoded else body_bytes


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
        grounds.append(_ground(rule, told, policy, is_enforced=is_enforced))
    return grounds, used, judged


def _ground(rule: Rule, facts: tuple[Fact, ...], policy: Policy, *, is_enforced: bool) -> Ground:
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
