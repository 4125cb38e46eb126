"""Technical drawings: CAD files by their first bytes, exchange formats by their header, sheets by their title block.

Groups of terms: `block` are the fields of a title block (`图号`, `比例`), `anchors` those of them of which one must be
there, `notes` what a sheet says besides (`技术要求`). Thresholds: `block` distinct fields on one page; `noted` fewer of
them are enough where a note is there too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gateway.detect.detector import Document, Trigger
from gateway.detect.documents.terms import any_of, canonical, compiled, readable
from gateway.detect.match import Match
from gateway.detect.signatures import Signature
from gateway.transfer import Buffer

GROUPS = ("anchors", "block", "notes")
"""Names of groups of terms."""
HEAD_BYTES = 4096
"""How far into a file its header is looked for; comments may stand in front of it."""
SHEET_CHARS = 20_000
"""Longest page that may be a sheet; a text about drawing names the fields too, but in sentences."""
FORMATS = (
    ("dwg", re.compile(rb"AC10(?:0[1-9]|[12][0-9]|3[0-9])\x00")),
    ("dxf", re.compile(rb"AutoCAD Binary DXF\r\n\x1a\x00")),
    (
        "dxf",
        re.compile(
            rb"(?:\xef\xbb\xbf)?(?:[ \t]{0,4}999\r?\n[^\n]{0,200}\n){0,8}[ \t]{0,4}0\r?\n[ \t]{0,4}SECTION\r?\n"
        ),
    ),
    ("step", re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}ISO-10303-21;")),
    ("iges", re.compile(rb"[ -~]{72}S {0,6}1\r?\n")),
    ("parasolid", re.compile(rb"\*\*ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")),
    ("jt", re.compile(rb"Version \d{1,2}\.\d JT ")),
)
"""Format → how its files start: Open Design Specification for .dwg, DXF reference, ISO 10303-21, IGES 5.3, Parasolid XT,
ISO 14306."""
_FIRST = frozenset(bytes((byte,)) for byte in b"A\xef \t0129IV*\r\n\x0b\x0c")
"""First bytes of these formats but IGES, which has an S in its 73rd column."""
_FIELD = r"(?<!\w)(%s)(?=[\s:：|(（]|$)"
_SCALE = re.compile(r"(?<!\d)\d{1,3} ?[:：] ?\d{1,4}(?![\d:：])")


class DrawingDetector:
    """Drawings and models of parts."""

    key = "document.drawing"

    def triggers(self, signatures: Mapping[str, Signature]) -> Iterable[Trigger]:
        """None, because a file without text must be looked at too; ValueError where the data is not complete."""
        for signature in signatures.values():
            missing = [f"terms.{group}" for group in GROUPS if not signature.terms.get(group)]
            missing += [f"thresholds.{name}" for name in ("block", "noted") if name not in signature.thresholds]
            if missing:
                raise ValueError(f"{signature.name}: {', '.join(missing)} missing")
        return ()

    def find(self, document: Document, signatures: Mapping[str, Signature]) -> Iterator[Match]:
        """At most one match per signature: the file's format, else the sheet with the most fields."""
        form = format_of(document.part.data)
        for signature in signatures.values():
            if form:
                value = f"{form}:{document.part.sha256}"
                yield Match(signature.name, 0, 0, value, signature.confidence.with_context)
            elif best := max(_sheets(document, signature), key=lambda match: match.confidence, default=None):
                yield best


def format_of(data: Buffer) -> str:
    r"""Name of the CAD format these bytes start with; empty when they start with none.

    >>> format_of(b"AC1032\x00\x00\x00"), format_of(b"AC1032 is the version of DWG files since 2018")
    ('dwg', '')
    """
    head = bytes(data[:HEAD_BYTES])
    if head[:1] not in _FIRST and head[72:73] != b"S":
        return ""
    return next((name for name, start in FORMATS if start.match(head)), "")


def _sheets(document: Document, signature: Signature) -> Iterator[Match]:
    terms, least, odds = signature.terms, signature.thresholds, signature.confidence
    for index, view in readable(document):
        text = view.text
        # Without a trigger of its own this runs on every text: a search for few words comes first.
        if len(text) > SHEET_CHARS or not any(word in text for word in terms["anchors"]):
            continue
        hits = {canonical(hit[1]): hit.span(1) for hit in compiled(_FIELD % any_of(terms["block"])).finditer(text)}
        noted = compiled(any_of(terms["notes"])).search(text) is not None
        if len(hits) >= least["noted" if noted else "block"] and _SCALE.search(text):
            odd = odds.with_context if noted and len(hits) >= least["block"] else odds.base
            value = "|".join((signature.name, *sorted(hits), document.part.sha256))
            yield Match(signature.name, *min(hits.values()), value, odd, location=view.location, view=index)
