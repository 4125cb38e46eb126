"""What protects an OLE document."""

import io
import os
import struct

import olefile
import pytest

from gateway.content.ole_encryption import ole_encryption
from gateway.errors import MalformedError
from tests.samples.office import docx_bytes, office_encrypted
from tests.samples.ole import ole_bytes, word_stream, workbook_stream

NOISE = os.urandom(6000)
PACKAGE = struct.pack("<Q", 6000) + NOISE
XOR, OLD_XOR = struct.pack("<2H3H", 0x2F, 6, 0, 1, 2), struct.pack("<2H2H", 0x2F, 4, 1, 2)
RC4 = struct.pack("<2H3H", 0x2F, 6, 1, 1, 1)


def package(info):
    return {"EncryptionInfo": info, "EncryptedPackage": PACKAGE}


def agile(cipher="AES", bits=256):
    return struct.pack("<2HL", 4, 4, 0x40) + f'<k keyBits="{bits}" cipherAlgorithm="{cipher}"/>'.encode()


def standard(algorithm, major=4):
    return struct.pack("<2H5L", major, 2, 0x24, 100, 0x24, 0, algorithm)


@pytest.mark.parametrize(
    ("streams", "scheme", "grade"),
    [
        pytest.param(package(agile()), "ooxml-agile", "strong", id="agile"),
        pytest.param(package(agile(bits=128)), "ooxml-agile", "strong", id="agile, 128 bits"),
        pytest.param(package(agile(cipher="RC2")), "ooxml-agile", "weak", id="agile, RC2"),
        pytest.param(package(agile(cipher="DES", bits=56)), "ooxml-agile", "weak", id="agile, DES"),
        pytest.param(package(struct.pack("<2H", 4, 4)), "ooxml-agile", "weak", id="agile that says nothing"),
        pytest.param(package(standard(0x660E)), "ooxml-standard", "strong", id="standard"),
        pytest.param(package(standard(0x6801)), "ooxml-standard", "weak", id="standard, RC4"),
        pytest.param(package(struct.pack("<2H", 4, 3)), "ooxml-extensible", "weak", id="extensible"),
        pytest.param(package(struct.pack("<2H", 9, 2)), "ooxml-extensible", "weak", id="unknown version"),
        pytest.param(package(b""), "ooxml-extensible", "weak", id="empty info"),
        pytest.param({"EncryptedPackage": PACKAGE}, "ooxml-unknown", "weak", id="no info"),
        pytest.param({"WordDocument": word_stream("x")}, "", "none", id="doc"),
        pytest.param({"WordDocument": word_stream("x", flags=0x100)}, "ole-rc4", "weak", id="doc, RC4"),
        pytest.param({"WordDocument": word_stream("x", flags=0x8100)}, "ole-xor", "weak", id="doc, XOR"),
        pytest.param({"WordDocument": word_stream("x", flags=0x8000)}, "", "none", id="doc, a lone flag"),
        pytest.param({"Workbook": workbook_stream("x")}, "", "none", id="xls"),
        pytest.param({"Workbook": workbook_stream("x", password_record=RC4)}, "ole-rc4", "weak", id="xls, RC4"),
        pytest.param({"Book": workbook_stream("x", password_record=XOR)}, "ole-xor", "weak", id="xls, XOR"),
        pytest.param({"Book": workbook_stream("x", password_record=OLD_XOR)}, "ole-xor", "weak", id="xls, old XOR"),
        pytest.param({"Workbook": b"no records at all"}, "", "none", id="xls without records"),
        pytest.param({"Workbook": b"\x09\x08\x00\x00\x01"}, "", "none", id="xls cut off"),
        pytest.param({"Current User": struct.pack("<4L", 0, 0, 20, 0xE391C05F)}, "", "none", id="ppt"),
        pytest.param({"Current User": struct.pack("<4L", 0, 0, 20, 0xF3D1C4DF)}, "ole-rc4", "weak", id="ppt, RC4"),
        pytest.param({"other": b"x"}, "", "none", id="something else"),
    ],
)
def test_grades(streams, scheme, grade):
    with olefile.OleFileIO(io.BytesIO(ole_bytes(streams))) as ole:
        encryption = ole_encryption(ole)
    assert (encryption.scheme, encryption.grade, encryption.names_visible) == (scheme, grade, False)


def test_a_package_as_a_real_program_encrypts_it():
    with olefile.OleFileIO(io.BytesIO(office_encrypted(docx_bytes("x")))) as ole:
        assert ole_encryption(ole).scheme == "ooxml-agile"


def test_claim_over_plain_bytes():
    streams = {"EncryptionInfo": agile(), "EncryptedPackage": struct.pack("<Q", 900) + b"plain words " * 80}
    with olefile.OleFileIO(io.BytesIO(ole_bytes(streams))) as ole, pytest.raises(MalformedError, match="not encrypted"):
        ole_encryption(ole)
