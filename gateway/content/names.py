"""Names of members as text: containers store bytes in an encoding that nobody wrote down."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.parts import Text

LEGACY_ENCODINGS = ("gb18030", "big5", "cp437")
"""What a name that is not UTF-8 may be in: mainland and Taiwan Windows, and the zip specification."""


def decodings(raw: bytes) -> tuple[str, ...]:
    """Every plausible reading of a stored name or comment, the likeliest first; never empty.

    >>> decodings("合同.txt".encode("gb18030"))[0]
    '合同.txt'
    >>> decodings(b"a.txt")
    ('a.txt',)
    """
    if raw.isascii():
        return (raw.decode("ascii"),)
    readings: list[str] = []
    for encoding in ("utf-8", *LEGACY_ENCODINGS):
        try:
            readings.append(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            break
    return tuple(dict.fromkeys(readings))


def names_text(readings: Iterable[str]) -> tuple[Text, ...]:
    """One text of all names, a line each, for a container's `texts`; empty when there is none."""
    joined = "\n".join(dict.fromkeys(reading for reading in readings if reading))
    return (Text(joined, "names"),) if joined else ()
