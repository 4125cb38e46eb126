"""A multipart body separated at its boundary, with one reading only: what servers would read differently is refused.

Source: RFC 2046 section 5.1, RFC 7578. Everything between two delimiter lines comes out, labelled or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError
from gateway.wire.parameters import media_type, parse_parameters
from gateway.wire.part_headers import parse_part_headers
from gateway.wire.search import find_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.limits import Limits

FORM_DATA = "multipart/form-data"
"""The type whose readers agree least; it gets no leniency at all."""

_BOUNDARY = re.compile(rb"[ -~]{0,199}[!-~]")
_CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Section:
    """One part: what stands between two delimiter lines."""

    headers: Mapping[str, bytes]
    """Lower-case name → value."""
    data: memoryview
    """A slice of the body."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """A separated body."""

    preamble: memoryview
    sections: tuple[Section, ...]
    epilogue: memoryview
    is_strict: bool
    """False when lines end in LF only, which some readers take and some do not."""


def boundary_of(content_type: bytes) -> bytes:
    """The boundary parameter of a multipart type.

    Raises MalformedError when the type is doubtful, or the parameter is missing, doubtful, or longer than 200 bytes.
    """
    word, parameters = parse_parameters(content_type, "multipart")
    if not word.startswith("multipart/") or not media_type(word):
        # Two Content-Types joined by a comma, of which servers take one or the other.
        raise MalformedError("multipart", "the Content-Type is not one type")
    boundary = parameters.get("boundary", b"")
    if not _BOUNDARY.fullmatch(boundary) or any(name.startswith("boundary*") for name in parameters):
        raise MalformedError("multipart", "there is no proper boundary parameter")
    if b"," in boundary:
        # PHP ends the value there.
        raise MalformedError("multipart", "the boundary parameter holds a comma")
    return boundary


def split_multipart(view: memoryview, content_type: bytes, *, max_parts: int, limits: Limits) -> Multipart:
    """The parts of `view`, labelled `content_type`.

    Linear in the length of `view`, of which no part is copied. Raises LimitError over `max_parts` or
    `max_part_header_bytes`; MalformedError when the last delimiter is missing or the boundary stands anywhere but in a
    delimiter line that every reader takes for one.
    """
    is_form = content_type.partition(b";")[0].strip().lower() == FORM_DATA.encode()
    boundary = boundary_of(content_type)
    mark = b"--" + boundary
    starts = _delimiters(view, mark, max_parts)
    if not starts:
        raise MalformedError("multipart", "the boundary never occurs")
    newline = _newline(view, starts[0] + len(mark), is_form=is_form)
    closing = [_is_closing(view, start, mark, newline) for start in starts]
    if not closing[-1] or any(closing[:-1]):
        raise MalformedError("multipart", "the closing delimiter is missing or is not the last")
    sections = [
        _section(view, start + len(mark), end - len(newline), newline, limits, is_form=is_form)
        for start, end in pairwise(starts)
    ]
    return Multipart(
        preamble=view[: max(0, starts[0] - len(newline))],
        sections=tuple(sections),
        epilogue=view[starts[-1] + len(mark) + 2 :],
        is_strict=newline == _CRLF,
    )


def _delimiters(view: memoryview, mark: bytes, max_parts: int) -> list[int]:
    starts: list[int] = []
    for start in find_all(view, mark):
        if len(starts) > max_parts:
            raise LimitError("max_parts", allowed=max_parts, actual=len(starts))
        starts.append(start)
    return starts


def _newline(view: memoryview, end: int, *, is_form: bool) -> bytes:
    """The line end that the whole body must have, by the first delimiter line."""
    after = bytes(view[end : end + 2])
    if after in {_CRLF, b"--"}:
        return _CRLF
    # google-api-python-client writes multipart/related with LF: its email generator's default line end.
    if after[:1] == b"\n" and not is_form:
        return b"\n"
    raise MalformedError("multipart", "the first delimiter line does not end in CR LF")


def _is_closing(view: memoryview, start: int, mark: bytes, newline: bytes) -> bool:
    """Whether the delimiter at `start` is the closing one; raises MalformedError when readers would differ on it."""
    if start and bytes(view[max(0, start - len(newline)) : start]) != newline:
        raise MalformedError("multipart", "the boundary occurs inside a line")
    end = start + len(mark)
    after = bytes(view[end : end + 4])
    if after.startswith(newline):
        return False
    if after.startswith(b"--") and (len(after) == 2 or after[2:].startswith(newline) or not after[2:].strip(_CRLF)):
        return True
    raise MalformedError("multipart", "something follows the boundary in its line")


def _section(view: memoryview, start: int, end: int, newline: bytes, limits: Limits, *, is_form: bool) -> Section:
    """The part whose delimiter's boundary ends at `start` and whose content ends before `end`."""
    allowed = limits.max_part_header_bytes
    # The line end of the delimiter is the first half of the empty line when a part has no headers.
    window = bytes(view[start : min(end, start + len(newline) + allowed + 2 * len(newline))])
    blank = window.find(newline * 2)
    if blank < 0 and end - start > len(window):
        raise LimitError("max_part_header_bytes", allowed=allowed, actual=len(window))
    if blank < 0:
        raise MalformedError("multipart", "no empty line ends the headers of a part")
    block = window[len(newline) : blank]
    if is_form and not block:
        # werkzeug and Tornado skip the empty line and take what follows for the headers.
        raise MalformedError("multipart", "a part of a form has no headers")
    headers = parse_part_headers(block, newline=newline, may_fold=not is_form)
    return Section(headers, view[start + blank + 2 * len(newline) : end])
