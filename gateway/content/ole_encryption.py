"""What protects an OLE document: Office packages (agile, standard) and the legacy schemes of doc, xls and ppt.

Source: MS-OFFCRYPTO, MS-DOC §2.5.1, MS-XLS §2.4.117, MS-PPT §2.3.2.
"""

from __future__ import annotations

import re
import struct

import olefile

from gateway.content.ole_streams import stream_bytes
from gateway.content.randomness import looks_random
from gateway.errors import MalformedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade

_AES_IDS = {0x660E, 0x660F, 0x6610}
"""CryptoAPI ids of AES-128, -192, -256."""
_CIPHER = re.compile(rb'cipherAlgorithm="([A-Za-z0-9_]{1,20})"')
_KEY_BITS = re.compile(rb'keyBits="([0-9]{1,4})"')
_FIB_ENCRYPTED, _FIB_OBFUSCATED = 0x0100, 0x8000
_FILEPASS, _BOF = 0x002F, {0x0009, 0x0209, 0x0409, 0x0809}
_PPT_ENCRYPTED_TOKEN = 0xF3D1C4DF


def ole_encryption(ole: olefile.OleFileIO) -> Encryption:
    """What protects the document. Raises MalformedError when it claims encryption and its bytes are not random."""
    if ole.exists("EncryptedPackage"):
        return _package(ole)
    if ole.exists("WordDocument"):
        return _word(stream_bytes(ole, "WordDocument", 32))
    for stream in ("Workbook", "Book"):
        if ole.exists(stream):
            return _excel(stream_bytes(ole, stream, 4096))
    if ole.exists("Current User"):
        return _powerpoint(stream_bytes(ole, "Current User", 32))
    return NOT_ENCRYPTED


def _package(ole: olefile.OleFileIO) -> Encryption:
    content = stream_bytes(ole, "EncryptedPackage")
    if not looks_random(content[8:]):  # after the length of the plain package
        raise MalformedError("ole", "the encrypted package is not encrypted")
    if not ole.exists("EncryptionInfo"):
        return Encryption("ooxml-unknown", Grade.WEAK)
    info = stream_bytes(ole, "EncryptionInfo", 64 * 1024)
    major, minor = struct.unpack_from("<2H", info.ljust(4, b"\x00"))
    if (major, minor) == (4, 4):
        return Encryption("ooxml-agile", Grade.STRONG if _is_strong_agile(info) else Grade.WEAK)
    if minor == 2 and major in {2, 3, 4}:
        # version, flags, header size, then flags, extra size, cipher id
        cipher = int.from_bytes(info[20:24], "little")
        return Encryption("ooxml-standard", Grade.STRONG if cipher in _AES_IDS else Grade.WEAK)
    return Encryption("ooxml-extensible", Grade.WEAK)


def _is_strong_agile(info: bytes) -> bool:
    """Whether every cipher named is AES with at least 128 bits."""
    ciphers = _CIPHER.findall(info)
    bits = [int(value) for value in _KEY_BITS.findall(info)]
    return bool(ciphers) and set(ciphers) == {b"AES"} and bool(bits) and min(bits) >= 128


def _word(fib: bytes) -> Encryption:
    flags = int.from_bytes(fib[10:12], "little")
    if not flags & _FIB_ENCRYPTED:
        return NOT_ENCRYPTED
    return Encryption("ole-xor" if flags & _FIB_OBFUSCATED else "ole-rc4", Grade.WEAK)


def _excel(head: bytes) -> Encryption:
    """Looks for FILEPASS in the records after the first BOF; it comes before anything that is encrypted."""
    position = 0
    while position + 4 <= len(head):
        record, length = struct.unpack_from("<2H", head, position)
        if record == _FILEPASS:
            # the old form has no type, only key and hash: XOR
            is_xor = length == 4 or head[position + 4 : position + 6] == b"\x00\x00"
            return Encryption("ole-xor" if is_xor else "ole-rc4", Grade.WEAK)
        if position == 0 and record not in _BOF:
            break
        position += 4 + length
    return NOT_ENCRYPTED


def _powerpoint(head: bytes) -> Encryption:
    token = int.from_bytes(head[12:16], "little")
    return Encryption("ole-rc4", Grade.WEAK) if token == _PPT_ENCRYPTED_TOKEN else NOT_ENCRYPTED
