"""Mistakes of sense: entries that are well formed and cannot mean what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.policy.builtin import BUILTIN
from gateway.policy.early import conditions, placed, size_limits
from gateway.policy.failclosed import BUILT_IN
from gateway.policy.names import SIGNATURE_NAMES
from gateway.policy.problems import nearest
from gateway.policy.reach import contradictions
from gateway.policy.schema import AuthorisedEntry, DestinationTest, ExceptionEntry, FindingsTest, RuleEntry
from gateway.policy.schema_file import PolicyFile
from gateway.policy.unread import LIFTABLE
from gateway.yamlfile import Where

type Mistake = tuple[Where, str]

PLACEHOLDERS = frozenset({"{found}", "{limit}"})
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_OWN_IDS = frozenset(refusal.rule for refusal in BUILTIN.values()) | frozenset(BUILT_IN)
"""Rules of the gateway's own, which no file writes."""
_STOPS = frozenset({"coach", "hold", "block"})


@dataclass(frozen=True, slots=True)
class Known:
    """Words that entries may refer to, gathered from the file as written, broken entries included."""

    rules: dict[str, RuleEntry | None]
    """Id → the rule; None for one that has mistakes of its own."""
    signatures: frozenset[str] | None
    """Installed signatures and the names the product promises; None when nobody said what is installed."""
    services: frozenset[str] | None = None
    """Ids of the catalogue; None when nobody said what is in it."""


def mistakes(file: PolicyFile, known: Known, place: Callable[[str, int], Where]) -> Iterator[Mistake]:
    """Every mistake of sense; `place` gives where in the document the nth valid entry of a section stands."""
    for index, rule in enumerate(file.rules):
        yield from _at(place("rules", index), _rule(rule, file))
    for index, exception in enumerate(file.exceptions):
        yield from _at(place("exceptions", index), _exception(exception, known))
    for index, entry in enumerate(file.authorised):
        yield from _at(place("authorised", index), _authorised(entry))
    for index, case in enumerate(file.cases):
        yield from _at(place("cases", index), _rule_names(("rules",), case.rules, (*known.rules, *BUILT_IN)))
    if known.signatures is not None:
        yield from _signatures(file, known.signatures, place)
    if known.services is not None:
        yield from _services(file, known.services | {"generic"}, place)
    for where, block in _findings(file, place):
        if block.at_most is not None and block.at_most < block.at_least:
            yield (*where, "at_most"), f"at_most {block.at_most} is under at_least {block.at_least}: never holds"


def _at(where: Where, found: Iterator[Mistake]) -> Iterator[Mistake]:
    return (((*where, *rest), message) for rest, message in found)


def _rule(rule: RuleEntry, file: PolicyFile) -> Iterator[Mistake]:
    if rule.id.startswith("gateway.") or rule.id in _OWN_IDS:
        yield ("id",), "is an id of the gateway's own refusals; choose another"
    if rule.guidance is None and rule.action in _STOPS:
        yield (), f"guidance is missing; a rule with action {rule.action} tells the sender what to do instead"
    if rule.route is not None and rule.route not in file.routes:
        named = ", ".join(file.routes) or "none"
        yield ("route",), f"no such route{nearest(rule.route, list(file.routes))}; under `routes` there are: {named}"
    for language, sentence in (("zh", rule.says.zh), ("en", rule.says.en)):
        for word in _PLACEHOLDER.findall(sentence):
            if word not in PLACEHOLDERS:
                yield ("says", language), f"unknown placeholder {word}; allowed: {', '.join(sorted(PLACEHOLDERS))}"
    if not file.sensitive and any(when.sensitive for when in conditions(rule.when)):
        yield ("when",), "asks for sensitive content, but the file has no `sensitive` list"
    for where, when in placed(rule.when, ("when",)):
        if where[-2:-1] != ("all",):  # judged with the condition around it
            yield from contradictions(when, where)


def _exception(entry: ExceptionEntry, known: Known) -> Iterator[Mistake]:
    yield from _rule_names(("rules",), entry.rules, (*known.rules, *LIFTABLE))
    yield from _unread(entry)
    if entry.actor is None and entry.destination is None:
        yield (), "names nobody; give actor or destination"
    if entry.destination and (entry.destination.region or entry.destination.authorised is not None):
        yield ("destination",), "an exception names hosts, services, tenants or categories, never whole regions"
    for index, name in enumerate(entry.rules):
        rule = known.rules.get(name)
        if rule and not rule.keep_content:
            yield ("rules", index), f"{name} keeps no content and can have no exception"
        if rule and entry.up_to_mb is not None and not size_limits(rule.when):
            yield ("up_to_mb",), f"{name} is not a size rule, so a larger limit means nothing for it"


