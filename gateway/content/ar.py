"""ar archives, Debian packages among them. Sources: ar(5) of FreeBSD, deb(5)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.content.names import decodings, names_text
from gateway.content.reading import Member, Reading, Source
from gateway.content.solid import outside
from gateway.errors import LimitError, MalformedError

MAGIC = b"!<arch>\n"
HEADER_BYTES = 60
_WHAT = "ar"


def read_ar(source: Source) -> Reading:
    """Reading of an ar archive. Raises LimitError or MalformedError when a header is damaged or a member cut off."""
    entries = list(_entries(source))
    names = [name for raw, *_ in entries for name in decodings(raw)]
    return Reading(names_text(names), members=_members(source, entries))


def _members(source: Source, entries: list[_Entry]) -> Iterator[Member]:
    for raw, _, start, end in entries:
        yield Member(decodings(raw)[0] or "(index)", source.data[start:end])
    # a header is all text that is read above
    yield from outside(source.data, [(0, len(MAGIC)), *((at, end + end % 2) for _, at, _, end in entries)])


type _Entry = tuple[bytes, int, int, int]


def _entries(source: Source) -> Iterator[_Entry]:
    """Name, offset of the header, start and end of each member; the table of long names and the index of symbols are members too."""
    data, position = source.data, len(MAGIC)
    long_names = b""
    count = 0
    while position < len(data):
        head = bytes(data[position : position + HEADER_BYTES])
        digits = head[48:58].strip(b" ")
        if len(head) < HEADER_BYTES or head[58:] != b"`\n" or not digits.isdigit():
            raise MalformedError(_WHAT, "a header is damaged")
        start, end = position + HEADER_BYTES, position + HEADER_BYTES + int(digits)
        if end > len(data):
            raise MalformedError(_WHAT, "a member is cut off")
        count += 1
        if count > source.limits.max_members:
            raise LimitError("max_members", allowed=source.limits.max_members, actual=count)
        name = head[:16].rstrip(b" ")
        if name == b"//":
            long_names = bytes(data[start:end])
        elif name[:1] == b"/" and name[1:].isdigit():
            name = long_names[int(name[1:]) :].partition(b"\n")[0].rstrip(b"/")
        elif name.startswith(b"#1/") and name[3:].isdigit():  # BSD: the name comes before the content
            length = min(int(name[3:]), end - start)
            name = bytes(data[start : start + length]).rstrip(b"\x00")
            start += length
        else:
            name = name if name in {b"/", b"/SYM64/"} else name.rstrip(b"/")
        yield name, position, start, end
        position = end + end % 2
