"""A part → the document detectors look at: every run of text folded, and every further reading of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import zip_longest

from gateway.detect import decode, fold
from gateway.detect.detector import Document, Trigger, View
from gateway.detect.matcher import NO_CACHE, Cache, Matcher, Places
from gateway.detect.raw import RawMatcher
from gateway.parts import Part, Text
from gateway.transfer import Buffer

NAME = "name"
"""Location of a part's own name."""
_MOSTLY = 0.2
"""Share of a text that undoing its escapes takes away, from which on the decoded text is the page."""
_FAR = 1 << 62
"""Over every offset."""


class Reader:
    """Makes documents; holds the compiled triggers, so it is made once and shared."""

    def __init__(self, triggers: Sequence[Trigger], *, cache: Cache = NO_CACHE) -> None:
        """`triggers` of all detectors; raises ValueError naming the patterns that Hyperscan refuses."""
        self._matcher = Matcher((*triggers, *fold.TRIGGERS, *decode.TRIGGERS), cache=cache)
        self._base64 = Matcher((decode.BASE64, decode.BASE32))
        self._raw = RawMatcher(triggers, cache=cache)

    def document(self, part: Part, *, today: date) -> tuple[Document, frozenset[Trigger]]:
        """The document, and the triggers that have more places in it than were kept."""
        pages: list[View] = []
        extras: list[View] = []
        cut: set[Trigger] = set()
        texts = list(part.texts)
        if all(text.location != NAME for text in texts):
            texts.append(Text(part.name, NAME))
        for text in texts:
            first, *others = self._views(text.text, text.location, cut, utf8=text.utf8)
            pages.append(first)
            extras += others
        if not any(text.text for text in texts if text.location != NAME) and (found := self._raw.text(part.data)):
            extras += self._views(found, "", cut, kind="bytes")
        return Document(part, tuple(pages), tuple(extras), today), frozenset(cut)

    def _views(
        self, text: str, location: str, cut: set[Trigger], *, kind: str = "text", utf8: Buffer | None = None
    ) -> list[View]:
        """The page, then its further readings."""
        places = self._scan(text, cut, utf8)
        page, more = View(text, location, kind, places.ends), list[View]()
        if page.has(*fold.TRIGGERS):
            page, more = self._folded(page, cut)
        read = page
        for reading, name in self._readings(read):
            plain, origin = reading
            if plain:
                view = View(plain, location, name, self._scan(plain, cut).ends, _through(origin, read))
                more.append(view)
                if name == "decoded" and len(plain) < (1 - _MOSTLY) * len(page.text):
                    more[-1], page = page, view
        return [page, *more]

    def _folded(self, view: View, cut: set[Trigger]) -> tuple[View, list[View]]:
        """The view folded, and the view with its invisible characters where it had some."""
        folded = fold.fold(view.text, foreign=view.has(fold.FOREIGN))
        text, origin = fold.drop_invisible(folded) if view.has(fold.HIDDEN) else (folded, ())
        page = View(text, view.location, view.kind, self._scan(text, cut).ends, origin)
        # Without them two numbers may have become one, so the text is looked at with them too.
        raw = [View(folded, view.location, "raw", self._scan(folded, cut).ends)] if origin else []
        return page, raw

    def _readings(self, page: View) -> Iterator[tuple[decode.Reading, str]]:
        if page.has(decode.PERCENT, decode.ENTITY, decode.ESCAPE):
            yield decode.undo_escapes(page.text), "decoded"
        if page.has(decode.LONG_RUN):
            places = self._base64.scan_text(page.text)
            yield decode.undo_base64(page.text, places.ends.get(decode.BASE64, ())), "base64"
            if decode.BASE32 in places.ends:
                yield decode.undo_base32(page.text), "base32"
        if page.has(decode.QUOTED):
            yield decode.undo_quoted(page.text), "decoded"
        if page.has(decode.SPACED, decode.NUMERALS):
            spaced, numerals = page.has(decode.SPACED), page.has(decode.NUMERALS)
            yield decode.join_digits(page.text, spaced=spaced, numerals=numerals), "joined"

    def _scan(self, text: str, cut: set[Trigger], utf8: Buffer | None = None) -> Places:
        places = self._matcher.scan_text(text, utf8)
        cut |= places.cut
        return places


def _through(origin: decode.Origin, page: View) -> decode.Origin:
    """An origin in the page's text as an origin in the text the page was made from."""
    if not page.origin:
        return origin
    out: list[tuple[int, int]] = []
    for (here, there), following in zip_longest(origin, origin[1:]):
        out.append((here, page.source(there, there)[0]))
        if following is None or following[0] - here == following[1] - there:
            # The same characters on both sides: the page's own breaks stand among them.
            first = bisect_right(page.origin, (there, _FAR))
            stop = len(page.origin) if following is None else bisect_left(page.origin, (following[1], 0))
            out += [(here + at - there, source) for at, source in page.origin[first:stop]]
    return tuple(out)
