"""Git packs built by hand, so that they may be wrong."""

from __future__ import annotations

import hashlib
import zlib


def head(kind: int, size: int) -> bytes:
    """Type and size of an object."""
    first, size = size & 15, size >> 4
    out = [kind << 4 | first | (0x80 if size else 0)]
    while size:
        first, size = size & 127, size >> 7
        out.append(first | (0x80 if size else 0))
    return bytes(out)


def packed(kind: int, data: bytes, *, size: int | None = None, base: bytes = b"") -> bytes:
    """One object; `base` is what a delta has before its content."""
    return head(kind, len(data) if size is None else size) + base + zlib.compress(data)


def pack(*objects: bytes, count: int | None = None, version: int = 2) -> bytes:
    """The objects with head and check sum."""
    number = len(objects) if count is None else count
    body = b"PACK" + version.to_bytes(4, "big") + number.to_bytes(4, "big") + b"".join(objects)
    return body + hashlib.sha1(body).digest()
