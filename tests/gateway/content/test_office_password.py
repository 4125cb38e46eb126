"""Passwords that everybody has."""

import hashlib
import io
import struct

import olefile
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.content.office_password import opened_package
from tests.samples.office import docx_bytes, office_encrypted, xlsx_bytes

XLSX = xlsx_bytes(["合同", 1])


def streams(document):
    with olefile.OleFileIO(io.BytesIO(document)) as ole:
        return ole.openstream("EncryptionInfo").read(), ole.openstream("EncryptedPackage").read()


DEFAULT = streams(office_encrypted(XLSX, "VelvetSweatshop"))
POWERPOINT = streams(office_encrypted(XLSX, "/01Hannes Ruescher/01"))
PRIVATE = streams(office_encrypted(XLSX, "a password"))


def standard(password, content, *, algorithm=0x660E, bits=128):
    """Streams of a package encrypted the standard way (MS-OFFCRYPTO §2.3.4.5 to §2.3.4.9)."""
    salt, verifier = bytes(range(16)), b"sixteen bytes!!!"
    digest = hashlib.sha1(salt + password.encode("utf-16-le")).digest()
    for number in range(50_000):
        digest = hashlib.sha1(struct.pack("<L", number) + digest).digest()
    final = hashlib.sha1(digest + bytes(4)).digest()
    key = hashlib.sha1(bytes(b ^ 0x36 for b in final.ljust(64, b"\0"))).digest()[:16]
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    header = struct.pack("<8L", 0x24, 0, algorithm, 0x8004, bits, 0x18, 0, 0) + "x\0".encode("utf-16-le")
    info = struct.pack("<2H2L", 4, 2, 0x24, len(header)) + header + struct.pack("<L", 16) + salt
    info += encryptor.update(verifier) + struct.pack("<L", 20)
    info += encryptor.update(hashlib.sha1(verifier).digest().ljust(32, b"\0"))
    return info, struct.pack("<Q", len(content)) + encryptor.update(content + bytes(-len(content) % 16))


@pytest.mark.parametrize(
    ("pair", "plain"),
    [
        pytest.param(DEFAULT, XLSX, id="agile, Excel's"),
        pytest.param(POWERPOINT, XLSX, id="agile, PowerPoint's"),
        pytest.param(PRIVATE, None, id="agile, somebody's own"),
        pytest.param(standard("VelvetSweatshop", b"plain package"), b"plain package", id="standard, Excel's"),
        pytest.param(standard("a password", b"plain package"), None, id="standard, somebody's own"),
        pytest.param(standard("VelvetSweatshop", b"x", algorithm=0x6801), None, id="another cipher"),
        pytest.param(standard("VelvetSweatshop", b"x", bits=40), None, id="another length of the key"),
        pytest.param((DEFAULT[0].replace(b'spinCount="', b'spinCount="99'), DEFAULT[1]), None, id="too many rounds"),
        pytest.param((DEFAULT[0].replace(b"spinCount", b"spinXount"), DEFAULT[1]), None, id="no rounds"),
        pytest.param((DEFAULT[0].replace(b'"SHA512"', b'"MD4"'), DEFAULT[1]), None, id="unknown hash"),
        pytest.param((DEFAULT[0].replace(b"encryptedKey ", b"x "), DEFAULT[1]), None, id="no key"),
        pytest.param((DEFAULT[0][:100], DEFAULT[1]), None, id="cut off"),
        pytest.param((b"", b""), None, id="empty"),
    ],
)
def test_opened_package(pair, plain):
    assert opened_package(*pair) == plain


def test_a_large_package_in_several_segments():
    document = docx_bytes(*["words " * 50 + str(n) for n in range(400)])
    assert len(document) > 3 * 4096
    assert opened_package(*streams(office_encrypted(document, "VelvetSweatshop"))) == document
