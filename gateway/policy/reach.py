"""Rules that can never hold, that change nothing, or that no case shows: conditions read against each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gateway.findings import Action
from gateway.policy.schema import Condition, RuleEntry, When
from gateway.policy.schema_file import PolicyFile
from gateway.yamlfile import Where

type Remark = tuple[Where, str]

_WORDS = {
    "destination": ("category", "region", "service", "tenant", "account", "kind", "reader", "audience"),
    "actor": ("user", "role", "department"),
    "": ("channel", "known_hash"),
}
"""Block → keys of which a transfer has exactly one word, so that two lists without a common word never hold."""
_FLAGS = {"destination": ("authorised",), "actor": ("known",), "": ("body",)}
_EXCEPT = {
    "part": (("media_type", "except_media_type"), ("limit", "except_limit")),
    "findings": (("signature", "except_signature"),),
}
"""Block → keys and what takes words out of them again."""
_NAMED = ("user", "group", "role", "department")


def contradictions(when: When, where: Where) -> Iterator[Remark]:
    """Conditions that stand together and can never hold; `where` is the place of `when`."""
    together = _flat(when)
    found = list(_together(together, where))
    yield from found
    if when.any_of and not found and all(any(_together([*together, *_flat(one)], where)) for one in when.any_of):
        yield (*where, "any"), "none of these can hold with what stands beside them: never holds"
    if when.negated is not None and any(covers(when.negated, one) for one in together):
        yield (*where, "not"), "takes out all that the condition beside it asks for: never holds"


def _flat(when: When) -> list[When]:
    """The condition, and all that must hold with it."""
    return [when, *(inner for one in when.all_of for inner in _flat(one))]


def _together(conditions: list[When], where: Where) -> Iterator[Remark]:
    for block, keys in _WORDS.items():
        named = f"{block}." if block else ""
        for key in keys:
            filled = [set(words) for one in _blocks(conditions, block) if (words := getattr(one, key))]
            if filled and not set.intersection(*filled):
                yield where, f"{named}{key} is asked for twice with no word in common: never holds"
        for key in _FLAGS[block]:
            if {True, False} <= {getattr(one, key) for one in _blocks(conditions, block)}:
                yield where, f"{named}{key} is asked for as true and as false: never holds"
    actors = [one.actor for one in conditions if one.actor is not None]
    if any(actor.known is False for actor in actors) and any(getattr(a, key) for a in actors for key in _NAMED):
        yield where, "asks for a sender nobody knows and for who it is: never holds"
    yield from _emptied(conditions, where)


def _emptied(conditions: list[When], where: Where) -> Iterator[Remark]:
    """Lists of which everything is taken out again, and a part that was read and was not."""
    for block, pairs in _EXCEPT.items():
        for one in _blocks(conditions, block):
            for key, without in pairs:
                words = set(getattr(one, key))
                if words and words <= set(getattr(one, without)):
                    yield (*where, block), f"{without} takes out all of {key}: never holds"
    for one in conditions:
        part = one.part
        if part and part.read is True and (part.reason or part.limit):
            yield (*where, "part"), "asks for a part that was read and for why it was not: never holds"


def _blocks(conditions: list[When], name: str) -> list[Condition]:
    if not name:
        return list(conditions)
    return [block for one in conditions if (block := getattr(one, name)) is not None]


def covers(wide: When, narrow: When) -> bool:
    """Whether `wide` holds wherever `narrow` does, as far as equal keys show it.

    >>> from gateway.policy.schema import When
    >>> covers(When(body=True), When(body=True, persons=3)), covers(When(body=True, persons=3), When(body=True))
    (True, False)
    """
    return all(getattr(narrow, key) == getattr(wide, key) for key in wide.model_fields_set)


def idle(file: PolicyFile) -> Iterator[Remark]:
    """Enforced rules that change no verdict, because another one that is as strict holds wherever they do."""
    binding = [rule for rule in file.rules if rule.mode == "enforce" and not _lifted(rule, file)]
    for index, rule in enumerate(file.rules):
        if rule.mode != "enforce" or not rule.keep_content:
            continue
        for other in binding:
            if other is rule or _strictness(other) < _strictness(rule) or not covers(other.when, rule.when):
                continue
            same = covers(rule.when, other.when) and _strictness(other) == _strictness(rule)
            if not same or file.rules.index(other) < index:
                yield ("rules", index), f"changes no verdict: {other.id} holds wherever it does and asks for no less"
                break


def _lifted(rule: RuleEntry, file: PolicyFile) -> bool:
    return any(rule.id in exception.rules for exception in file.exceptions)


def _strictness(rule: RuleEntry) -> Action:
    return Action[rule.action.upper()]


def uncased(file: PolicyFile) -> Iterator[tuple[Where, str, bool]]:
    """Rules that no case names, each with whether it is enforced and stops, so that it must have one."""
    named = {name for case in file.cases for name in case.rules}
    for index, rule in enumerate(file.rules):
        if rule.id in named or rule.mode == "off":
            continue
        must = rule.mode == "enforce" and not _strictness(rule).lets_through
        advice = "write one for what it must stop and one for what it must not" if must else "write one"
        yield ("rules", index), f"no case shows what it does; {advice}", must


def ended(file: PolicyFile, today: date) -> Iterator[Remark]:
    """Exceptions and authorised destinations whose last day has passed."""
    days: list[tuple[Where, date | None]] = [(("exceptions", i), e.expires) for i, e in enumerate(file.exceptions)]
    days += [(("authorised", i), e.expires) for i, e in enumerate(file.authorised)]
    for where, last in days:
        if last is not None and last < today:
            yield where, f"ended with {last} and has no effect"
