"""RAR archives as far as their headers go: files are stored, or what is packed is none of RAR's."""

from __future__ import annotations

import struct
import zlib


def rar5_bytes(
    names: dict[str, bool],
    *,
    closed_headers: bool = False,
    directories: tuple[str, ...] = (),
    method: int = 3,
    content: bytes = b"data",
    volume: bool = False,
    comment: bytes = b"",
) -> bytes:
    """A RAR 5 archive; name → whether it is encrypted. Method 0 stores."""
    out = b"Rar!\x1a\x07\x01\x00"
    if closed_headers:
        return out + _block5(bytes([4, 0, 0, 0, 15]) + bytes(16)) + bytes(64)
    out += _block5(bytes([1, 0, volume]))
    if comment:
        out += _file5("CMT", 0, b"", comment, 0, kind=3) + comment
    for name, closed in names.items():
        extra = _number(35) + bytes([1, 0, 0, 15]) + bytes(31) if closed else b""
        extra = _number(2) + bytes([3, 0]) + extra
        out += _file5(name, 0, extra, content, method) + content
    for name in directories:
        out += _file5(name, 1, b"", b"", 0)
    return out + _block5(bytes([5, 0, 0]))


def _file5(name: str, flags: int, extra: bytes, content: bytes, method: int, *, kind: int = 2) -> bytes:
    size = _number(len(content))
    body = _number(flags | 2 | 4) + size + _number(0) + bytes(4) + struct.pack("<L", zlib.crc32(content))
    body += _number(method << 7) + _number(1)
    body += _number(len(name.encode())) + name.encode()
    head = bytes([kind]) + _number(3 if extra else 2) + (_number(len(extra)) if extra else b"") + size
    return _block5(head + body + extra)


def _block5(content: bytes) -> bytes:
    sized = _number(len(content)) + content
    return struct.pack("<L", zlib.crc32(sized)) + sized


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def rar4_bytes(
    names: dict[str, bool],
    *,
    closed_headers: bool = False,
    version: int = 29,
    directories: tuple[str, ...] = (),
    method: int = 0x33,
    content: bytes = b"data",
    volume: bool = False,
) -> bytes:
    """A RAR 4 archive; name → whether it is encrypted. Method 0x30 stores."""
    out = b"Rar!\x1a\x07\x00" + _block4(0x73, 0x80 * closed_headers | volume, bytes(6))
    if closed_headers:
        return out + bytes(range(64))
    for name, closed in names.items():
        out += _file4(name, 0x04 if closed else 0, version, content, method) + content
    for name in directories:
        out += _file4(name, 0xE0, version, b"", 0x30)
    return out + _block4(0x7B, 0, b"")


def _file4(name: str | bytes, flags: int, version: int, content: bytes, method: int) -> bytes:
    raw = name.encode("gb18030") if isinstance(name, str) else name
    size, crc = len(content), zlib.crc32(content)
    body = struct.pack("<2LB2LBBHL", size, size, 0, crc, 0, version, method, len(raw), 0) + raw
    return _block4(0x74, flags | 0x8000, body)


def _block4(kind: int, flags: int, body: bytes) -> bytes:
    content = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(content) & 0xFFFF) + content
