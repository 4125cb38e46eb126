"""Runs of readable characters in binary data: what `strings` finds, in ASCII, GB 2312 and UTF-16 at both alignments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.limits import MIB
from gateway.transfer import Buffer

WINDOW_BYTES = 4 * MIB
"""Bytes looked at once; even, so that alignment stays."""
OVERLAP_BYTES = 1024
"""What the next window sees again, so that a run over the edge is whole in one of them."""
_NARROW = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]|\xa1[\xa2-\xfe]|\xa3[\xa1-\xfe]|[\t\x07\r\n\x20-\x7e]){4,}")
"""Hanzi, punctuation and full-width forms of GB 2312, and ASCII: alternatives that differ in their first byte."""
_WIDE = re.compile("[\t\x07\r\n\x20-\x7e\u00a0-\u00ff\u2010-\u2026\u3000-\u30ff\u4e00-\u9fa5\uff01-\uff5e]{4,}")
_CONTROLS = str.maketrans({"\r": "\n", "\x07": "\t"})
"""Word ends paragraphs with CR and table cells with BEL."""
_PRINTABLE = bytes([7, 9, 10, 13, *range(32, 127)])


def text_runs(data: Buffer) -> str:
    r"""All runs of four characters or more, a line each; per window first the 8-bit ones, then UTF-16-LE.

    >>> text_runs(b"\x00\x01" + "合同编号".encode("utf-16-le") + b"\x00\x02abc")
    '合同编号'
    >>> text_runs(b"\x00abc")
    ''
    """
    return "\n".join(run.translate(_CONTROLS) for run in _runs(data))


def _runs(data: Buffer) -> Iterator[str]:
    for start in range(0, len(data), WINDOW_BYTES):
        window = bytes(data[start : start + WINDOW_BYTES + OVERLAP_BYTES])
        for match in _NARROW.finditer(window):
            yield match.group().decode("gb18030", "replace")
        for shift in (0, 1):
            for wide in _WIDE.finditer(window[shift:].decode("utf-16-le", "replace")):
                # 8-bit text read two bytes at a time gives hanzi too; it has come out above
                if wide.group().encode("utf-16-le").translate(None, _PRINTABLE):
                    yield wide.group()
