"""Conditions of a policy file, compiled once to closures over the facts of a transfer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from operator import attrgetter

from gateway.findings import PartReport
from gateway.parts import Coverage
from gateway.policy.facts import HOLDS, SEVERITY_RANK, Fact, Facts, Proof, Test, is_unread
from gateway.policy.schema import ActorTest, DestinationTest, FindingsTest, PartTest, When

type PartCheck = Callable[[PartReport], bool]


def compile_when(when: When, *, mb_bytes: int, sensitive: tuple[Test, ...]) -> Test:
    """The test of a whole condition; `mb_bytes` is what one MB stands for, `sensitive` the file's own list."""

    def compiled(inner: When) -> Test:
        return compile_when(inner, mb_bytes=mb_bytes, sensitive=sensitive)

    tests = [*_head_tests(when), *_content_tests(when, mb_bytes, sensitive), *map(compiled, when.all_of)]
    if when.any_of:
        tests.append(any_holds([compiled(inner) for inner in when.any_of]))
    if when.negated is not None:
        tests.append(_negated(compiled(when.negated)))
    return all_hold(tests)


def all_hold(tests: list[Test]) -> Test:
    """Holds when every test holds, with the facts of all."""
    if len(tests) == 1:
        return tests[0]
    fixed = tuple(tests)

    def every(facts: Facts) -> Proof | None:
        proofs = []
        for test in fixed:
            proof = test(facts)
            if proof is None:
                return None
            proofs.append(proof)
        return _together(proofs)

    return every


def any_holds(tests: list[Test] | tuple[Test, ...]) -> Test:
    """Holds when one test holds, with the facts of all that do, so that the reason is complete."""
    fixed = tuple(tests)

    def some(facts: Facts) -> Proof | None:
        proofs = [proof for test in fixed if (proof := test(facts)) is not None]
        return _together(proofs) if proofs else None

    return some


def compile_destination(block: DestinationTest) -> Test:
    """The test of a `destination` block."""
    keys = ("category", "region", "service", "tenant", "account", "kind", "reader", "audience")
    tests = [_word(words, f"transfer.destination.{key}", key) for key in keys if (words := getattr(block, key))]
    if block.host:
        tests.append(_host(block.host))
    if block.authorised is not None:
        wanted = block.authorised
        tests.append(lambda facts: HOLDS if bool(facts.authorised) is wanted else None)
    return all_hold(tests)


def compile_actor(block: ActorTest) -> Test:
    """The test of an `actor` block."""
    keys = ("user", "role", "department")
    tests = [_word(words, f"transfer.actor.{key}", f"sender {key}") for key in keys if (words := getattr(block, key))]
    if groups := frozenset(block.group):
        tests.append(_group(groups))
    if block.known is not None:
        wanted, proof = block.known, Proof((Fact("word", "sender known" if block.known else "sender unknown"),))
        tests.append(lambda facts: proof if bool(facts.transfer.actor.user) is wanted else None)
    return all_hold(tests)


def compile_findings(block: FindingsTest) -> Test:
    """The test of a `findings` block."""
    is_named = names_test(block.signature) if block.signature else None
    is_excepted = names_test(block.except_signature) if block.except_signature else None
    classes = frozenset(block.finding_class)
    confidence, rank = block.min_confidence, SEVERITY_RANK[block.min_severity]
    at_least, at_most = block.at_least, block.at_most

    def found(facts: Facts) -> Proof | None:
        told, total = [], 0
        for name, seen in facts.seen.items():
            if (is_named and not is_named(name)) or (is_excepted and is_excepted(name)):
                continue
            if classes and not any(classes.intersection(finding.classes) for finding in seen.findings):
                continue
            if amount := seen.amount(confidence, rank):
                told.append(Fact("found", name, amount))
                total += amount
        if total < at_least or (at_most is not None and total > at_most):
            return None
        return Proof(tuple(sorted(told, key=lambda fact: (-fact.amount, fact.word))))

    return found


def compile_part(block: PartTest, mb_bytes: int) -> Test:
    """The test of a `part` block: some part passes every check."""
    limit = mb_to_bytes(block.over_mb, mb_bytes) if block.over_mb is not None else None
    checks = _part_checks(block, limit)
    tells_grade, tells_reason = bool(block.encryption), bool(block.reason or block.coverage or block.limit)

    def held(facts: Facts) -> Proof | None:
        matched = [index for index, part in enumerate(facts.parts) if all(check(part) for check in checks)]
        if not matched:
            return None
        parts = [facts.parts[index] for index in matched]
        told: list[Fact] = []
        if limit is not None:
            told.append(Fact("file-size", amount=max(part.size_bytes for part in parts), limit=limit))
        if tells_grade:
            told += _counted("encryption", [f"{p.encryption.scheme or '-'} {p.encryption.grade}" for p in parts])
        if tells_reason:
            told += _counted("unread", [part.reason or part.coverage for part in parts if is_unread(part)])
        judged = frozenset(
            index
            for index in matched
            if tells_reason or (tells_grade and facts.parts[index].coverage is Coverage.ENCRYPTED)
        )
        return Proof(tuple(told), judged)

    return held


