"""Contents that a text carries in an armour of its own: uuencode, yEnc, ASCII85 between `<~` and `~>`."""

from __future__ import annotations

import base64
import re
from binascii import Error, a2b_uu
from collections.abc import Callable

from gateway.content.buffers import find
from gateway.transfer import Buffer

OPENINGS = (rb"begin [0-7]{3} ", rb"=ybegin ", rb"<~[!-u\s]{8}")
"""How they open, as patterns."""
_LINE_BYTES = 1024
"""Longest first line."""
_YENC_END = b"\n=yend"
_YENC_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_SHIFTED = bytes((byte - 42) & 255 for byte in range(256))
_UNDO_ESCAPE = bytes((byte - 64) & 255 for byte in range(256))
_NOT_ASCII85 = bytes(set(range(256)) - set(range(ord("!"), ord("u") + 1)) - {ord("z")})


def armoured(data: Buffer, start: int) -> tuple[bytes, int]:
    r"""Content of the armour that opens at `start`, empty when it is none, and where it ends.

    >>> armoured(b"begin 644 a\n#86)C\n`\nend\n", 0)
    (b'abc', 18)
    """
    for mark, undo in _UNDO.items():
        if bytes(data[start : start + len(mark)]) == mark:
            return undo(data, start)
    return b"", start


def _after_line(data: Buffer, start: int) -> int:
    end = bytes(data[start : start + _LINE_BYTES]).find(b"\n")
    return start + end + 1 if end >= 0 else len(data)


def _uuencoded(data: Buffer, start: int) -> tuple[bytes, int]:
    out: list[bytes] = []
    position = _after_line(data, start)
    while position < len(data):
        line = bytes(data[position : position + 128]).partition(b"\n")[0].rstrip(b"\r")
        try:
            piece = a2b_uu(line)
        except Error:
            break
        if not piece:
            break
        out.append(piece)
        position = _after_line(data, position)
    return b"".join(out), position


def _yencoded(data: Buffer, start: int) -> tuple[bytes, int]:
    begin = _after_line(data, start)
    end = find(data, _YENC_END, begin)
    end = len(data) if end < 0 else end
    body = bytes(data[begin:end])
    if body.startswith(b"=ypart "):
        body = body.partition(b"\n")[2]
    body = body.replace(b"\r", b"").replace(b"\n", b"")
    return _YENC_ESCAPE.sub(lambda match: match[1].translate(_UNDO_ESCAPE), body).translate(_SHIFTED), end


def _ascii85(data: Buffer, start: int) -> tuple[bytes, int]:
    end = find(data, b"~>", start)
    if end < 0:
        return b"", len(data)
    digits = bytes(data[start + 2 : end]).translate(None, _NOT_ASCII85)
    try:
        return base64.a85decode(digits), end
    except ValueError:
        return b"", end


_UNDO: dict[bytes, Callable[[Buffer, int], tuple[bytes, int]]] = {
    b"begin ": _uuencoded,
    b"=ybegin ": _yencoded,
    b"<~": _ascii85,
}
"""First bytes of an armour → what undoes it."""
