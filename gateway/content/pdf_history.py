"""Pages of a PDF that a reader does not show: of older revisions, and those that no page tree names.

A revision is appended to the file, so each older state stands in it whole. To see pages that a state does not show, a
page tree of our own is appended in the same way, and pdfium reads that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gateway.content.pdf_objects import Object
from gateway.errors import LimitError

MAX_STATES = 64
"""Most states of one document that are looked at; each is opened anew."""
MAX_REVISIONS = 1000
"""Most revisions of one document in which objects are replaced."""
FREE_NUMBER = 4_190_000
"""Number of the page tree that is appended; pdfium knows objects up to 4 194 304 and documents use the first."""
_END = re.compile(rb"%%EOF[\r\n]{0,2}")
_START = re.compile(rb"startxref[\x00\t\n\f\r ]{1,8}([0-9]{1,10})")
_TABLE_ENTRIES = 200_000
"""Most objects whose places are told again."""


def hidden_states(content: bytes, objects: Sequence[Object], *, shown_pages: int) -> Iterator[tuple[bytes, int]]:
    """Documents made of `content` that show what it hides, and how many pages each has. Raises LimitError.

    First older states in which a page looked otherwise, the newest first, then all pages together if they are more than
    `shown_pages`.
    """
    latest = {each.number: each for each in objects}
    pages = [number for number, each in latest.items() if each.is_page]
    if len(pages) > shown_pages:
        yield _with_pages(content, len(content), latest, pages), len(pages)
    last = {number: each.start for number, each in latest.items()}
    if not any(each.start < last[each.number] for each in objects):
        return
    ends = [match.end() for match in _END.finditer(content)][:-1]
    if len(ends) > MAX_REVISIONS:
        raise LimitError("max_pdf_revisions", allowed=MAX_REVISIONS, actual=len(ends))
    states = 0
    for end in reversed(ends):
        changed = _changed(objects, latest, end)
        if changed:
            states += 1
            if states > MAX_STATES:
                raise LimitError("max_pdf_states", allowed=MAX_STATES, actual=states)
            state = {each.number: each for each in objects if each.start < end}
            yield _with_pages(content, end, state, changed), len(changed)


def _changed(objects: Sequence[Object], latest: Mapping[int, Object], end: int) -> list[int]:
    """Numbers of the pages whose text may have been another one before `end`: annotations alone change no text."""
    pages = {each.number: each for each in objects if each.is_page and each.start < end}
    return [
        number
        for number, page in pages.items()
        if page.contents != latest[number].contents
        or any(part in latest and latest[part].start >= end for part in page.contents)
    ]


def _with_pages(content: bytes, end: int, objects: Mapping[int, Object], pages: Sequence[int]) -> bytes:
    """The document up to `end`, with a revision behind it that shows these pages and no other."""
    kids = b" ".join(b"%d 0 R" % number for number in pages)
    starts = _START.findall(content, 0, end)
    out = [content[:end], b"\n"]
    length = end + 1
    entries: dict[int, tuple[int, int]] = {
        each.number: (each.start, each.generation)
        for each in list(objects.values())[:_TABLE_ENTRIES]
        if not each.is_packed and each.number < FREE_NUMBER
    }
    bodies = (
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), kids),
        b"<</Type/Catalog/Pages %d 0 R>>" % FREE_NUMBER,
    )
    for offset, body in enumerate(bodies):
        entries[FREE_NUMBER + offset] = (length, 0)
        out.append(b"%d 0 obj\n%s\nendobj\n" % (FREE_NUMBER + offset, body))
        length += len(out[-1])
    table = b"".join(
        b"%d 1\n%010d %05d n \n" % (number, place, generation)
        for number, (place, generation) in sorted(entries.items())
    )
    previous = b"/Prev %s" % starts[-1] if starts else b""
    trailer = b"<</Size %d/Root %d 0 R%s>>" % (FREE_NUMBER + 2, FREE_NUMBER + 1, previous)
    out.append(b"xref\n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (table, trailer, length))
    return b"".join(out)
