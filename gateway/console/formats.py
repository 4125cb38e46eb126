"""Times, sizes, counts and names as people read them; hostile names made visible."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from gateway.limits import KIB

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Clock of the people who read. A fixed offset: the zone has had no summer time since 1991, and no zone files are
needed."""
MAX_SHOWN_CHARS = 160
"""Longest name on a page; beginning and end stay, because the end has the file's extension."""
MAX_TITLE_CHARS = 2000
"""Longest full text in a `title`."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Unicode categories that have no shape of their own or change that of others: a right-to-left override turns
`gpj.exe` into a picture."""
_UNITS = ("KiB", "MiB", "GiB", "TiB")


def local_time(at: str) -> str:
    """`2026-11-21 14:03:09` in China for an RFC 3339 time; what is no time, as it is.

    >>> local_time("2026-11-21T06:03:09.120Z")
    '2026-11-21 14:03:09'
    >>> local_time("soon")
    'soon'
    """
    try:
        return f"{datetime.fromisoformat(at).astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return shown(at)


def utc_time(at: str) -> str:
    """`2026-11-21 06:03:09 UTC`; what is no time, as it is.

    >>> utc_time("2026-11-21T14:03:09+08:00")
    '2026-11-21 06:03:09 UTC'
    """
    try:
        return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return shown(at)


def size(size_bytes: int) -> str:
    """Bytes in the unit that keeps the number short.

    >>> [size(n) for n in (0, 1023, 1024, 52_428_801, 10**16)]
    ['0 B', '1,023 B', '1.0 KiB', '50.0 MiB', '9,094.9 TiB']
    """
    if size_bytes < KIB:
        return f"{size_bytes:,} B"
    amount, unit = float(size_bytes), ""
    for unit in _UNITS:  # noqa: B007 - the last one is used
        amount /= KIB
        if amount < 999.95:
            break
    return f"{amount:,.1f} {unit}"


def count(number: int) -> str:
    """A whole number with its thousands apart.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,}"


def percent(part: int, whole: int) -> str:
    """A share that says 100 % only when it is all, and 0 % only when it is nothing.

    >>> [percent(*pair) for pair in ((1, 3), (9999, 10000), (1, 10000), (5, 5), (0, 5))]
    ['33.3 %', '99.9 %', '0.1 %', '100 %', '0 %']
    """
    if part == whole:
        return "100 %"
    share = 1000 * part // whole
    return "0 %" if part == 0 else f"{max(share, 1) / 10:.1f} %"


def duration(milliseconds: float) -> str:
    """Time in the unit that keeps it readable.

    >>> duration(12.3456), duration(61_250)
    ('12.3 ms', '61.25 s')
    """
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def visible(text: str) -> str:
    r"""The text with every character that hides or reorders others shown by its number.

    >>> visible("invoice\u202egpj.exe")
    'invoice⟨U+202E⟩gpj.exe'
    """
    return "".join(f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c) in _HIDDEN else c for c in text)


def shown(text: str, max_chars: int = MAX_SHOWN_CHARS) -> str:
    """A name made visible, its middle left out when it is long.

    >>> shown("a" * 50 + ".xlsx", 20)
    'aaaaaaaaaaaaa…a.xlsx'
    """
    if len(text) > max_chars:
        tail = max_chars // 3
        text = f"{text[: max_chars - tail - 1]}…{text[-tail:]}"
    return visible(text)


def whole(text: str) -> str:
    """A name made visible for a `title`, whole up to a bound no page should pass."""
    return shown(text, MAX_TITLE_CHARS)
