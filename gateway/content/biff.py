"""Cells of a legacy Excel workbook as rows: numbers and strings in their places, which runs of characters cannot show.

Source: MS-XLS (BIFF8), and the older form of strings in BIFF5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from gateway.content.sheets import MAX_GAP_CELLS
from gateway.errors import LimitError
from gateway.limits import Limits

BOF, CONTINUE, SHARED = 0x0809, 0x003C, 0x00FC
LABEL_SHARED, LABEL, NUMBER, RK, MULTIPLE_RK, FORMULA = 0x00FD, 0x0204, 0x0203, 0x027E, 0x00BD, 0x0006
_WIDE, _EXTENDED, _RICH = 1, 4, 8
"""Flags of a string: two bytes a character, phonetic data behind it, formatting runs behind it."""
_OLD = 0x0500
"""Version in the BOF of BIFF5, whose strings have no flags."""
type Cell = tuple[int, int, str]
"""Row, column, content."""


def workbook_rows(stream: bytes, limits: Limits) -> str:
    """All cells of a Workbook stream, rows as lines and cells apart by tabs; empty for a stream that is none.

    Ends where the records do not make sense any more. Raises LimitError.
    """
    lines: list[str] = []
    row, column = -1, 0
    chars = 0
    for at_row, at_column, words in _cells(stream):
        if at_row != row:
            lines.append("\n")
            row, column = at_row, 0
        gap = "\t" * min(max(at_column - column, 0), MAX_GAP_CELLS)
        column = at_column
        chars += len(gap) + len(words) + 1
        if chars > limits.max_text_chars:
            raise LimitError("max_text_chars", allowed=limits.max_text_chars, actual=chars)
        lines.append(gap + words.replace("\n", " "))
    return "".join(lines).strip("\n")


def _cells(stream: bytes) -> Iterator[Cell]:
    shared: list[str] = []
    is_old = False
    records = _records(stream)
    for kind, pieces in records:
        body = pieces[0]
        if kind == BOF and len(body) >= 2:
            is_old = int.from_bytes(body[:2], "little") <= _OLD
        elif kind == SHARED:
            shared = list(_Strings(pieces).all())
        elif kind == LABEL_SHARED and len(body) >= 10:
            row, column, _, index = struct.unpack_from("<3HL", body)
            if index < len(shared):
                yield row, column, shared[index]
        elif len(body) >= 6:
            yield from _own_cells(kind, body, is_old=is_old)


def _own_cells(kind: int, body: bytes, *, is_old: bool) -> Iterator[Cell]:
    """Cells of a record that holds its contents itself."""
    row, column = struct.unpack_from("<2H", body)
    if kind == LABEL and len(body) >= 9:
        yield row, column, _label(body, is_old=is_old)
    elif kind in {NUMBER, FORMULA} and len(body) >= 14 and body[12:14] != b"\xff\xff":
        yield row, column, _shown(struct.unpack_from("<d", body, 6)[0])
    elif kind == RK and len(body) >= 10:
        yield row, column, _shown(_rk(body[6:10]))
    elif kind == MULTIPLE_RK:
        for number in range((len(body) - 6) // 6):
            yield row, column + number, _shown(_rk(body[6 + 6 * number : 10 + 6 * number]))


def _records(stream: bytes) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Kind of each record, its content, and the contents that continue it."""
    position = 0
    kind, pieces = 0, [b""]
    while position + 4 <= len(stream):
        following, length = struct.unpack_from("<2H", stream, position)
        body = stream[position + 4 : position + 4 + length]
        position += 4 + length
        if following == CONTINUE:
            pieces.append(body)
            continue
        yield kind, pieces
        kind, pieces = following, [body]
    yield kind, pieces


def _label(body: bytes, *, is_old: bool) -> str:
    count = int.from_bytes(body[6:8], "little")
    if is_old:
        return body[8 : 8 + count].decode("gb18030", "replace")
    if body[8] & _WIDE:
        return body[9 : 9 + 2 * count].decode("utf-16-le", "replace")
    return body[9 : 9 + count].decode("latin-1")


def _rk(packed: bytes) -> float:
    """A number in four bytes: integer or the upper half of a double, perhaps times a hundred."""
    value = int.from_bytes(packed, "little")
    if value & 2:
        number = float(int.from_bytes(packed, "little", signed=True) >> 2)
    else:
        number = struct.unpack("<d", bytes(4) + (value & ~3).to_bytes(4, "little"))[0]
    return number / 100 if value & 1 else number


def _shown(number: float) -> str:
    """As a spreadsheet shows it in a wide cell.

    >>> _shown(13800138000.0), _shown(2.5)
    ('13800138000', '2.5')
    """
    return str(int(number)) if number.is_integer() and abs(number) < 1e18 else repr(number)


class _Strings:
    """Reads the shared strings, which go on from record to record in the middle of a string."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces, self._piece, self._position = pieces, 0, 8

    def all(self) -> Iterator[str]:
        """The strings in order; ends where the records end."""
        while (head := self._take(3)) is not None:
            count, flags = int.from_bytes(head[:2], "little"), head[2]
            runs = int.from_bytes(self._take(2) or b"", "little") if flags & _RICH else 0
            extended = int.from_bytes(self._take(4) or b"", "little") if flags & _EXTENDED else 0
            yield self._characters(count, flags)
            self._pass(4 * runs + extended)

    def _take(self, count: int) -> bytes | None:
        """Bytes that never go over a border of records; None at the end."""
        if not self._left() and not self._next():
            return None
        piece = self._pieces[self._piece][self._position : self._position + count]
        self._position += len(piece)
        return piece if len(piece) == count else None

    def _left(self) -> int:
        return len(self._pieces[self._piece]) - self._position

    def _next(self) -> bool:
        self._piece += 1
        self._position = 0
        if self._piece < len(self._pieces):
            return True
        self._piece -= 1
        self._position = len(self._pieces[self._piece])
        return False

    def _characters(self, count: int, flags: int) -> str:
        words: list[str] = []
        while count > 0:
            width = 2 if flags & _WIDE else 1
            here = min(count, self._left() // width)
            piece = self._take(here * width) if here else b""
            words.append((piece or b"").decode("utf-16-le" if width == 2 else "latin-1", "replace"))
            count -= here
            if count > 0:
                if not self._next():
                    break
                flags = (self._take(1) or b"\x00")[0]  # a continued string says its width again
        return "".join(words)

    def _pass(self, count: int) -> None:
        while count > 0:
            step = min(count, self._left())
            self._position += step
            count -= step
            if count > 0 and not self._next():
                return
