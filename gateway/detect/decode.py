r"""Readings of a text in which values hide: `%31`, `&#49;`, `\u0031`, base64, digits one by one, Chinese numerals.

Each function gives a text and its `View.origin`, or an empty text when there is nothing. One level only, linear time.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from urllib.parse import unquote

from gateway.detect.detector import Trigger

type Origin = tuple[tuple[int, int], ...]
"""See `View.origin`."""
type Reading = tuple[str, Origin]
"""A text and its origin."""

NOTHING: Reading = ("", ())
"""No such reading."""
_BEFORE, _AFTER = 40, 20
"""Characters of context kept around joined digits."""
_HEAD_BYTES = 120
"""Bytes of a decoded run that are looked at first: pictures are dropped at once. Even, so that UTF-16 is not cut."""
_MAX_JOINED = 24
"""Most digits of one run that is joined; longer runs are tables of digits."""

PERCENT = Trigger("%[2-9A-Fa-f][0-9A-Fa-f]", once=True)
ENTITY = Trigger("&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-z]{2,8});", once=True)
ESCAPE = Trigger(
    r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[ux]\{[0-9a-fA-F]{1,6}\}|U00[01][0-9a-fA-F]{5}|[0-3][0-7]{2}\\[0-3][0-7]{2})",
    once=True,
)
QUOTED = Trigger(r"=[0-9A-F]{2}=[0-9A-F]{2}|[0-9]=\r?\n[0-9]", once=True)
"""Quoted-printable: two escapes in a row, or a number over a soft line break (RFC 2045 §6.7)."""
BASE32 = Trigger(r"[A-Z2-7]{32}", once=True)
"""Looked for where `LONG_RUN` occurs only."""
BASE64 = Trigger(
    r"(?:^|[^A-Za-z0-9+/_\-])(?:(?:[CDI-Za-v567][A-Za-z0-9+/_\-]{3}){6}|(?:[o-z0-9+/_\-][A-Za-z0-9+/_\-]{3}){6}"
    r"|(?:[I-Za-f][AQgw][AB][A-Za-z0-9+/]A[C-H][A-Za-z0-9+/]A){3})"
)
"""A run of 24 whose every fourth character can begin three bytes of text: ASCII or UTF-8, GB18030, ASCII in UTF-16."""
LONG_RUN = Trigger(r"[A-Za-z0-9+/_\-]{24}", once=True)
"""Cheap to look for; only where it occurs, `BASE64` is looked for, in a pass of its own."""
SPACED = Trigger(r"(?:[0-9][ \-._]{1,2}){10}[0-9]", once=True)
_DIGITS = str.maketrans("〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "001234567891123456789")
"""Numerals as they are written, spoken and put on cheques."""
NUMERALS = Trigger(f"(?:{'|'.join(map(chr, _DIGITS))}){{11}}", once=True)
TRIGGERS = (PERCENT, ENTITY, ESCAPE, QUOTED, LONG_RUN, SPACED, NUMERALS)
"""Where none of them occurs, there is no further reading."""

_ESCAPED_RUN = re.compile(
    r"[%&\\](?:"
    r"(?<=%)[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*"
    r"|(?<=&)(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});(?:&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)*"
    r"|(?<=\\)u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*|(?<=\\)x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2})*"
    r"|(?<=\\)[ux]\{[0-9a-fA-F]{1,6}\}(?:\\[ux]\{[0-9a-fA-F]{1,6}\})*"
    r"|(?<=\\)U00[01][0-9a-fA-F]{5}(?:\\U00[01][0-9a-fA-F]{5})*|(?<=\\)[0-3][0-7]{2}(?:\\[0-3][0-7]{2})+)"
)
"""A set of characters comes first, because `re` looks for a set ten times faster than for alternatives."""
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]+(?:\\?\r?\n[A-Za-z0-9+/_-]+)*")
_BASE32_RUN = re.compile(
    r"(?<![A-Za-z0-9+/_-])[A-Z2-7]{32,}+(?![a-z0189+/_-])(?:\r?\n[A-Z2-7]{2,}+(?![a-z0189+/_-]))*+"
)
_QUOTED_RUN = re.compile(r"=(?:[0-9A-F]{2}(?:(?:=\r?\n)?=[0-9A-F]{2})*|\r?\n)")
_HEX = re.compile(r"[0-9a-f\-]+|[0-9A-F\-]+")
"""Digests and UUIDs, which are many in a log; base64 has letters of both cases."""
_SPACED_RUN = re.compile(r"(?<![0-9])[0-9](?:[ \-._]{1,2}[0-9]){10,}(?:[ \-._]{1,2}[Xx])?(?![0-9])")
_NUMERAL_RUN = re.compile(f"[{''.join(map(chr, _DIGITS))}]{{11,}}[Xx]?")
_RARE = re.compile(r"[^\x00-\x7f\u3000-\u9fff\uff00-\uffef]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def undo_escapes(text: str) -> Reading:
    r"""The text with percent, HTML and backslash escapes undone; a run of escapes stands for its whole run.

    >>> undo_escapes("tel%3A138&#48;")
    ('tel:1380', ((0, 0), (3, 3), (4, 6), (7, 9), (8, 14)))
    >>> undo_escapes("100 %")
    ('', ())
    """
    pieces: list[str] = []
    origin = [(0, 0)]
    at = length = 0
    for run in _ESCAPED_RUN.finditer(text):
        plain = _unescaped(run[0])
        pieces += [text[at : run.start()], plain]
        length += run.start() - at
        origin.append((length, run.start()))
        length += len(plain)
        at = run.end()
        origin.append((length, at))
    return ("".join((*pieces, text[at:])), tuple(origin)) if pieces else NOTHING


def _unescaped(run: str) -> str:
    if run[0] == "%":
        return unquote(run, errors="replace")
    if run[0] == "&":
        return html.unescape(run)
    if run[1] in "01234567":
        return bytes([int(digits, 8) for digits in run.split("\\")[1:]]).decode(errors="replace")
    if run[1] == "U" or run[2] == "{":
        return "".join(_character(int(digits, 16)) for digits in re.findall("[0-9a-fA-F]+", run))
    units = [int(digits, 16) for digits in re.split(r"\\[ux]", run)[1:]]
    if run[1] == "x":
        return bytes(units).decode(errors="replace")
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", errors="replace")


def _character(number: int) -> str:
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else "\ufffd"


def undo_quoted(text: str) -> Reading:
    r"""The text with quoted-printable undone, soft line breaks gone.

    >>> undo_quoted("=E7=BB=9D=E5=AF=86 138=\n00138000")[0]
    '绝密 13800138000'
    >>> undo_quoted("a = b")
    ('', ())
    """
    pieces: list[str] = []
    origin = [(0, 0)]
    at = length = 0
    for run in _QUOTED_RUN.finditer(text):
        plain = bytes.fromhex(re.sub(r"=\r?\n|=", "", run[0])).decode(errors="replace")
        pieces += [text[at : run.start()], plain]
        length += run.start() - at
        origin.append((length, run.start()))
        length += len(plain)
        at = run.end()
        origin.append((length, at))
    return ("".join((*pieces, text[at:])), tuple(origin)) if pieces else NOTHING


def undo_base32(text: str) -> Reading:
    r"""What base32 runs of text hold, one per line.

    >>> undo_base32("x GEZTQMBQGEZTQMBQGAQGS4ZANBUXGIDOOVWWEZLS")
    ('13800138000 is his number\n', ((0, 2), (25, 42), (26, 42)))
    """
    pieces: list[str] = []
    origin: list[tuple[int, int]] = []
    length = 0
    for run in _BASE32_RUN.finditer(text):
        compact = re.sub(r"[\r\n]", "", run[0])
        compact = compact[: len(compact) - (len(compact) % 8 in {1, 3, 6})]
        data = base64.b32decode(compact + "=" * (-len(compact) % 8))
        plain = next(
            (found for encoding in ("utf-8", "utf-16-le", "gb18030") if (found := _decoded(data, encoding))), ""
        )
        if plain:
            origin += [(length, run.start()), (length + len(plain), run.end()), (length + len(plain) + 1, run.end())]
            pieces.append(plain + "\n")
            length += len(plain) + 1
    return "".join(pieces), tuple(origin)


def undo_base64(text: str, ends: Sequence[int]) -> Reading:
    r"""What base64 runs of text hold, one per line; `ends` are the places of `BASE64`.

    >>> undo_base64("x MTM4MDAxMzgwMDAgaXMgaGlzIG51bWJlcg==", [26])
    ('13800138000 is his number\n', ((0, 2), (25, 36), (26, 36)))
    """
    pieces: list[str] = []
    origin: list[tuple[int, int]] = []
    length = done = 0
    for end in ends:
        start = max(0, end - 24)
        if start < done:
            continue
        run = _BASE64_RUN.match(text, start)
        assert run is not None, "the trigger ends behind 24 characters of the run"
        done = run.end()
        plain = "" if _HEX.fullmatch(run[0]) else _text_of(run[0])
        if plain:
            origin += [(length, start), (length + len(plain), done), (length + len(plain) + 1, done)]
            pieces.append(plain + "\n")
            length += len(plain) + 1
    return "".join(pieces), tuple(origin)


def _text_of(run: str) -> str:
    """The text that a base64 run encodes; empty when it encodes none."""
    compact = re.sub(r"[\\\r\n]", "", run).replace("-", "+").replace("_", "/")
    compact = compact[:-1] if len(compact) % 4 == 1 else compact
    data = base64.b64decode(compact + "=" * (-len(compact) % 4))
    for encoding in ("utf-8", "utf-16-le", "gb18030"):
        if _decoded(data[:_HEAD_BYTES], encoding):
            return _decoded(data, encoding)
    return ""


def _decoded(data: bytes, encoding: str) -> str:
    """The text in `data`; empty when it is not text in that encoding."""
    plain = data.decode(encoding, errors="ignore")
    # What was ignored may be a character cut by the end, not more.
    return plain if len(plain.encode(encoding)) >= len(data) - 3 and _is_prose(plain) else ""


def _is_prose(text: str) -> bool:
    """Whether the text has no control characters and is, in its greater part, ASCII or common Han characters."""
    head = text[:400]
    return not _CONTROL.search(text) and len(_RARE.findall(head)) * 10 <= len(head)


def join_digits(text: str, *, spaced: bool, numerals: bool) -> Reading:
    r"""Runs of digits written one by one, joined, each on its line with a little of what stands around it.

    >>> join_digits("电话 1 3 8 0 0 1 3 8 0 0 0。", spaced=True, numerals=False)[0]
    '电话 13800138000。\n'
    """
    pieces: list[str] = []
    origin: list[tuple[int, int]] = []
    length = 0
    runs = [*(_SPACED_RUN.finditer(text) if spaced else ()), *(_NUMERAL_RUN.finditer(text) if numerals else ())]
    for run in runs:
        joined = re.sub(r"[ \-._]", "", run[0]).translate(_DIGITS)
        if len(joined) > _MAX_JOINED:
            continue
        ahead = text[max(0, run.start() - _BEFORE) : run.start()]
        behind = text[run.end() : run.end() + _AFTER]
        origin += [(length, run.start() - len(ahead)), (length + len(ahead), run.start())]
        length += len(ahead) + len(joined)
        origin += [(length, run.end()), (length + len(behind), run.end() + len(behind))]
        length += len(behind) + 1
        pieces.append(f"{ahead}{joined}{behind}\n")
    return "".join(pieces), tuple(origin)
