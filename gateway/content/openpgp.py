"""What protects an OpenPGP message: a walk over its packets, binary or armored (RFC 9580)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from gateway.content.randomness import looks_random
from gateway.errors import MalformedError, UnsupportedError
from gateway.parts import Encryption, Grade
from gateway.transfer import Buffer

ARMOR_MARK = b"-----BEGIN PGP MESSAGE-----"
MAX_PACKETS = 64
"""Packets looked at before the encrypted one: one per recipient."""
_WHAT = "openpgp"
_BLANK_LINE = re.compile(rb"\r?\n[ \t]{0,8}\r?\n")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_WEAK_CIPHERS = {1, 2, 3, 4}
"""IDEA, 3DES, CAST5, Blowfish: blocks of 64 bits, deprecated by RFC 9580 §9.3."""
PUBLIC_KEY_TAG, PASSWORD_TAG, OLD_DATA_TAG, DATA_TAG, OCB_TAG = 1, 3, 9, 18, 20


def openpgp_encryption(data: Buffer) -> Encryption:
    """Scheme and grade of an encrypted message.

    Raises UnsupportedError for a message that is not encrypted (signed or only packed), MalformedError for none at all.
    """
    raw = dearmored(data) if bytes(data[: len(ARMOR_MARK)]) == ARMOR_MARK else data
    ciphers = set()
    for tag, start, end in packets(raw):
        if tag == PASSWORD_TAG:
            version = raw[start]
            ciphers.add(raw[start + 1] if version == 4 else raw[start + 2])
        elif tag in {OLD_DATA_TAG, DATA_TAG, OCB_TAG}:
            if not looks_random(raw[start + 1 : end]):
                raise MalformedError(_WHAT, "the encrypted packet is not encrypted")
            # without integrity protection anybody can change the message
            is_weak = tag == OLD_DATA_TAG or bool(ciphers & _WEAK_CIPHERS)
            return Encryption("openpgp", Grade.WEAK if is_weak else Grade.STRONG)
        elif tag != PUBLIC_KEY_TAG:
            raise UnsupportedError("application/pgp-encrypted; not encrypted")
    raise MalformedError(_WHAT, "there is no encrypted packet")


def dearmored(data: Buffer) -> bytes:
    """Bytes in an ASCII-armored message (§6.2), whatever stands around them."""
    raw = bytes(data)
    blank = _BLANK_LINE.search(raw)
    start = blank.end() if blank else len(ARMOR_MARK)
    end = raw.find(b"-----END", start)
    body = raw[start : end if end >= 0 else len(raw)]
    body = _NOT_BASE64.sub(b"", body.partition(b"\n=")[0])
    if len(body) % 4 == 1:  # six bits over: damage at the end, the packets will show it
        body = body[:-1]
    return binascii.a2b_base64(body + b"=" * (-len(body) % 4))


def packets(raw: Buffer) -> Iterator[tuple[int, int, int]]:
    """Tag, start and end of each packet's body; a body in partial lengths counts as reaching to the end.

    Raises MalformedError when there is no packet where one should be.
    """
    position = 0
    for _ in range(MAX_PACKETS):
        if position >= len(raw):
            return
        header = bytes(raw[position : position + 6]).ljust(6, b"\x00")
        if not header[0] & 0x80:
            raise MalformedError(_WHAT, "a packet has no header")
        tag, header_bytes, length = _new_header(header) if header[0] & 0x40 else _old_header(header)
        start = position + header_bytes
        end = len(raw) if length is None else start + length
        if end > len(raw) or end < start + 3:
            raise MalformedError(_WHAT, "a packet is cut off")
        yield tag, start, end
        position = end


def _new_header(header: bytes) -> tuple[int, int, int | None]:
    """Tag, length of the header, length of the body or None when it is partial (§4.2.1)."""
    tag, first = header[0] & 0x3F, header[1]
    if first < 192:
        return tag, 2, first
    if first < 224:
        return tag, 3, ((first - 192) << 8) + header[2] + 192
    return (tag, 6, int.from_bytes(header[2:6], "big")) if first == 255 else (tag, 2, None)


def _old_header(header: bytes) -> tuple[int, int, int | None]:
    """The same for the format of old (§4.2.2)."""
    tag, kind = (header[0] >> 2) & 0x0F, header[0] & 3
    if kind == 3:
        return tag, 1, None
    count = 1 << kind
    return tag, 1 + count, int.from_bytes(header[1 : 1 + count], "big")
