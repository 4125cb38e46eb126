"""The header block of one multipart part, read so strictly that every server reads the same."""

from __future__ import annotations

import re

from gateway.errors import MalformedError

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)")
_FOLD = re.compile(rb"\n[ \t]+")


def parse_part_headers(block: bytes, *, newline: bytes, may_fold: bool) -> dict[str, bytes]:
    r"""Lower-case name → value of the lines of `block`, which holds no empty line and no last newline.

    `may_fold`: whether a line may go on in the next; MIME readers agree on that, form readers do not. Raises
    MalformedError for other line ends than `newline`, control characters, a line without a name, a name that comes
    twice.

    >>> parse_part_headers(b"Content-Type: text/plain\r\nX-A:1", newline=b"\r\n", may_fold=False)
    {'content-type': b'text/plain', 'x-a': b'1'}
    """
    if newline == b"\r\n":
        if block.count(b"\r") != block.count(newline) or block.count(b"\n") != block.count(newline):
            raise MalformedError("multipart", "a part header has a lone line feed or carriage return")
        block = block.replace(newline, b"\n")
    if may_fold:
        block = _FOLD.sub(b" ", block)
    headers: dict[str, bytes] = {}
    for line in block.split(b"\n") if block else ():
        match = _LINE.fullmatch(line)
        if match is None:
            raise MalformedError("multipart", "a part header is not written as name: value")
        name = match[1].lower().decode("ascii")
        if name in headers:
            raise MalformedError("multipart", "a part header comes twice")
        headers[name] = match[2].rstrip(b" \t")
    return headers
