"""Worksheets of SpreadsheetML as rows of tab-separated cells, shared strings put in their places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.content.xml_parser import XmlParser
from gateway.content.xml_roles import LONG_ATTRIBUTE, is_boilerplate, is_telling, is_wordy
from gateway.errors import LimitError
from gateway.limits import Limits

MAX_GAP_CELLS = 64
"""Most empty cells in a row that become tabs; beyond it columns say nothing and would only cost memory."""
_FORMAT_CODE = re.compile(r'&(?:"[^"]{0,64}"|K[0-9A-Fa-f]{6}|[0-9]{1,3}|[A-JL-Z&+-])')
"""Codes in headers and footers (ISO/IEC 29500-1 §18.3.1.46), which may stand anywhere in a word."""
_CONCATENATION = re.compile(r'"[ ]{0,8}&[ ]{0,8}"')
_MEASURE = re.compile(r"-?[0-9]{1,9}\.[0-9]{1,17}|[$A-Z]{1,4}[$0-9]{1,8}:[$A-Z]{1,4}[$0-9]{1,8}")
"""Heights and references to cells."""
_EXPONENT = re.compile(r"-?[0-9]\.[0-9]{1,17}[eE]\+?[0-9]{1,2}")


class SheetText:
    """Collects one worksheet; feed it chunks, close it, then read `text` and `aside`."""

    def __init__(self, shared: Sequence[str], limits: Limits) -> None:
        self._shared, self._limits = shared, limits
        self._chars = self._depth = self._column = 0
        self._kind = self._row_started = ""
        self._catching: list[str] | None = None
        self._value: list[str] = []
        self._rows: list[str] = []
        self._wordy: dict[str, bool | None] = {}
        self._locals: dict[str, str] = {}
        self._columns: dict[str, int] = {}
        self.used: set[int] = set()
        """Indices of the shared strings that a cell showed."""
        self.aside: dict[str, None] = {}
        """Formulas, header and footer text, attributes with words."""
        self._parser = XmlParser(self._start, self._end, self._characters, self._keep)
        self.feed, self.close = self._parser.feed, self._parser.close

    @property
    def text(self) -> str:
        """Rows, a line each; empty cells between filled ones keep their tabs."""
        return "".join(self._rows)

    def _count(self, words: str) -> None:
        self._chars += len(words)
        if self._chars > self._limits.max_text_chars:
            raise LimitError("max_text_chars", allowed=self._limits.max_text_chars, actual=self._chars)

    def _keep(self, words: str) -> None:
        self._count(words)
        self.aside[words] = None

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > self._limits.max_xml_depth:
            raise LimitError("max_xml_depth", allowed=self._limits.max_xml_depth, actual=self._depth)
        local = self._locals.get(name)
        if local is None:
            local = self._locals[name] = name.rpartition(":")[2]
            if is_telling(name):
                self._keep(local)
        if local == "c":
            self._open_cell(attributes)
        elif local in {"v", "t"}:
            self._catching = self._value
        else:
            if local == "row":
                self._column = 0
            if attributes:
                self._attributes(attributes)

    def _open_cell(self, attributes: list[str]) -> None:
        self._kind, reference = "n", ""
        for index in range(0, len(attributes), 2):
            if attributes[index] == "t":
                self._kind = attributes[index + 1]
            elif attributes[index] == "r":
                reference = attributes[index + 1]
            if len(attributes[index + 1]) >= LONG_ATTRIBUTE:
                self._keep(attributes[index + 1])
        self._value.clear()
        letters = reference.rstrip("0123456789")
        column = self._columns.get(letters)
        if column is None:
            column = self._columns[letters] = column_number(letters)
        column = column or self._column + 1
        # a tab ends each cell before this one; the first cell of a row has none before it in column A
        gap = max(1, column - self._column) if self._column else column - 1
        self._write("\t" * min(gap, MAX_GAP_CELLS))
        self._column = column

    def _end(self, name: str) -> None:
        self._depth -= 1
        local = self._locals[name]
        if local in {"v", "t"}:
            self._catching = None
        elif local == "c":
            self._write(self._cell())
        elif local == "row":
            self._write("\n")

    def _cell(self) -> str:
        value = "".join(self._value)
        self._value.clear()
        if self._kind == "s" and value.isascii() and value.strip().isdigit() and len(value) < 10:
            index = int(value)
            if index < len(self._shared):
                self.used.add(index)
                return self._shared[index].replace("\n", " ")
        if self._kind == "n" and _EXPONENT.fullmatch(value):
            return _whole(value)
        return value.replace("\n", " ")

    def _write(self, words: str) -> None:
        if words:
            self._count(words)
            self._rows.append(words)

    def _characters(self, words: str) -> None:
        if self._catching is not None:
            self._count(words)
            self._catching.append(words)
        elif not words.isspace():
            self._keep(words.strip())
            if "&" in words:
                joined = _CONCATENATION.sub("", words)
                self._keep(joined if joined != words else _FORMAT_CODE.sub("", words))

    def _attributes(self, pairs: list[str]) -> None:
        for index in range(0, len(pairs), 2):
            name, value = pairs[index], pairs[index + 1]
            if name not in self._wordy:
                self._wordy[name] = is_wordy(name)
                if is_telling(name):
                    self._keep(name)
            if self._wordy[name] or not value.isascii() or (len(value) >= LONG_ATTRIBUTE and _tells(value)):
                self._keep(value)


def _tells(value: str) -> bool:
    """Whether a long value is neither a measure nor one that programs write."""
    return _MEASURE.fullmatch(value) is None and not is_boilerplate(value)


def column_number(letters: str) -> int:
    """Number of a column from its letters, 0 for what is not one.

    >>> column_number("AA"), column_number("")
    (27, 0)
    """
    if not 0 < len(letters) <= 3 or not (letters.isascii() and letters.isalpha() and letters.isupper()):
        return 0
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _whole(value: str) -> str:
    """A number that a spreadsheet writes with an exponent, as it shows it: a phone number is `1.3800138E10` in the file.

    >>> _whole("1.3800138000000001E10"), _whole("1.5E2")
    ('13800138000', '150')
    """
    number = float(value)
    return str(round(number)) if abs(number) < 1e18 and abs(number - round(number)) < 1e-4 else value
