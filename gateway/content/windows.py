"""Long plain text, decoded a window at a time, so that a text of any length takes the room of one window."""

from __future__ import annotations

import hashlib
import mmap
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from gateway.limits import KIB, MIB
from gateway.parts import Text
from gateway.transfer import Buffer

WINDOW_BYTES = 2 * MIB
"""Bytes decoded together; a document of a thousand pages of plain text has as many."""
REACH_BYTES = 64 * KIB
"""How far before the end of a window a line's end is looked for."""
OVERLAP_BYTES = 4 * KIB
"""What two windows share, about: what spans a window's end is seen whole in the next."""


def forget(data: Buffer) -> None:
    """Let the kernel take back the pages of a mapped file that were read; they come again from its cache when needed."""
    if isinstance(data, memoryview) and isinstance(data.obj, mmap.mmap) and not data.obj.closed:
        data.obj.madvise(mmap.MADV_DONTNEED)


def spans(data: Buffer) -> list[tuple[int, int]] | None:
    """Where the windows of a text start and end, cut at line ends; None when it is short, or cannot be cut safely.

    A line feed is never inside a character of UTF-8, GB18030, Big5, Shift-JIS or EUC, but it may be in UTF-16 and
    UTF-32, so a text with a NUL near its start, or with a byte order mark of those, is not cut.
    """
    if len(data) <= WINDOW_BYTES or b"\x00" in bytes(data[:4096]) or bytes(data[:2]) in {b"\xff\xfe", b"\xfe\xff"}:
        return None
    found, start = [], 0
    while len(data) - start > WINDOW_BYTES:
        end = _line_end(data, start + WINDOW_BYTES)
        if end is None:
            return None
        found.append((start, end))
        start = _line_end(data, end - OVERLAP_BYTES) or end
    return [*found, (start, len(data))]


def _line_end(data: Buffer, before: int) -> int | None:
    low = max(0, before - REACH_BYTES)
    at = bytes(data[low:before]).rfind(b"\n")
    return low + at + 1 if at >= 0 else None


def led(lead: tuple[Text, ...], texts: Sequence[Text]) -> Sequence[Text]:
    """The texts with others before them, without going through windows."""
    return texts.led_by(lead) if isinstance(texts, Windows) else (*lead, *texts)


def digest(data: Buffer) -> str:
    """SHA-256 in hex, forgetting what was read of a mapped file on the way.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    whole = hashlib.sha256()
    for start in range(0, len(data), WINDOW_BYTES):
        whole.update(data[start : start + WINDOW_BYTES])
        forget(data)
    return whole.hexdigest()


def old_digests(data: Buffer) -> tuple[str, str]:
    """MD5 and SHA-1 in hex, which services ask for in place of a file they may know; forgets as `digest` does.

    >>> old_digests(b"")[0][:8], old_digests(b"")[1][:8]
    ('d41d8cd9', 'da39a3ee')
    """
    wholes = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    for start in range(0, len(data), WINDOW_BYTES):
        for whole in wholes:
            whole.update(data[start : start + WINDOW_BYTES])
        forget(data)
    return wholes[0].hexdigest(), wholes[1].hexdigest()


def checksum(data: Buffer) -> int:
    """CRC-32, forgetting what was read of a mapped file on the way.

    >>> checksum(b"123456789") == 0xCBF43926
    True
    """
    crc = 0
    for start in range(0, len(data), WINDOW_BYTES):
        crc = zlib.crc32(data[start : start + WINDOW_BYTES], crc)
        forget(data)
    return crc


class Windows(Sequence[Text]):
    """The texts of a long text; each pass decodes it anew and keeps nothing."""

    def __init__(
        self,
        data: Buffer,
        where: list[tuple[int, int]],
        read: Callable[[Buffer], tuple[Text, ...]],
        lead: tuple[Text, ...] = (),
    ) -> None:
        self._data, self._where, self._read, self._lead = data, where, read, lead

    def led_by(self, lead: tuple[Text, ...]) -> Windows:
        """The same with other texts before it."""
        return Windows(self._data, self._where, self._read, (*lead, *self._lead))

    def __len__(self) -> int:
        """How many windows, and the texts before them; each window may give several readings."""
        return len(self._lead) + len(self._where)

    @overload
    def __getitem__(self, index: int) -> Text: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Text]: ...
    def __getitem__(self, index: int | slice) -> Text | Sequence[Text]:
        """The first reading of a window."""
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        index = range(len(self))[index]
        if index < len(self._lead):
            return self._lead[index]
        start, end = self._where[index - len(self._lead)]
        return self._read(self._data[start:end])[0]

    def __iter__(self) -> Iterator[Text]:
        """Every reading of every window, in order."""
        yield from self._lead
        for start, end in self._where:
            yield from self._read(self._data[start:end])
            forget(self._data)