def names_test(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a signature is one of the names, or lies below one that ends in `.*`.

    >>> [names_test(("cn.mobile", "secret.*"))(name) for name in ("cn.mobile", "secret.jwt", "secrets.jwt")]
    [True, True, False]
    """
    exact = frozenset(pattern for pattern in patterns if not pattern.endswith(".*"))
    below = tuple(pattern[:-1] for pattern in patterns if pattern.endswith(".*"))
    return lambda name: name in exact or name.startswith(below)


def mb_to_bytes(mb: float, mb_bytes: int) -> int:
    """Whole bytes of a size written in MB.

    >>> mb_to_bytes(50, 1_048_576)
    52428800
    """
    return round(mb * mb_bytes)


def _head_tests(when: When) -> list[Test]:
    """Tests of what is known before the body: where, who, how."""
    tests: list[Test] = []
    if when.destination is not None:
        tests.append(compile_destination(when.destination))
    if when.actor is not None:
        tests.append(compile_actor(when.actor))
    if when.channel:
        tests.append(_word(when.channel, "transfer.channel", "channel"))
    if when.body is not None:
        wanted = when.body
        tests.append(lambda facts: HOLDS if facts.has_body is wanted else None)
    return tests


def _content_tests(when: When, mb_bytes: int, sensitive: tuple[Test, ...]) -> list[Test]:
    """Tests of what inspection learned."""
    tests: list[Test] = []
    if when.part is not None:
        tests.append(compile_part(when.part, mb_bytes))
    if when.findings is not None:
        tests.append(compile_findings(when.findings))
    if when.sensitive is not None:
        tests.append(_sensitive(any_holds(sensitive), unauthorised=when.sensitive == "unauthorised"))
    if when.persons is not None:
        tests.append(_persons(when.persons))
    if when.known_hash:
        tests.append(_word(when.known_hash, "known_hash", "hash"))
    return tests


def _part_checks(block: PartTest, limit: int | None) -> tuple[PartCheck, ...]:
    checks: list[PartCheck] = []
    if block.file is not None:
        checks.append(lambda part: part.is_file is block.file)
    if block.sent is not None:
        checks.append(lambda part: (part.depth == 0) is block.sent)
    if limit is not None:
        checks.append(lambda part: part.size_bytes > limit)
    if block.media_type:
        checks.append(_media_type(block.media_type, wanted=True))
    if block.except_media_type:
        checks.append(_media_type(block.except_media_type, wanted=False))
    return (*checks, *_reading_checks(block))


def _reading_checks(block: PartTest) -> list[PartCheck]:
    """Checks of how well the part could be read."""
    checks: list[PartCheck] = []
    if grades := frozenset(block.encryption):
        checks.append(lambda part: part.encryption.grade in grades)
    if block.read is not None:
        checks.append(lambda part: is_unread(part) is not block.read)
    if coverages := frozenset(block.coverage):
        checks.append(lambda part: part.coverage in coverages)
    if reasons := frozenset[str](block.reason):
        checks.append(lambda part: part.reason in reasons)
    if block.limit:
        checks.append(_limit(block.limit, wanted=True))
    if block.except_limit:
        checks.append(_limit(block.except_limit, wanted=False))
    return checks


def _media_type(patterns: tuple[str, ...], *, wanted: bool) -> PartCheck:
    exact = frozenset(patterns)
    families = tuple(name[:-1] for name in patterns if name.endswith("/*"))
    return lambda part: (part.media_type in exact or part.media_type.startswith(families)) is wanted


def _limit(names: tuple[str, ...], *, wanted: bool) -> PartCheck:
    # `detail` is the error's own sentence, and a LimitError begins with the name of the bound.
    passed = tuple(f"{name}:" for name in names)
    return lambda part: part.detail.startswith(passed) is wanted


def _counted(kind: str, words: list[str]) -> list[Fact]:
    return [Fact(kind, str(word), amount) for word, amount in sorted(Counter(words).items())]  # type: ignore[arg-type]


def _together(proofs: list[Proof]) -> Proof:
    facts = tuple(dict.fromkeys(fact for proof in proofs for fact in proof.facts))
    return Proof(facts, frozenset[int]().union(*(proof.judged for proof in proofs)))


def _word(words: Iterable[str], attribute: str, key: str) -> Test:
    """Holds when the attribute of the facts is one of the words, which are the policy's own and may be told."""
    proofs = {word: Proof((Fact("word", f"{key} {word}"),)) for word in words}
    read: Callable[[Facts], str] = attrgetter(attribute)
    return lambda facts: proofs.get(read(facts))


def _host(patterns: tuple[str, ...]) -> Test:
    exact = frozenset(pattern for pattern in patterns if not pattern.startswith("*."))
    below = tuple(pattern[1:] for pattern in patterns if pattern.startswith("*."))
    proof = Proof((Fact("word", "host listed"),))

    def listed(facts: Facts) -> Proof | None:
        host = facts.transfer.destination.host
        return proof if host in exact or host.endswith(below) else None

    return listed


def _group(groups: frozenset[str]) -> Test:
    def member(facts: Facts) -> Proof | None:
        shared = sorted(groups.intersection(facts.transfer.actor.groups))
        return Proof(tuple(Fact("word", f"sender group {group}") for group in shared)) if shared else None

    return member


def _persons(at_least: int) -> Test:
    return lambda facts: (
        Proof((Fact("persons", amount=facts.persons, limit=at_least),)) if facts.persons >= at_least else None
    )


def _sensitive(test: Test, *, unauthorised: bool) -> Test:
    return (lambda facts: test(facts.unauthorised())) if unauthorised else test


def _negated(test: Test) -> Test:
    return lambda facts: HOLDS if test(facts) is None else None
