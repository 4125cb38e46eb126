"""Analysts' YARA rules: signatures that look at the raw bytes of a part.

Every rule says in its `meta` what it is: `signature` (dotted name), `title_zh`, `title_en`, `severity`, `confidence` (a
text like "0.9", because YARA has no fractions), `classes` (separated by commas, may be empty), and may name in `counts`
the string whose distinct values count. Beside `NAME.yar` stands `NAME.cases.yaml`: signature → `find` and `ignore`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yara

from gateway.content.windows import forget
from gateway.detect.detector import Document, Trigger
from gateway.detect.match import Match
from gateway.detect.matcher import Matcher
from gateway.detect.signatures import Signature
from gateway.detect.yara_files import FOLDER, RuleFile, YaraCase, load_rule_files
from gateway.detect.yara_gate import gate
from gateway.errors import DetectorError, Problem
from gateway.transfer import Buffer

DEFAULT_TIMEOUT_S = 10.0
"""Longest scan of one part; 512 MiB take 3 s with rules that pass the lint."""
SLOW_ALONE_S = 1
"""A file of rules that takes longer alone, on the part that took too long, is the one to name."""


@dataclass(frozen=True, slots=True)
class YaraResult:
    """One rule that matched; offsets, no values."""

    signature: str
    rule: str
    count: int
    """Distinct values of the string that `counts` names; 1 where it names none."""
    offsets: tuple[int, ...]
    """Where each of them first begins, in bytes, rising; the first place of any string where none is counted; empty where
    the condition alone matched."""


class YaraRules:
    """Compiled rules; may be shared by threads and by forked processes."""

    def __init__(self, files: Sequence[RuleFile], signatures: Mapping[str, Signature]) -> None:
        self.signatures = signatures
        """Name → what its rules say of it, as other signatures are described."""
        self._files = {file.path: file for file in files}
        sources = {file.path: file.source for file in files}
        self._all: Any = yara.compile(sources=sources, includes=False) if sources else None
        self._gate = self._gated()

    def match(self, data: Buffer, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Iterator[YaraResult]:
        """Rules that match the bytes, at most one result each; raises DetectorError naming the slow file of rules."""
        if self._all is None or not len(data) or (self._gate is not None and not self._gate.scan(data).ends):
            return
        for found in self._matches(data, timeout_s):
            yield _result(found, self._files[found.namespace])

    def _gated(self) -> Matcher | None:
        """What to search for first; None where all rules have to look at everything.

        A gate that would keep a rule from one of its own cases was made of a rule that was misunderstood.
        """
        gates = [gate(file.source) for file in self._files.values()]
        if not gates or None in gates:
            return None
        found = Matcher([trigger for own in gates if own is not None for trigger in own], is_raw=True)
        own_cases = (case for file in self._files.values() for cases in file.cases.values() for case in cases.find)
        return found if all(found.scan(_bytes(case)).ends for case in own_cases) else None

    def failed_cases(self) -> tuple[Problem, ...]:
        """One problem for every case that does not come out as it says."""
        problems = []
        for file in self._files.values():
            for name, cases in file.cases.items():
                wanted = [(case, case.count if isinstance(case, YaraCase) else 1) for case in cases.find]
                for kind, own in (("find", wanted), ("ignore", [(case, 0) for case in cases.ignore])):
                    for index, (case, count) in enumerate(own):
                        if (found := self._count(name, case)) != count:
                            message = f"{name}: {kind}[{index}]: {found} found, {count} expected"
                            problems.append(Problem(file.cases_path, file.lines[name], message))
        return tuple(problems)

    def _count(self, signature: str, case: str | YaraCase) -> int:
        return sum(result.count for result in self.match(_bytes(case)) if result.signature == signature)

    def _matches(self, data: Buffer, timeout_s: float) -> list[Any]:
        cut: list[object] = []

        def keep(_kind: int, message: object) -> int:
            cut.append(message)
            return int(yara.CALLBACK_CONTINUE)

        try:
            found = list(self._all.match(data=data, timeout=max(1, math.ceil(timeout_s)), warnings_callback=keep))
        except yara.TimeoutError:
            raise DetectorError(self._slow(data), "timeout") from None
        except yara.Error as error:
            raise DetectorError(FOLDER, type(error).__name__) from None
        if cut:
            raise DetectorError(FOLDER, "too-many-places")
        return found

    def _slow(self, data: Buffer) -> str:
        """The first file that is slow alone; the folder's name where only all of them together are."""
        for path, file in self._files.items():
            try:
                file.rules.match(data=data, timeout=SLOW_ALONE_S)
            except yara.TimeoutError:
                return path
        return FOLDER


class YaraDetector:
    """The rules as a detector of the engine; their signatures are `YaraRules.signatures`."""

    key = FOLDER

    def __init__(self, rules: YaraRules, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._rules, self._timeout_s = rules, timeout_s

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:  # noqa: ARG002 - the protocol's
        """None: bytes without any text are looked at too."""
        return ()

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """One match per counted value; raises DetectorError when the rules run over their time."""
        part = document.part
        results = list(self._rules.match(part.data, timeout_s=self._timeout_s))
        forget(part.data)
        for result in results:
            confidence = signatures[result.signature].confidence.with_context
            for offset in result.offsets or (0,):
                value = f"{result.signature}|{part.sha256}|{offset}"
                yield Match(result.signature, 0, 0, value, confidence, location=f"byte {offset}")


def load_yara(directories: Sequence[str]) -> YaraRules:
    """Rules in the `yara` folder of every folder of signatures.

    Raises ConfigError with every problem: what does not compile, what the compiler warns of (a string that would slow the
    scan of every upload), metadata or cases that are missing.
    """
    return YaraRules(*load_rule_files(directories))


def _bytes(case: str | YaraCase) -> bytes:
    return case.data if isinstance(case, YaraCase) else case.encode()


def _result(found: Any, file: RuleFile) -> YaraResult:  # noqa: ANN401 - the library has no types
    counted = file.counts[found.rule]
    first: dict[bytes, int] = {}
    places = []
    for string in found.strings:
        for place in string.instances:
            places.append(place.offset)
            if string.identifier == counted:
                first.setdefault(bytes(place.matched_data), place.offset)
    offsets = sorted(first.values()) if counted else sorted(places)[:1]
    return YaraResult(file.signatures[found.rule], found.rule, len(first) if counted else 1, tuple(offsets))
