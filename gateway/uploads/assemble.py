"""The whole of an upload out of its pieces, whatever their order; where two wholes are possible there is none."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.content.windows import forget
from gateway.errors import LimitError, MalformedError
from gateway.limits import MIB, Limits
from gateway.transfer import Buffer
from gateway.uploads.model import Assembly, Segment
from gateway.wire.values import content_of

_WHAT = "upload"


def assemble(assembly: Assembly, stored: Buffer, *, limits: Limits) -> Buffer:
    r"""The whole; a slice of `stored` where it lies there in one piece, else a buffer of its own.

    Pieces with a start may overlap, and pieces with an index may come again, when they agree byte for byte. A piece
    with neither starts at 0. Raises MalformedError for a gap, a contradiction, or another length than the announced
    one; LimitError over `max_body_bytes`, and when the pieces have more than `max_decoded_bytes` together; and what
    `content_of` raises.

    >>> from gateway.limits import Limits
    >>> pieces = (Segment(0, 2, start=3), Segment(2, 3, start=0))
    >>> bytes(assemble(Assembly(pieces, total_bytes=5), b"lohel", limits=Limits()))
    b'hello'
    """
    if assembly.conflict:
        raise MalformedError(_WHAT, "its requests contradict each other")
    segments, view = assembly.segments, memoryview(stored)
    for one in segments:
        if one.offset_bytes < 0 or not 0 <= one.size_bytes <= len(view) - one.offset_bytes:
            raise MalformedError(_WHAT, "a piece is not in the stored file")
    is_numbered = bool(segments) and all(one.start < 0 <= one.index for one in segments)
    if not is_numbered and any(one.start < 0 <= one.index for one in segments):
        raise MalformedError(_WHAT, "some pieces have a start and some a number")
    in_place = _in_place(segments, view, is_numbered=is_numbered)
    whole = _Whole(view, limits).of(segments, is_numbered=is_numbered) if in_place is None else in_place
    if len(whole) > limits.max_body_bytes:
        raise LimitError("max_body_bytes", allowed=limits.max_body_bytes, actual=len(whole))
    if assembly.total_bytes >= 0 and assembly.total_bytes != len(whole):
        raise MalformedError(_WHAT, "it is not as long as it was announced")
    return whole


def is_plain(segment: Segment) -> bool:
    """Whether the raw body is the content.

    >>> is_plain(Segment(0, 5)), is_plain(Segment(0, 5, content_encoding="gzip"))
    (True, False)
    """
    return segment.content == "body" and segment.content_encoding.strip().lower() in {"", "identity"}


def _in_place(segments: Sequence[Segment], view: memoryview, *, is_numbered: bool) -> memoryview | None:
    """The whole as it lies in the file; None when it must be put together."""
    if not segments or not all(is_plain(segment) for segment in segments):
        return None
    first, length = segments[0], 0
    for number, segment in enumerate(segments):
        is_next = segment.index == first.index + number if is_numbered else max(segment.start, 0) == length
        if not is_next or segment.offset_bytes != first.offset_bytes + length:
            return None
        length += segment.size_bytes
    if is_numbered and first.index not in {0, 1}:
        return None
    return view[first.offset_bytes : first.offset_bytes + length]


class _Whole:
    """The whole as far as it has been put together."""

    def __init__(self, view: memoryview, limits: Limits) -> None:
        self._view = view
        self._limits = limits
        self._bytes = bytearray()
        self._decoded_bytes = 0

    def of(self, segments: Sequence[Segment], *, is_numbered: bool) -> memoryview:
        if is_numbered:
            self._number(sorted(segments, key=lambda one: one.index))
        else:
            for segment in sorted(segments, key=lambda one: one.start):
                self._put(max(segment.start, 0), self._content(segment))
        return memoryview(self._bytes).toreadonly()

    def _number(self, segments: Sequence[Segment]) -> None:
        number, start, size_bytes = min(segments[0].index, 1) - 1, 0, -1
        for segment in segments:
            content = self._content(segment)
            if segment.index == number + 1:
                number, start, size_bytes = segment.index, len(self._bytes), len(content)
            elif segment.index != number:
                raise MalformedError(_WHAT, "a piece is missing")
            elif len(content) != size_bytes:
                raise MalformedError(_WHAT, "a piece came twice with two contents")
            self._put(start, content)

    def _put(self, start: int, content: memoryview) -> None:
        if start > len(self._bytes):
            raise MalformedError(_WHAT, "a piece is missing")
        known = min(len(self._bytes) - start, len(content))
        for at in range(0, known, MIB):
            end = min(at + MIB, known)
            if self._bytes[start + at : start + end] != bytes(content[at:end]):
                raise MalformedError(_WHAT, "a piece came twice with two contents")
        size = len(self._bytes) + len(content) - known
        if size > self._limits.max_body_bytes:
            raise LimitError("max_body_bytes", allowed=self._limits.max_body_bytes, actual=size)
        self._bytes += content[known:]
        if len(content) >= MIB:
            # Else the pieces stay in memory beside the whole.
            forget(content)

    def _content(self, segment: Segment) -> memoryview:
        raw = self._view[segment.offset_bytes : segment.offset_bytes + segment.size_bytes]
        content = content_of(raw, segment.content, segment.content_type, segment.content_encoding, limits=self._limits)
        self._decoded_bytes += len(content)
        if self._decoded_bytes > self._limits.max_decoded_bytes:
            allowed = self._limits.max_decoded_bytes
            raise LimitError("max_decoded_bytes", allowed=allowed, actual=self._decoded_bytes)
        return memoryview(content)
