"""Streams of an OLE file, with the check that the library leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from io import SEEK_END

import olefile

from gateway.errors import MalformedError


def stream_bytes(ole: olefile.OleFileIO, path: str | Sequence[str], count: int = -1) -> bytes:
    """The content of a stream, or its first `count` bytes.

    Raises MalformedError for one that says it is longer than the file, whose sectors olefile would repeat until the
    length is reached, or that is cut off; and, on damage, what olefile raises.
    """
    size = ole.get_size(path)
    if size > ole.fp.seek(0, SEEK_END):
        raise MalformedError("ole", "a stream is longer than the file")
    with ole.openstream(path) as stream:
        content = bytes(stream.read(count))
    if len(content) < (size if count < 0 else min(size, count)):
        raise MalformedError("ole", "a stream is cut off")
    return content
