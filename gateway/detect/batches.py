"""A part's text in batches, so that one of them and its readings lie in memory, not a document of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.parts import Part, Text

BATCH_CHARS = 2 * 1024 * 1024
"""Characters looked at together; a document of a thousand pages has as many, and its readings take five times the room."""
REACH_CHARS = 16 * 1024
"""How far from a cut a line's end is looked for."""
OVERLAP_CHARS = 2 * 1024
"""What two pieces of one long text share, about: what spans the cut is seen whole in the second."""


def batches(part: Part) -> Iterator[Part]:
    """The part with its text in pieces of about BATCH_CHARS, at least one.

    The bytes and the name go with the first: what looks at them has to do so once.
    """
    batch: list[Text] = []
    chars, whole = 0, part
    for text in part.texts:
        for piece in cut(text):
            if batch and chars + len(piece.text) > BATCH_CHARS:
                yield replace(whole, texts=tuple(batch))
                batch, chars, whole = [], 0, replace(part, data=b"", name="")
            batch.append(piece)
            chars += len(piece.text)
    is_whole = whole is part and isinstance(part.texts, tuple) and len(batch) == len(part.texts)
    yield part if is_whole else replace(whole, texts=tuple(batch))


def cut(text: Text) -> Iterator[Text]:
    """The text itself, or pieces of it that overlap, cut at line ends where there are any."""
    whole, start = text.text, 0
    while len(whole) - start > BATCH_CHARS:
        end = start + BATCH_CHARS
        line = whole.rfind("\n", end - REACH_CHARS, end)
        end = line + 1 if line >= 0 else end
        yield Text(whole[start:end], text.location)
        # A piece that began inside a number would show the rest of it as a number of its own.
        line = whole.find("\n", end - OVERLAP_CHARS, end - 1)
        start = line + 1 if line >= 0 else end - OVERLAP_CHARS
    yield Text(whole[start:], text.location) if start else text
