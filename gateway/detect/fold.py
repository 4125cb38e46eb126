"""Forms that look the same, folded to one: full-width and other digits and letters, odd dashes, invisible characters.

Only what an identifier is made of is folded, so prose keeps its characters and, but for invisible ones, its offsets.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from gateway.detect.detector import Trigger

INVISIBLE = "\u00ad\u0300-\u036f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u20d0-\u20f0\ufe00-\ufe0f\ufeff"
"""Ranges of a character class: soft hyphen, zero-width spaces and joiners, direction marks, variation selectors, BOM, and
the accents and frames that combine with the character before them."""
_SIGNS = "＠．－／＿＋＝"
"""Full-width signs that stand inside identifiers; full-width punctuation of prose stays as it is."""
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DOTS = "\u00b7\u2022\u2027\u30fb"
_SEPARATORS = (_DASHES, _SPACES, _DOTS)
"""Folded between digits only."""
_PLAIN = {char: plain for chars, plain in zip(_SEPARATORS, "- .", strict=True) for char in chars}


def _full_width() -> dict[int, str]:
    """Full-width digit, letter or sign → its ASCII character."""
    forms = (*map(ord, _SIGNS), *range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
    return {code: unicodedata.normalize("NFKC", chr(code)) for code in forms}


def _exotic() -> dict[int, str]:
    """Decimal digit of any other script, mathematical letter → its ASCII character."""
    table = {}
    for code in (*range(0x80, 0xFF10), *range(0x10000, 0x20000)):
        char = unicodedata.normalize("NFKC", chr(code)) if code >= 0x1D400 else ""
        digit = unicodedata.decimal(chr(code), None)
        if digit is not None:
            table[code] = str(digit)
        elif code < 0x1D7CE and len(char) == 1 and char.isascii() and char.isalpha():
            table[code] = char
    return table


_FULL_WIDTH = _full_width()
_EXOTIC = _exotic()
_RING_DIGITS = {
    code: str(unicodedata.digit(chr(code)))
    for code in (0xB2, 0xB3, 0xB9, *range(0x2070, 0x208A), *range(0x2460, 0x2469), *range(0x2776, 0x277F), 0x24EA)
    if unicodedata.digit(chr(code), None) is not None
}
"""Raised, lowered and ringed digits: a single one is a footnote or a list mark, four in a row are a number."""


def _ranges(codes: list[int]) -> str:
    """Character class content for the codes."""
    out = []
    for _, group in groupby(enumerate(sorted(codes)), key=lambda pair: pair[1] - pair[0]):
        run = [code for _, code in group]
        out.append(f"{chr(run[0])}-{chr(run[-1])}" if len(run) > 1 else chr(run[0]))
    return "".join(out)


def _byte_pattern(ranges: str) -> bytes:
    """Hyperscan pattern on UTF-8 bytes for one character of a character class."""
    codes: set[bytes] = set()
    position = 0
    while position < len(ranges):
        last = ranges[position + 2] if ranges[position + 1 : position + 2] == "-" else ranges[position]
        codes.update(chr(code).encode() for code in range(ord(ranges[position]), ord(last) + 1))
        position += 3 if ranges[position + 1 : position + 2] == "-" else 1
    leads = groupby(sorted(codes), key=lambda char: char[:-1])
    alternatives = [
        _escaped(lead) + b"[" + b"".join(_escaped(char[-1:]) for char in chars) + b"]" for lead, chars in leads
    ]
    return b"(?:" + b"|".join(alternatives) + b")"


def _escaped(data: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in data)


_WIDE = _ranges(list(_FULL_WIDTH))
_FOREIGN = _ranges(list(_EXOTIC))
_RINGED = _ranges(list(_RING_DIGITS))
_WORD = b"(?:[0-9A-Za-z]|[\\xe4-\\xe9][\\x80-\\xbf]{2}|\\xef[\\xbc\\xbd][\\x80-\\xbf])"
"""An ASCII letter or digit, a Han character, a full-width form: what evasion splits."""

WIDE = Trigger("full-width digit or letter", once=True, raw=_byte_pattern(_WIDE))
FOREIGN = Trigger("digit of another script", once=True, raw=_byte_pattern(_FOREIGN))
RINGED = Trigger("four ringed digits", once=True, raw=_byte_pattern(_RINGED) + b"{4}")
ODD_SEPARATOR = Trigger("odd separator", once=True, raw=b"[0-9]" + _byte_pattern("".join(_SEPARATORS)) + b"[0-9]")
HIDDEN = Trigger("invisible character", once=True, raw=_WORD + _byte_pattern(INVISIBLE))
TRIGGERS = (WIDE, FOREIGN, RINGED, ODD_SEPARATOR, HIDDEN)
"""Where none of them occurs, the text is its own folded form."""

_WIDE_RUN = re.compile(f"[{_WIDE}]+")
_FOREIGN_RUN = re.compile(f"[{_FOREIGN}]+")
_RINGED_RUN = re.compile(f"[{_RINGED}]{{4,}}")
_SEPARATOR = re.compile(f"[{''.join(_SEPARATORS)}](?<=[0-9].)(?=[0-9Xx])")
_INVISIBLE_RUN = re.compile(f"[{INVISIBLE}]+")


def fold(text: str, *, foreign: bool = True) -> str:
    """The text with look-alike digits, letters and separators in ASCII; same length, so offsets stay.

    `foreign` false skips digits of other scripts, which cost most to look for (30 MB/s; the rest runs at 150 MB/s).

    >>> fold("身份证１１０１０５－２")
    '身份证110105-2'
    >>> fold("plain ①")
    'plain ①'
    """
    text = _WIDE_RUN.sub(lambda run: run[0].translate(_FULL_WIDTH), text)
    if foreign:
        text = _FOREIGN_RUN.sub(lambda run: run[0].translate(_EXOTIC), text)
    text = _RINGED_RUN.sub(lambda run: run[0].translate(_RING_DIGITS), text)
    return _SEPARATOR.sub(lambda sign: _PLAIN[sign[0]], text)


def drop_invisible(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    r"""The text without invisible characters, and the `View.origin` of what is left (empty when none was there).

    >>> drop_invisible("13\u200b8")
    ('138', ((0, 0), (2, 2), (2, 3)))
    """
    pieces: list[str] = []
    origin = [(0, 0)]
    at = length = 0
    for run in _INVISIBLE_RUN.finditer(text):
        pieces.append(text[at : run.start()])
        length += run.start() - at
        at = run.end()
        origin += [(length, run.start()), (length, at)]
    if not pieces:
        return text, ()
    return "".join((*pieces, text[at:])), tuple(origin)