def _unread(entry: ExceptionEntry) -> Iterator[Mistake]:
    """An exception for connections that nobody can read says exactly which ones."""
    named = [name for name in entry.rules if name in LIFTABLE]
    if not named:
        for key in ("port", "protocol"):
            if getattr(entry, key):
                yield (key,), f"means something for {', '.join(LIFTABLE)} only"
        return
    if len(named) < len(entry.rules):
        yield ("rules",), f"{', '.join(named)} cannot stand beside rules of the file; write two exceptions"
    if entry.destination is None or not entry.destination.host:
        yield (), f"must name destination.host: {named[0]} is never lifted for hosts nobody named"
    if entry.up_to_mb is not None:
        yield ("up_to_mb",), f"{named[0]} is not a size rule, so a larger limit means nothing for it"
    if named != ["wire.bare-address"]:
        for key in ("port", "protocol"):
            if not getattr(entry, key):
                yield (), f"{key} is missing; {named[0]} is lifted for named ports and protocols only"


def _authorised(entry: AuthorisedEntry) -> Iterator[Mistake]:
    if not entry.finding_class and not entry.signature:
        yield (), "allows nothing; give class or signature"
    if not entry.destination.host and not entry.destination.service:
        yield ("destination",), "must name a host or a service"
    if entry.destination.authorised is not None:
        yield ("destination", "authorised"), "has no meaning inside `authorised`"
    if "state-secret" in entry.finding_class or any(_covers(p, "marking.state-secret") for p in entry.signature):
        yield (), "state secrets can be authorised for no destination"


def _rule_names(where: Where, names: tuple[str, ...], allowed: tuple[str, ...]) -> Iterator[Mistake]:
    for index, name in enumerate(names):
        if name not in allowed:
            if name in _OWN_IDS:
                own = ", ".join(sorted(_OWN_IDS.intersection(allowed)))
                message = f"{name!r} is the gateway's own refusal; allowed: rules of this file, and {own}"
            else:
                message = f"no rule {name!r}{nearest(name, allowed)}"
            yield (*where, index), message


def _signatures(file: PolicyFile, installed: frozenset[str], place: Callable[[str, int], Where]) -> Iterator[Mistake]:
    known = installed | SIGNATURE_NAMES.keys()
    listed: list[tuple[Where, tuple[str, ...]]] = []
    for where, block in _findings(file, place):
        listed += [((*where, "signature"), block.signature), ((*where, "except_signature"), block.except_signature)]
    for index, entry in enumerate(file.authorised):
        listed.append(((*place("authorised", index), "signature"), entry.signature))
    for where, names in listed:
        for index, name in enumerate(names):
            if not any(_covers(name, signature) for signature in known):
                yield (*where, index), f"no signature {name!r}{nearest(name, sorted(known))}"


def _services(file: PolicyFile, known: frozenset[str], place: Callable[[str, int], Where]) -> Iterator[Mistake]:
    """Services that no catalogue knows: a condition on one would never hold."""
    asked: list[tuple[Where, DestinationTest | None]] = []
    for index, rule in enumerate(file.rules):
        placed_in = placed(rule.when, (*place("rules", index), "when"))
        asked += [((*where, "destination"), when.destination) for where, when in placed_in]
    asked += [((*place("exceptions", i), "destination"), entry.destination) for i, entry in enumerate(file.exceptions)]
    asked += [((*place("authorised", i), "destination"), entry.destination) for i, entry in enumerate(file.authorised)]
    asked += [(("uploads", index, "destination"), entry.destination) for index, entry in enumerate(file.uploads)]
    named = [((*where, "service", i), name) for where, to in asked if to for i, name in enumerate(to.service)]
    named += [((*place("cases", i), "to", "service"), case.to.service) for i, case in enumerate(file.cases)]
    for where, name in named:
        if name and name not in known:
            yield where, f"no service {name!r} in the catalogue{nearest(name, sorted(known))}"


def _covers(pattern: str, signature: str) -> bool:
    return signature.startswith(pattern[:-1]) if pattern.endswith(".*") else signature == pattern


def _findings(file: PolicyFile, place: Callable[[str, int], Where]) -> Iterator[tuple[Where, FindingsTest]]:
    for index, block in enumerate(file.sensitive):
        yield place("sensitive", index), block
    for index, rule in enumerate(file.rules):
        for where, when in placed(rule.when, (*place("rules", index), "when")):
            if when.findings:
                yield (*where, "findings"), when.findings
