"""How commands show things in a terminal: times, languages, and nothing that a terminal would obey."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

LOCAL = ZoneInfo("Asia/Shanghai")
"""Clocks that people read are in this zone; records are in UTC."""
_STYLES = {"block": "bold red", "hold": "bold yellow", "coach": "cyan", "log": "blue", "allow": "green"}
_OBEYED = re.compile(
    # C0 and C1 controls but line feed and tab; marks and overrides of writing direction; line separators; surrogates
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_WIDE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6"
_NO_START = r"，。、；：！？）》」』】…,.;:!?)\]}"
_WORD = re.compile(rf"(?:[{_WIDE}]|[^\s{_WIDE}]+|(?<!.)\s)[{_NO_START}]*\s*")
"""One Chinese character, or a word of others, with the marks and spaces behind it."""
MIN_COLUMNS = 20
"""Narrower is not folded: nobody reads it."""
_LINES = re.compile(r"[\t\n]")


def action_style(action: str) -> str:
    """Style of an action in rich's markup."""
    return _STYLES.get(action, "default")


def terminal() -> Console:
    """The console on stdout; it takes text as it is, so that no file name can pass for markup."""
    return Console(highlight=False, markup=False, emoji=False)


def say(console: Console, *pieces: str | tuple[str, str], indent: int = 0, width: int = 0, label: str = "") -> None:
    """Print one paragraph of texts and (text, style) pairs, folded at the terminal's width, every line indented.

    Into a file or pipe nothing is folded, so that it can be searched, unless a `width` is given. A `label` stands in
    front of the first line, in the room of the indent.
    """
    text = Text.assemble(
        *(visible(piece) if isinstance(piece, str) else (visible(piece[0]), piece[1]) for piece in pieces)
    )
    width = width or (console.width if console.is_terminal else 0)
    lines = text.divide(folds(text.plain, max(width - indent, MIN_COLUMNS))) if width else [text]
    for line in lines:
        line.rstrip()
        console.print(Text(label.ljust(indent)).append_text(line), soft_wrap=True)
        label = ""


def folds(text: str, columns: int) -> list[int]:
    """Where to break the text so that no line takes more columns; a Chinese character takes two.

    Lines break after a space or beside a Chinese character, not in front of a mark that ends a sentence or a bracket; a
    word longer than a line breaks anywhere.

    >>> folds("upload 包含身份证号。", 12)
    [9]
    """
    breaks, start, at, used = [], 0, 0, 0
    for word in _WORD.findall(text):
        size = cell_len(word.rstrip())
        if used + size > columns and at > start:
            breaks.append(at)
            start, used = at, 0
        for char in word if size > columns else ():
            used += cell_len(char)
            at += 1
            if used > columns:
                breaks.append(at - 1)
                start, used = at - 1, cell_len(char)
        if size <= columns:
            used += cell_len(word)
            at += len(word)
    return breaks


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with what a terminal would obey written out; names come from hostile uploads.

    Tabs and line feeds stay only where the text may have `lines`.

    >>> visible("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\x0a'
    """
    text = _OBEYED.sub(_written_out, text)
    return text if lines else _LINES.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def json_line(value: object) -> str:
    r"""One line of JSON in which Chinese stays readable and no character is left that a terminal would obey.

    >>> json_line({"名": "\x9b2J"})
    '{"名": "\\u009b2J"}'
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def language(environ: Mapping[str, str]) -> str:
    """`zh` or `en`, as the locale says, of which the first variable that is set counts (POSIX).

    >>> language({"LC_ALL": "zh_CN.UTF-8", "LANG": "C"}), language({})
    ('zh', 'en')
    """
    chosen = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "zh" if chosen.startswith("zh") else "en"


def in_language(texts: Mapping[str, str], wanted: str) -> str:
    """The sentence in that language, in the other where there is none, else empty."""
    return texts.get(wanted) or texts.get("en" if wanted == "zh" else "zh", "")


def local_time(at: str) -> str:
    """`2026-11-21 14:03:09` for an RFC 3339 time; the text itself when it is none.

    >>> local_time("2026-11-21T06:03:09.120Z")
    '2026-11-21 14:03:09'
    """
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    return moment.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S")
