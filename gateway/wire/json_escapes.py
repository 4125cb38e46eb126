"""The bytes of a JSON string with its escapes undone."""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined]

_ESCAPED_RUN = re.compile(rb"(?:\\u[0-9a-fA-F]{4})+")


def unescaped(view: memoryview, start: int, end: int) -> tuple[bytes, bool]:
    r"""UTF-8 of the string between the quotes at `start - 1` and `end`, and whether its escapes are proper.

    Bytes that are not UTF-8 are kept, a lone surrogate becomes `?`. Never raises.

    >>> unescaped(memoryview(b'"a\\u0062"'), 1, 8)
    (b'ab', True)
    >>> unescaped(memoryview(b'"\\q\\u0062"'), 1, 9)
    (b'\\qb', False)
    """
    # The closing quote belongs to the slice, because the scanner of the standard library stops there.
    source = str(view[start : end + 1], "utf-8", "surrogateescape")
    try:
        text, _ = scanstring(source, 0, False)
    except ValueError:
        return undo_escapes(bytes(view[start:end])), False
    return _encoded(text), True


def undo_escapes(raw: bytes) -> bytes:
    r"""`raw` with every `\uXXXX` undone wherever it stands: what is left to do with text that is nearly JSON."""
    return _ESCAPED_RUN.sub(lambda run: _encoded(run[0].decode("unicode_escape")), raw)


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Pairs that were escaped one by one join here; a lone half is replaced.
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return joined.encode()
