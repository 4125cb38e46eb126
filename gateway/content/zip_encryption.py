"""What protects the entries of a zip file, believed only where the bytes bear it out.

Sources: PKWARE APPNOTE 6.3.10 §6 and §7, WinZip AE-1/AE-2 specification 1.04.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from gateway.content.randomness import looks_random
from gateway.content.zip_directory import AES_METHOD, Entry
from gateway.errors import MalformedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from gateway.transfer import Buffer

AES_FIELD = 0x9901
STRONG_FIELD = 0x0017
STORED, DEFLATED = 0, 8
STRONG_FLAG = 0x0040
CERTAIN_BYTES = 64 * 1024
"""Bytes that come out of good deflate and never of a cipher."""
CERTAIN_PACKED_BYTES = 256
"""From this length on, bytes that unpack exactly to their end are no ciphertext, whatever the checksum says."""
_AES_STRENGTHS = {1: ("zip-aes-128", 8), 2: ("zip-aes-192", 12), 3: ("zip-aes-256", 16)}
"""Strength byte → scheme and length of the salt."""
_PKWARE_AES = {0x660E, 0x660F, 0x6610}
"""Algorithm ids of AES in the strong encryption header; the others (RC2, RC4, DES, 3DES) are weak."""
ZIP_CRYPTO = Encryption("zip-crypto", Grade.WEAK, names_visible=True)


def plain_method(entry: Entry) -> int:
    """Compression method under the encryption; the method itself when there is none."""
    field = entry.extra_field(AES_FIELD)
    if entry.method == AES_METHOD and field is not None and len(field) >= 7:
        return int.from_bytes(field[5:7], "little")
    return entry.method


def entry_encryption(data: Buffer, entry: Entry) -> Encryption:
    """What protects one entry; `NOT_ENCRYPTED` also when the headers claim it and the bytes are plain.

    Raises MalformedError when the claim is false and the bytes are still not readable.
    """
    if not (entry.is_flagged_encrypted or entry.method == AES_METHOD):
        return NOT_ENCRYPTED
    packed = data[entry.start : entry.end]
    if is_plain(packed, entry):
        return NOT_ENCRYPTED
    if not looks_random(packed):
        raise MalformedError("zip", "an entry is flagged as encrypted and its bytes are not")
    if entry.method == AES_METHOD:
        return _aes(packed, entry)
    if entry.flags & STRONG_FLAG:
        field = entry.extra_field(STRONG_FIELD) or b""
        is_aes = int.from_bytes(field[2:4], "little") in _PKWARE_AES
        return Encryption("zip-pkware", Grade.STRONG if is_aes else Grade.WEAK, names_visible=True)
    return ZIP_CRYPTO


def _aes(packed: Buffer, entry: Entry) -> Encryption:
    field = entry.extra_field(AES_FIELD)
    if field is None or len(field) < 7 or field[2:4] != b"AE" or field[4] not in _AES_STRENGTHS:
        raise MalformedError("zip", "the AES field of an entry is missing or wrong")
    scheme, salt_bytes = _AES_STRENGTHS[field[4]]
    if len(packed) < salt_bytes + 2 + 10:  # salt, password verifier, authentication code
        raise MalformedError("zip", "an AES entry is shorter than its salt")
    if _inflates(packed[salt_bytes + 2 : -10]):
        raise MalformedError("zip", "an entry is flagged as encrypted and its bytes are not")
    return Encryption(scheme, Grade.STRONG, names_visible=True)


def _inflates(packed: Buffer) -> bool:
    """Whether bytes that are long enough to tell are deflate, whole or as far as anybody looks."""
    if len(packed) < CERTAIN_PACKED_BYTES:
        return False
    codec = zlib.decompressobj(-15)
    try:
        head = codec.decompress(packed, CERTAIN_BYTES)
    except zlib.error:
        return False
    return not codec.unused_data if codec.eof else len(head) == CERTAIN_BYTES


def is_plain(packed: Buffer, entry: Entry) -> bool:
    """Whether the bytes of an entry that claims encryption can be read as they are."""
    method = plain_method(entry)
    if method == STORED:
        return entry.crc != 0 and zlib.crc32(packed) == entry.crc
    if method != DEFLATED:
        return False
    codec = zlib.decompressobj(-15)
    try:
        head = codec.decompress(packed, CERTAIN_BYTES)
        if len(head) == CERTAIN_BYTES and not codec.eof:
            return True  # no cipher gives so much good deflate; unpacking will find what else is wrong
    except zlib.error:
        return False
    if not codec.eof or codec.unused_data or codec.unconsumed_tail:
        return False
    fits = entry.crc == zlib.crc32(head) or (entry.crc == 0 and len(head) == entry.size_bytes)
    return fits or len(packed) >= CERTAIN_PACKED_BYTES


def summary(encryptions: Sequence[Encryption]) -> Encryption:
    """One grade for a container, from those of its entries (directories and empty entries left out).

    >>> summary([NOT_ENCRYPTED, ZIP_CRYPTO]).grade
    <Grade.PARTIAL: 'partial'>
    >>> summary([])
    Encryption(scheme='', grade=<Grade.NONE: 'none'>, names_visible=False)
    """
    closed = [each for each in encryptions if each.grade is not Grade.NONE]
    if not closed:
        return NOT_ENCRYPTED
    worst = min(closed, key=lambda each: [Grade.WEAK, Grade.PARTIAL, Grade.UNKNOWN, Grade.STRONG].index(each.grade))
    grade = worst.grade if len(closed) == len(encryptions) else Grade.PARTIAL
    return Encryption(worst.scheme, grade, names_visible=True)
