"""Grades of zip entries, and claims of encryption that are not true."""

import os
import struct
import zlib

import pytest

from gateway.content.zip_directory import read_directory
from gateway.content.zip_encryption import ZIP_CRYPTO, entry_encryption, plain_method, summary
from gateway.errors import MalformedError
from gateway.limits import Limits
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from tests.samples.archives import Raw, deflated, raw_zip, zip_aes, zip_bytes, zip_crypto

WORDS = b"contract between party A and party B, " * 40
NOISE = os.urandom(2000)
STRONG = Encryption("zip-aes-256", Grade.STRONG, names_visible=True)


def aes_field(strength=3, method=8, vendor=b"AE", version=2):
    return struct.pack("<HHH2sBH", 0x9901, 7, version, vendor, strength, method)


def ses_field(algorithm):
    return struct.pack("<4HH", 0x17, 6, 2, algorithm, 256)


def graded(data):
    entry = read_directory(data, Limits()).entries[0]
    return entry_encryption(data, entry)


@pytest.mark.parametrize(
    ("data", "scheme", "grade"),
    [
        pytest.param(zip_bytes({"a": WORDS}), "", "none", id="plain"),
        pytest.param(zip_crypto({"a": WORDS}), "zip-crypto", "weak", id="ZipCrypto"),
        pytest.param(zip_aes({"a": WORDS}, bits=128), "zip-aes-128", "strong", id="AES-128"),
        pytest.param(zip_aes({"a": WORDS}, bits=192), "zip-aes-192", "strong", id="AES-192"),
        pytest.param(zip_aes({"a": WORDS}), "zip-aes-256", "strong", id="AES-256"),
        pytest.param(zip_aes({"a": b"x"}), "zip-aes-256", "strong", id="AES-256 of one byte"),
        pytest.param(
            raw_zip(Raw(b"a", NOISE, flags=0x41, crc=1, extra=ses_field(0x6610))), "zip-pkware", "strong", id="SES AES"
        ),
        pytest.param(
            raw_zip(Raw(b"a", NOISE, flags=0x41, crc=1, extra=ses_field(0x6801))), "zip-pkware", "weak", id="SES RC4"
        ),
        pytest.param(raw_zip(Raw(b"a", NOISE, flags=0x41, crc=1)), "zip-pkware", "weak", id="SES without its field"),
        pytest.param(raw_zip(Raw(b"a", b"", flags=1, method=8, crc=1)), "zip-crypto", "weak", id="nothing in it"),
        pytest.param(raw_zip(Raw(b"a", NOISE, flags=1, method=12, crc=1)), "zip-crypto", "weak", id="bzip2 inside"),
    ],
)
def test_grades(data, scheme, grade):
    encryption = graded(data)
    assert (encryption.scheme, encryption.grade) == (scheme, grade)
    assert encryption.names_visible is bool(scheme)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Raw(b"a", WORDS, flags=1), id="stored, flagged"),
        pytest.param(Raw(b"a", deflated(WORDS), 8, 1, zlib.crc32(WORDS), len(WORDS)), id="deflated, flagged"),
        pytest.param(
            Raw(b"a", deflated(WORDS), 99, 1, 0, len(WORDS), extra=aes_field()), id="deflated, said to be AES-2"
        ),
        pytest.param(Raw(b"a", WORDS, 99, 1, extra=aes_field(method=0)), id="stored, said to be AES-1"),
        pytest.param(Raw(b"a", deflated(WORDS), 99, 0, 0, len(WORDS), extra=aes_field()), id="method 99, no flag"),
    ],
)
def test_fake_encryption_is_seen_through(entry):
    assert graded(raw_zip(entry)) == NOT_ENCRYPTED


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        pytest.param(Raw(b"a", WORDS, flags=1, crc=7), "its bytes are not", id="text with another checksum"),
        pytest.param(Raw(b"a", WORDS, 99, 1, 0, extra=aes_field(method=0)), "its bytes are not", id="text, AES-2"),
        pytest.param(Raw(b"a", NOISE, 99, 1, 0), "AES field", id="no AES field"),
        pytest.param(Raw(b"a", NOISE, 99, 1, 0, extra=aes_field()[:8]), "AES field", id="short AES field"),
        pytest.param(Raw(b"a", NOISE, 99, 1, 0, extra=aes_field(vendor=b"XX")), "AES field", id="vendor"),
        pytest.param(Raw(b"a", NOISE, 99, 1, 0, extra=aes_field(strength=4)), "AES field", id="strength"),
        pytest.param(Raw(b"a", NOISE[:27], 99, 1, 0, extra=aes_field()), "shorter than its salt", id="too short"),
    ],
)
def test_claims_that_the_bytes_do_not_bear_out(entry, why):
    with pytest.raises(MalformedError, match=why):
        graded(raw_zip(entry))


@pytest.mark.parametrize(
    ("entry", "grade"),
    [
        pytest.param(Raw(b"a", deflated(bytes(8 << 20)), 8, 1, 5, 10), "none", id="a bomb"),
        pytest.param(Raw(b"a", deflated(NOISE), 8, 1, 5, 10), "none", id="long, exact to its end"),
        pytest.param(Raw(b"a", deflated(NOISE) + b"x", 8, 1, 5, 10), "weak", id="long, something behind"),
        pytest.param(Raw(b"a", deflated(NOISE[:50]), 8, 1, 5, 10), "weak", id="short, could be chance"),
    ],
)
def test_deflate_with_wrong_length_and_checksum_behind_a_flag(entry, grade):
    assert graded(raw_zip(entry)).grade == grade


@pytest.mark.parametrize(
    ("entry", "method"),
    [
        pytest.param(Raw(b"a", b"x", 8), 8, id="as it says"),
        pytest.param(Raw(b"a", b"x", 99, extra=aes_field()), 8, id="under AES"),
        pytest.param(Raw(b"a", b"x", 99), 99, id="AES without its field"),
    ],
)
def test_plain_method(entry, method):
    assert plain_method(read_directory(raw_zip(entry), Limits()).entries[0]) == method


@pytest.mark.parametrize(
    ("encryptions", "scheme", "grade"),
    [
        pytest.param([], "", "none", id="nothing"),
        pytest.param([NOT_ENCRYPTED], "", "none", id="clear"),
        pytest.param([STRONG, STRONG], "zip-aes-256", "strong", id="all strong"),
        pytest.param([STRONG, NOT_ENCRYPTED], "zip-aes-256", "partial", id="one clear"),
        pytest.param([STRONG, ZIP_CRYPTO], "zip-crypto", "weak", id="one weak"),
        pytest.param([ZIP_CRYPTO, NOT_ENCRYPTED], "zip-crypto", "partial", id="weak and clear"),
    ],
)
def test_summary(encryptions, scheme, grade):
    assert (summary(encryptions).scheme, summary(encryptions).grade) == (scheme, grade)
