"""Lines of a text as rows of a table, however its cells are separated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.detect.documents.terms import fold

MAX_LINE_CHARS = 20_000
"""Longest line read as a row; a spreadsheet cell ends at 32,767 characters, a row of contact data stays far below."""
SEPARATORS = "\t|,;，；、"
"""What separates cells, tried in this order; where none occurs, blanks do."""
BLANKS = " "
"""Separator of a table whose cells lost theirs, as text taken from a page has."""
_RULE = re.compile(r"[\s|:+=\-—_]*")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Row:
    """One line and its cells."""

    start: int
    """Character offset of the line."""
    end: int
    """Excluded; without the line break."""
    cells: tuple[str, ...]
    """Folded and stripped; empty where the line is blank."""


def line_at(text: str, offset: int) -> tuple[int, int]:
    r"""Start and end of the line that holds `offset`.

    >>> line_at("ab\ncd\nef", 4)
    (3, 5)
    """
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return start, len(text) if end < 0 else end


def separator_of(line: str) -> str:
    """The separator of a header's cells: the first of `SEPARATORS` in it, else blanks.

    >>> separator_of("客户,电话"), separator_of("客户 电话")
    (',', ' ')
    """
    return next((mark for mark in SEPARATORS if mark in line), BLANKS)


def cells_of(line: str, separator: str) -> tuple[str, ...]:
    r"""The line's cells, folded and stripped; quotes of CSV hold a separator back.

    >>> cells_of('| "a,b" | c |', "|"), cells_of('"a,b",c', ",")
    (('a,b', 'c'), ('a,b', 'c'))
    """
    line = fold(line).strip(_BOM + " \r") if separator != BLANKS else fold(line)
    separator = fold(separator)
    if separator == BLANKS:
        return tuple(line.split())
    if separator == "|":
        line = line.strip("|")
    cells = _quoted(line, separator) if '"' in line else line.split(separator)
    return tuple(cell.strip().strip("\"'`*").strip() for cell in cells)


def rows_below(text: str, offset: int, separator: str) -> Iterator[Row]:
    """Rows from the line that starts at `offset` on; rules of markdown and blank lines have no cells."""
    length = len(text)
    while offset < length:
        end = text.find("\n", offset)
        end = length if end < 0 else end
        line = text[offset : min(end, offset + MAX_LINE_CHARS)]
        yield Row(offset, end, () if _RULE.fullmatch(line) else cells_of(line, separator))
        offset = end + 1


def _quoted(line: str, separator: str) -> list[str]:
    """Pieces of a line of CSV; a quote that is not closed ends with the line."""
    cells, quoted = [""], False
    for piece in re.split(rf'("|{re.escape(separator)})', line):
        if piece == '"':
            quoted = not quoted
            cells[-1] += piece
        elif piece == separator and not quoted:
            cells.append("")
        else:
            cells[-1] += piece
    return cells
