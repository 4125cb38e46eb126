"""A ZIP with the old, weak encryption, for showing that it is refused; no kept library writes it any more."""

from __future__ import annotations

import struct
import zlib

_HEADER_BYTES = 12


def _crc(value: int, byte: int) -> int:
    return (value >> 8) ^ _CRC_TABLE[(value ^ byte) & 0xFF]


def _make_table() -> tuple[int, ...]:
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value >> 1) ^ 0xEDB88320 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC_TABLE = _make_table()


def _encrypt(data: bytes, password: bytes) -> bytes:
    """APPNOTE 6.1: three keys, stirred with every plain byte."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def stir(byte: int) -> None:
        keys[0] = _crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc(keys[2], keys[1] >> 24)

    for byte in password:
        stir(byte)
    out = bytearray()
    for byte in data:
        mix = (keys[2] | 2) & 0xFFFF
        out.append(byte ^ ((mix * (mix ^ 1)) >> 8 & 0xFF))
        stir(byte)
    return bytes(out)


def zip_crypto(name: str, data: bytes, password: bytes, salt: bytes) -> bytes:
    """A ZIP with one entry under ZipCrypto; `salt` is 11 bytes that ought to be random."""
    checksum = zlib.crc32(data)
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    body = _encrypt(salt[: _HEADER_BYTES - 1] + bytes([checksum >> 24]) + packed, password)
    raw_name = name.encode()
    # version 2.0, flags: encrypted and UTF-8 names, deflate, 2026-01-01 00:00
    common = struct.pack("<HHHHHIIIHH", 20, 0x801, 8, 0, 0x5C21, checksum, len(body), len(data), len(raw_name), 0)
    local = b"PK\x03\x04" + common + raw_name + body
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + raw_name
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
