"""A signature's own cases, run through the whole engine; results name places, never texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from gateway.detect.engine import Engine
from gateway.detect.signatures import FindCase, Signature
from gateway.detect.tally import Tally
from gateway.parts import Part, Text


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What one case gave."""

    signature: str
    text_index: int
    """Place in `cases.find`, or in `cases.ignore` when nothing was expected."""
    expected: int
    """Distinct values that must be found; 0 for a case to ignore."""
    found: int
    ok: bool
    file: str
    line: int


def run_cases(engine: Engine, signatures: Sequence[Signature], *, today: date) -> list[CaseResult]:
    """One result per case, signatures and cases in order.

    A case fails when another number of values is found, or a detector fails on it.
    """
    results = []
    for signature in signatures:
        for kind, texts in (("find", signature.cases.find), ("ignore", signature.cases.ignore)):
            lines = signature.case_lines.get(kind, ())
            for index, case in enumerate(texts):
                text, expected = (case.text, case.count) if isinstance(case, FindCase) else (case, int(kind == "find"))
                found, failed = _found(engine, signature.name, text, today)
                line = lines[index] if index < len(lines) else signature.line
                ok = found == expected and not failed
                results.append(CaseResult(signature.name, index, expected, found, ok, signature.file, line))
    return results


def _found(engine: Engine, name: str, text: str, today: date) -> tuple[int, bool]:
    """Distinct values of the signature in the text, and whether its detector failed."""
    data = text.encode(errors="surrogatepass")
    digest = hashlib.sha256(data).hexdigest()
    part = Part("case", "case", len(data), digest, "text/plain", "text/plain", data, texts=(Text(text),))
    detection = engine.detect(part, Tally(b"case"), today=today)
    counts = {finding.signature: finding.count for finding in detection.findings}
    key = engine.signatures[name].detector
    return counts.get(name, 0), any(error.detector == key for error in detection.errors)
