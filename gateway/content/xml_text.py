"""Text of the XML inside documents, by one pass of expat: no tree, no entities, bounded depth and length.

Three streams come out of one part: the text as it reads, the text before tracked changes where there are any, and what
stands aside (attributes, comments, values outside the text).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import ClassVar

from gateway.content.xml_parser import XmlParser
from gateway.content.xml_roles import LONG_ATTRIBUTE, Role, is_boilerplate, is_telling, is_wordy
from gateway.errors import LimitError
from gateway.limits import Limits

PIECE_CHARS = 1024 * 1024
"""Characters of a part's text handed out together; joined as one, a long text would stand in memory twice."""


class XmlText:
    """Collects the text of one XML part; feed it chunks, close it, then read `text`, `before` and `aside`."""

    def __init__(self, roles: dict[str, Role], limits: Limits, *, on_root: Callable[[str], None] | None = None) -> None:
        self._local_roles = roles
        self._roles: dict[str, Role] = {}
        """Qualified name → role; filled as names are met."""
        self._wordy: dict[str, bool | None] = {}
        self._silent: set[str] = set()
        """References that have been looked at."""
        self._limits, self._on_root, self._max_depth = limits, on_root, limits.max_xml_depth
        self._chars = 0
        self._reads = Role.OTHER
        """What characters are at this place."""
        self._stack: list[tuple[Role, Role]] = []
        self._text: list[str] = []
        self._before: list[str] | None = None
        self._items = [0]
        self._inserted = 0
        self._cells = 0
        self._pending = ""
        """Separator that is due if more text follows in the same cell."""
        self.root = ""
        """Local name of the root element."""
        self.aside: dict[str, None] = {}
        """Attributes, comments and loose values, each once, in order."""
        self._parser = XmlParser(self._start, self._end, self._characters, self._keep)
        self.feed, self.close = self._parser.feed, self._parser.close

    @property
    def text(self) -> str:
        """The text as it reads."""
        return "".join(self._text)

    def pieces(self) -> Iterator[str]:
        """The text as it reads, in pieces of PIECE_CHARS or more that end with a line; given up as it is handed out."""
        done, chars = 0, 0
        for index, words in enumerate(self._text):
            chars += len(words)
            if chars >= PIECE_CHARS and words.endswith("\n"):  # a number may be written in several runs
                yield "".join(self._text[done : index + 1])
                self._text[done : index + 1] = [""] * (index + 1 - done)
                done, chars = index + 1, 0
        yield "".join(self._text[done:])
        self._text.clear()

    @property
    def before(self) -> str:
        """The text before tracked changes, empty when there are none."""
        return "".join(self._before or ())

    def items(self) -> list[str]:
        """The shared strings in order, when the part holds them."""
        return ["".join(self._text[start:end]) for start, end in pairwise(self._items)]

    def _item_end(self) -> None:
        self._items.append(len(self._text))

    def _count(self, words: str) -> None:
        self._chars += len(words)
        if self._chars > self._limits.max_text_chars:
            raise LimitError("max_text_chars", allowed=self._limits.max_text_chars, actual=self._chars)

    def _emit(self, words: str) -> None:
        self._count(words)
        self._text.append(words)
        if self._before is not None and not self._inserted:
            self._before.append(words)

    def _keep(self, words: str) -> None:
        self._count(words)
        self.aside[words] = None

    def _start(self, name: str, attributes: list[str]) -> None:
        role = self._roles.get(name)
        if role is None:
            role = self._named(name)
        stack = self._stack
        if len(stack) >= self._max_depth:
            raise LimitError("max_xml_depth", allowed=self._max_depth, actual=len(stack) + 1)
        stack.append((role, self._reads))
        if role is not Role.OTHER:
            self._reads = role
            opened = self._at_start.get(role)
            if opened:
                opened(self)
            elif role is Role.SYMBOL:
                self._symbol(attributes)
        elif self._reads is not Role.LINE:
            self._reads = role
        if attributes:
            self._attributes(attributes)

    def _named(self, name: str) -> Role:
        """Role of an element met for the first time."""
        local = name.rpartition(":")[2]
        if not self.root:
            self.root = local
            if self._on_root:
                self._on_root(local)
        if is_telling(name):
            self._keep(local)
        role = self._roles[name] = self._local_roles.get(local, Role.OTHER)
        return role

    def _end(self, _: str) -> None:
        role, self._reads = self._stack.pop()
        closed = self._at_end.get(role)
        if closed:
            closed(self)

    def _characters(self, words: str) -> None:
        role = self._reads
        if role is Role.TEXT or role is Role.LINE:
            if self._pending:
                self._emit(self._pending)
                self._pending = ""
            self._emit(words)
        elif role is Role.DELETED:
            self._count(words)
            self._track().append(words)
        elif (role is not Role.NOISE or len(words) >= LONG_ATTRIBUTE) and not words.isspace():
            self._keep(words.strip())

    def _attributes(self, pairs: list[str]) -> None:
        wordy = self._wordy
        for index in range(0, len(pairs), 2):
            name, value = pairs[index], pairs[index + 1]
            if name not in wordy:
                wordy[name] = is_wordy(name)
                if is_telling(name):
                    self._keep(name)
            keep = wordy[name]
            if keep or ((len(value) >= LONG_ATTRIBUTE or not value.isascii()) and (keep is None or self._tells(value))):
                self._keep(value)

    def _tells(self, reference: str) -> bool:
        """Whether a reference is met for the first time and is none that programs write."""
        if reference in self._silent:
            return False
        self._silent.add(reference)
        return not is_boilerplate(reference)

    def _symbol(self, pairs: list[str]) -> None:
        """A character by its code, which symbol fonts shift to the private area (ISO/IEC 29500-1 §17.3.3.30)."""
        for index in range(0, len(pairs), 2):
            code = pairs[index + 1]
            if pairs[index].endswith("char") and len(code) == 4 and code.isalnum():
                try:
                    number = int(code, 16)
                except ValueError:
                    continue
                self._emit(chr(number - 0xF000 if 0xF000 <= number < 0xF100 else number))

    def _track(self) -> list[str]:
        """The text before changes; from the first tracked change on, two texts are written."""
        if self._before is None:
            self._before = list(self._text)
        return self._before

    def _insertion(self) -> None:
        self._track()
        self._inserted += 1

    def _insertion_end(self) -> None:
        self._inserted -= 1

    def _cell(self) -> None:
        self._cells += 1
        self._pending = ""

    def _cell_end(self) -> None:
        self._cells -= 1
        self._pending = ""
        self._emit("\t")

    def _line_end(self) -> None:
        if self._cells:
            self._pending = " "
        else:
            self._emit("\n")

    def _row_end(self) -> None:
        self._emit("\n")

    def _tab(self) -> None:
        self._emit("\t")

    def _space(self) -> None:
        self._emit(" ")

    def _hyphen(self) -> None:
        self._emit("-")

    _at_start: ClassVar[dict[Role, Callable[[XmlText], None]]] = {
        Role.CELL: _cell,
        Role.INSERTED: _insertion,
        Role.BREAK: _row_end,
        Role.TAB: _tab,
        Role.SPACE: _space,
        Role.HYPHEN: _hyphen,
    }
    _at_end: ClassVar[dict[Role, Callable[[XmlText], None]]] = {
        Role.CELL: _cell_end,
        Role.ROW: _row_end,
        Role.PARAGRAPH: _line_end,
        Role.LINE: _line_end,
        Role.ITEM: _item_end,
        Role.INSERTED: _insertion_end,
    }
