"""Program source: declarations of several kinds, in a text whose lines mostly end as code ends.

Terms: `anchors` wake the detector. Thresholds: `declarations` lines that declare something, `kinds` distinct ways of
declaring among them, `lines` of code, `share` of code among all lines that are not blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from gateway.detect.detector import Document, Trigger
from gateway.detect.documents.terms import readable, triggers
from gateway.detect.match import Match
from gateway.detect.signatures import Signature

WEIGHTS = ("declarations", "kinds", "lines", "share")
"""Names of thresholds."""
MAX_DECLARATIONS = 2000
"""Declarations looked at; more say nothing new."""
DECLARATION = re.compile(
    r"^[ \t]{0,40}(?:export[ \t]|pub[ \t]|@?(?:public|private|protected|internal|static|final|abstract|async|virtual)[ \t]){0,4}"
    r"(?:(?P<include>\#[ \t]{0,4}(?:include[ \t]{0,4}[<\"]|define[ \t]\w|ifdef[ \t]|ifndef[ \t]|pragma[ \t]))"
    r"|(?P<import>import[ \t]+(?:static[ \t]+)?[\w.{*\"'(]|from[ \t]+[\w.]{1,80}[ \t]+import[ \t]|using[ \t]+[\w.]{1,80};|package[ \t]+[\w.]{1,80};?[ \t\r]{0,40}$"
    r"|use[ \t]+[\w:]{1,80}|require\(|require[ \t]+['\"]|const[ \t]+\w+[ \t]*=[ \t]*require\()"
    r"|(?P<function>def[ \t]+\w+[ \t]*\(|func[ \t]+[\w(]|fn[ \t]+\w+|function[ \t]*\w*[ \t]*\(|sub[ \t]+\w+[ \t]*\{|procedure[ \t]+\w+"
    r"|(?:void|int|bool|boolean|char|double|float|long|string|String|auto|unsigned|size_t|Task|List<\w+>)[ \t*&]{1,4}\w+[ \t]*\([^\n;]{0,200}\)[^\n;]{0,40}\{?[ \t\r]{0,40}$)"
    r"|(?P<type>(?:class|struct|interface|enum|trait|impl|namespace|typedef|type|record|module)[ \t]+\w+[^\n.。]{0,120}[:{(;]?[ \t\r]{0,40}$)"
    r"|(?P<table>(?:CREATE|ALTER|create|alter)[ \t]+(?:OR[ \t]REPLACE[ \t]+)?(?:TABLE|VIEW|PROCEDURE|FUNCTION|TRIGGER|table|view|procedure|function|trigger)[ \t]+[\w`\"\[])"
    r"|(?P<local>(?:const|let|var|val)[ \t]+[\w{\[][^\n]{0,80}=|if[ \t]*\([^\n]{1,120}\)[ \t]*\{?[ \t\r]{0,40}$|for[ \t]*\([^\n]{1,120}\)[ \t]*\{?[ \t\r]{0,40}$"
    r"|(?:if|elif|while|for|with|try|except|else)\b[^\n]{0,120}:[ \t\r]{0,40}$|return\b[^\n]{0,120};?[ \t\r]{0,40}$))",
    re.MULTILINE,
)
"""Lines that declare something, by the kind of what they declare; anchored at the line's start, every part bounded."""
CODE_END = re.compile(r"[;{}(:,)\]](?:[ \t]{0,8}(?://|#|/\*)[^\n]{0,200})?[ \t\r]{0,8}$", re.MULTILINE)
"""How most lines of code end."""
LINE = re.compile(r"^[^\n]*\S", re.MULTILINE)
"""A line that is not blank."""


class SourceCodeDetector:
    """Source of programs."""

    key = "document.source-code"

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """The anchors; ValueError where they or a threshold are missing."""
        for signature in signatures.values():
            missing = [f"thresholds.{name}" for name in WEIGHTS if name not in signature.thresholds]
            missing += [] if signature.terms.get("anchors") else ["terms.anchors"]
            if missing:
                raise ValueError(f"{signature.name}: {', '.join(missing)} missing")
            yield from triggers({"anchors": signature.terms["anchors"]})

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """One match per text that is source."""
        for index, view in readable(document):
            if not view.hits:
                continue
            declarations = list(islice(DECLARATION.finditer(view.text), MAX_DECLARATIONS))
            kinds = {hit.lastgroup for hit in declarations}
            for signature in signatures.values():
                least = signature.thresholds
                if (
                    len(declarations) < least["declarations"]
                    or len(kinds - {"local"}) < 1
                    or len(kinds) < least["kinds"]
                ):
                    continue
                code = sum(1 for _ in CODE_END.finditer(view.text))
                share = code / max(1, sum(1 for _ in LINE.finditer(view.text)))
                if code >= least["lines"] and share >= least["share"]:
                    odds = signature.confidence
                    confidence = odds.with_context if share >= 2 * least["share"] else odds.base
                    value = "|".join(
                        (signature.name, document.part.sha256, *sorted(hit[0] for hit in declarations[:4]))
                    )
                    yield Match(
                        signature.name, *declarations[0].span(), value, confidence, location=view.location, view=index
                    )
