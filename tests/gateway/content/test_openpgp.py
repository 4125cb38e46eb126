"""OpenPGP messages: grades, and what only looks like one."""

import base64
import os
import struct

import pytest

from gateway.content.openpgp import dearmored, openpgp_encryption, packets
from gateway.errors import MalformedError, UnsupportedError

NOISE = os.urandom(800)


def packet(tag, body):
    return bytes([0xC0 | tag, 255]) + struct.pack(">L", len(body)) + body


def old(tag, body, kind=1):
    lengths = {
        0: struct.pack(">B", len(body) & 0xFF),
        1: struct.pack(">H", len(body)),
        2: struct.pack(">L", len(body)),
        3: b"",
    }
    return bytes([0x80 | tag << 2 | kind]) + lengths[kind] + body


def armored(raw, *, headers=b"", checksum=b"=abcd\n"):
    lines = base64.encodebytes(raw)
    return b"-----BEGIN PGP MESSAGE-----\n" + headers + b"\n" + lines + checksum + b"-----END PGP MESSAGE-----\n"


PUBLIC = packet(1, b"\x03" + bytes(8) + b"\x01" + NOISE[:256])
PASSWORD = packet(3, b"\x04\x09\x03\x08" + NOISE[:9])
WEAK_PASSWORD = packet(3, b"\x04\x03\x03\x08" + NOISE[:9])
PASSWORD_6 = packet(3, b"\x06\x10\x09\x02\x03\x08" + NOISE[:9])
DATA = packet(18, b"\x01" + NOISE)


@pytest.mark.parametrize(
    ("data", "grade"),
    [
        pytest.param(PUBLIC + DATA, "strong", id="public key"),
        pytest.param(PUBLIC * 3 + DATA, "strong", id="three recipients"),
        pytest.param(PASSWORD + DATA, "strong", id="password, AES-256"),
        pytest.param(PASSWORD_6 + DATA, "strong", id="password, version 6"),
        pytest.param(WEAK_PASSWORD + DATA, "weak", id="password, CAST5"),
        pytest.param(PASSWORD + packet(9, NOISE), "weak", id="no integrity protection"),
        pytest.param(PASSWORD + packet(20, NOISE), "strong", id="OCB"),
        pytest.param(PASSWORD + bytes([0xD2, 0xED]) + b"\x01" + NOISE, "strong", id="partial length"),
        pytest.param(PASSWORD + bytes([0xD2, 0xC2, 0x41]) + b"\x01" + NOISE, "strong", id="length in two bytes"),
        pytest.param(bytes([0xC3, 13]) + b"\x04\x09\x03\x08" + NOISE[:9] + DATA, "strong", id="length in one byte"),
        pytest.param(old(3, b"\x04\x09\x03\x08" + NOISE[:9], 0) + DATA, "strong", id="old format"),
        pytest.param(old(9, NOISE, 2), "weak", id="old format, four bytes"),
        pytest.param(PASSWORD + old(9, NOISE, 3), "weak", id="old format, to the end"),
        pytest.param(armored(PASSWORD + DATA), "strong", id="armored"),
        pytest.param(armored(PASSWORD + DATA, headers=b"Comment: x\n"), "strong", id="armored with headers"),
        pytest.param(armored(PASSWORD + DATA).replace(b"\n", b"\r\n"), "strong", id="armored, CRLF"),
        pytest.param(memoryview(PUBLIC + DATA), "strong", id="a view"),
    ],
)
def test_grades(data, grade):
    encryption = openpgp_encryption(data)
    assert (encryption.scheme, encryption.grade) == ("openpgp", grade)


@pytest.mark.parametrize(
    ("data", "error", "why"),
    [
        pytest.param(packet(8, b"\x01" + NOISE), UnsupportedError, "not encrypted", id="only packed"),
        pytest.param(packet(11, b"b\x00words"), UnsupportedError, "not encrypted", id="literal"),
        pytest.param(
            PASSWORD + packet(18, b"\x01" + b"words " * 200), MalformedError, "not encrypted", id="plain inside"
        ),
        pytest.param(PASSWORD, MalformedError, "no encrypted packet", id="key only"),
        pytest.param(PASSWORD * 70 + DATA, MalformedError, "no encrypted packet", id="too many keys"),
        pytest.param(PASSWORD + b"text", MalformedError, "no header", id="text behind a key"),
        pytest.param(PASSWORD + DATA[:100], MalformedError, "cut off", id="cut off"),
        pytest.param(packet(3, b"\x04"), MalformedError, "cut off", id="too short"),
        pytest.param(b"", MalformedError, "no encrypted packet", id="empty"),
        pytest.param(b"-----BEGIN PGP MESSAGE-----", MalformedError, "no encrypted packet", id="armor of nothing"),
    ],
)
def test_what_is_no_encrypted_message(data, error, why):
    with pytest.raises(error, match=why):
        openpgp_encryption(data)


def test_dearmored_ignores_everything_else_and_needs_no_end():
    assert dearmored(armored(NOISE)) == NOISE
    assert dearmored(armored(NOISE, checksum=b"")) == NOISE
    assert dearmored(b"-----BEGIN PGP MESSAGE-----\n\nAAAAA") == bytes(3)
    assert dearmored(b"-----BEGIN PGP MESSAGE-----\n\n" + base64.b64encode(NOISE[:9])) == NOISE[:9]


def test_packets_stop_after_some():
    assert len(list(packets(PASSWORD * 100))) == 64
