"""Formats that are nothing but encrypted."""

import base64
import os
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from gateway.content.encrypted import ENCRYPTED_TYPES, read_encrypted, read_unknown
from gateway.content.reading import Budget, Source
from gateway.content.types import MediaTypes
from gateway.errors import MalformedError
from gateway.limits import Limits

TYPES = MediaTypes()
NOISE = os.urandom(4096)
KEY = rsa.generate_private_key(65537, 2048)
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(NAME)
    .issuer_name(NAME)
    .public_key(KEY.public_key())
    .serial_number(1)
    .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
    .not_valid_after(datetime(2034, 1, 1, tzinfo=UTC))
    .sign(KEY, hashes.SHA256())
)


def enveloped():
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(NOISE).add_recipient(CERTIFICATE)
    return builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def signed():
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"words").add_signer(CERTIFICATE, KEY, hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])


def keys(scheme):
    protection = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(10).key_cert_algorithm(scheme)
    return pkcs12.serialize_key_and_certificates(
        b"n", KEY, CERTIFICATE, None, protection.hmac_hash(hashes.SHA256()).build(b"p")
    )


AGE = b"age-encryption.org/v1\n-> X25519 abc\nkey\n--- mac\n" + NOISE
AES_CMS = enveloped()
SALTED = b"Salted__" + NOISE


@pytest.mark.parametrize(
    ("data", "scheme", "grade"),
    [
        pytest.param(AGE, "age", "strong", id="age"),
        pytest.param(
            b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base64.encodebytes(AGE) + b"-----END AGE ENCRYPTED FILE-----\n",
            "age", "strong", id="armored age",
        ),
        pytest.param(SALTED, "openssl-salted", "unknown", id="openssl enc"),
        pytest.param(base64.encodebytes(SALTED), "openssl-salted", "unknown", id="openssl enc -a"),
        pytest.param(b"LUKS\xba\xbe\x00\x01aes".ljust(40, b"\0") + NOISE, "luks1", "strong", id="LUKS 1"),
        pytest.param(b"LUKS\xba\xbe\x00\x01cast5".ljust(40, b"\0") + NOISE, "luks1", "weak", id="LUKS 1, CAST5"),
        pytest.param(b"LUKS\xba\xbe\x00\x02".ljust(40, b"\0") + NOISE, "luks2", "strong", id="LUKS 2"),
        pytest.param(bytes.fromhex("03d9a29a67fb4bb5") + NOISE, "keepass-kdbx", "strong", id="KeePass 2"),
        pytest.param(bytes.fromhex("03d9a29a65fb4bb5") + NOISE, "keepass-kdb", "strong", id="KeePass 1"),
        pytest.param(AES_CMS, "cms", "strong", id="CMS, AES"),
        pytest.param(
            AES_CMS.replace(bytes.fromhex("0609608648016503040102"), bytes.fromhex("06082a864886f70d0307") + b"\x05"),
            "cms", "weak", id="CMS, 3DES",
        ),
        pytest.param(keys(pkcs12.PBES.PBESv2SHA256AndAES256CBC), "pkcs12", "strong", id="PKCS 12, AES"),
        pytest.param(keys(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC), "pkcs12", "weak", id="PKCS 12, 3DES"),
    ],
)  # fmt: skip
def test_grades(data, scheme, grade):
    media_type = TYPES.of(data)
    assert media_type in ENCRYPTED_TYPES
    reading = read_encrypted(Source(data, "", media_type, Limits(), Budget()))
    assert (reading.encryption.scheme, reading.encryption.grade) == (scheme, grade)
    assert reading.opaque.scheme == scheme


def read(data, media_type):
    return read_encrypted(Source(data, "", media_type, Limits(), Budget()))


@pytest.mark.parametrize(
    ("data", "scheme"),
    [(os.urandom(1 << 19), "unknown-high-entropy"), (os.urandom(1000), ""), (bytes(1 << 19), "")],
    ids=["like a volume", "small", "zeros"],
)
def test_unknown_bytes_are_read_and_perhaps_remarked_on(data, scheme):
    reading = read_unknown(Source(data, "", "application/octet-stream", Limits(), Budget()))
    assert (reading.encryption.scheme, reading.opaque) == (scheme, None)
    assert reading.encryption.grade == ("unknown" if scheme else "none")


def test_signed_data_are_not_encrypted():
    reading = read(signed(), "application/pkcs7-mime")
    assert (reading.opaque, reading.texts) == (None, ())


def test_text_around_armor_is_text():
    armor = base64.encodebytes(SALTED) + "密码是 hunter2".encode()
    assert "密码是 hunter2" in read(armor, "application/x-openssl-salted").texts[0].text


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        pytest.param(b"age-encryption.org/v1\nno more", "application/x-age", id="age without its header"),
        pytest.param(b"age-encryption.org/v1\n--- mac", "application/x-age", id="age cut off"),
        pytest.param(
            b"-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n--", "application/x-age", id="armor of something else"
        ),
        pytest.param(b"-----BEGIN AGE ENCRYPTED FILE-----\n=A=A=A=A=A\n--", "application/x-age", id="damaged armor"),
        pytest.param(AGE[:50] + b"plain words " * 90, "application/x-age", id="age over plain words"),
        pytest.param(b"Salted__" + b"plain words " * 90, "application/x-openssl-salted", id="openssl over plain words"),
        pytest.param(
            bytes.fromhex("03d9a29a67fb4bb5") + b"words " * 90, "application/x-keepass", id="KeePass over words"
        ),
        pytest.param(AES_CMS[:80] + b"words " * 200, "application/pkcs7-mime", id="CMS over words"),
    ],
)
def test_labels_without_a_cipher(data, media_type):
    with pytest.raises(MalformedError):
        read(data, media_type)
