"""Formats that are nothing but encrypted: what protects them, and how well.

Sources: age-encryption.org/v1, RFC 5652 (CMS), RFC 7292 (PKCS #12), LUKS on-disk formats, KeePass KDBX, `openssl enc`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from gateway.content import magics
from gateway.content.encodings import looks_ebcdic
from gateway.content.openpgp import ARMOR_MARK, openpgp_encryption
from gateway.content.randomness import looks_like_volume, looks_random
from gateway.content.reading import Reading, Source
from gateway.content.text import decode
from gateway.errors import EncryptedError, MalformedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade, Text
from gateway.transfer import Buffer

POSSIBLE_VOLUME = Encryption("unknown-high-entropy", Grade.UNKNOWN)
"""What VeraCrypt leaves to be seen."""
_CMS_ENCRYPTING = (
    bytes.fromhex("06092a864886f70d010703"),
    bytes.fromhex("06092a864886f70d010706"),
    bytes.fromhex("060b2a864886f70d0109100117"),
)
"""Object identifiers of enveloped, encrypted and authenticated-enveloped data."""
_STRONG_CIPHERS = (bytes.fromhex("06096086480165030401"), bytes.fromhex("2a811ccf550168"))
"""Object identifiers (their beginnings) of AES and SM4."""
_WEAK_CIPHERS = (
    bytes.fromhex("06082a864886f70d0302"),  # RC2
    bytes.fromhex("06082a864886f70d0304"),  # RC4
    bytes.fromhex("06082a864886f70d0307"),  # 3DES
    bytes.fromhex("06052b0e030207"),  # DES
    bytes.fromhex("060a2a864886f70d010c01"),  # the password schemes of PKCS #12, with RC4, RC2 and 3DES
)
_CMS_HEAD_BYTES = 64 * 1024
"""Where the algorithms stand: after the recipients, before the ciphertext."""
_LUKS_CIPHER = slice(8, 40)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_ARMORED_AGE = b"-----BEGIN AGE"


def read_encrypted(source: Source) -> Reading:
    """Reading of one of `ENCRYPTED_TYPES`. Raises MalformedError when the label is there and the cipher is not."""
    encryption = ENCRYPTED_TYPES[source.media_type](source.data)
    # armor is text, and text may stand before and after it
    is_text = bytes(source.data[:5]) in {ARMOR_MARK[:5], b"U2Fsd"}
    texts = tuple(Text(each) for each in decode(source.data)) if is_text else ()
    if encryption == NOT_ENCRYPTED:
        return Reading(texts)
    return Reading(texts, encryption, EncryptedError(encryption.scheme))


def read_unknown(source: Source) -> Reading:
    """Reading of bytes of no known type: EBCDIC, or nothing but the remark that they may be an encrypted volume.

    They are not opaque for that: any unknown format is matched as it is, and this one may be no more than unknown.
    """
    if looks_ebcdic(source.data) and len(source.data) <= source.limits.max_text_chars:
        return Reading(texts=(Text(str(source.data, "cp037"), "EBCDIC"),))
    return Reading(encryption=POSSIBLE_VOLUME if looks_like_volume(source.data) else NOT_ENCRYPTED)


def _checked(body: Buffer, encryption: Encryption) -> Encryption:
    if not looks_random(body):
        raise MalformedError(encryption.scheme, "the content is not encrypted")
    return encryption


def _age(data: Buffer) -> Encryption:
    if bytes(data[: len(_ARMORED_AGE)]) == _ARMORED_AGE:
        body = b"".join(bytes(data).splitlines()[1:-1])
        data = _unbase64(body)
    # the header ends with its MAC, the only line that starts with three dashes
    head = bytes(data[: 64 * 1024])
    end = head.find(b"\n--- ")
    body_start = head.find(b"\n", end + 1) + 1
    if not head.startswith(b"age-encryption.org/v1\n") or end < 0 or body_start == 0:
        raise MalformedError("age", "the header is incomplete")
    return _checked(data[body_start:], Encryption("age", Grade.STRONG))


def _salted(data: Buffer) -> Encryption:
    """`openssl enc` names neither cipher nor key derivation."""
    if bytes(data[:8]) != b"Salted__":
        data = _unbase64(bytes(data))
    return _checked(data[8:], Encryption("openssl-salted", Grade.UNKNOWN))


def _luks(data: Buffer) -> Encryption:
    cipher = bytes(data[_LUKS_CIPHER]).rstrip(b"\x00").lower()
    is_second = bytes(data[6:8]) == b"\x00\x02"
    is_strong = is_second or cipher in {b"aes", b"serpent", b"twofish", b"sm4"}
    return Encryption("luks2" if is_second else "luks1", Grade.STRONG if is_strong else Grade.WEAK)


def _keepass(data: Buffer) -> Encryption:
    is_first = bytes(data[4:8]) == b"\x65\xfb\x4b\xb5"
    return _checked(data[len(data) // 2 :], Encryption("keepass-kdb" if is_first else "keepass-kdbx", Grade.STRONG))


def _cms(data: Buffer) -> Encryption:
    head = bytes(data[:_CMS_HEAD_BYTES])
    if not any(oid in head[:32] for oid in _CMS_ENCRYPTING):
        return NOT_ENCRYPTED
    is_strong = any(oid in head for oid in _STRONG_CIPHERS) and not any(oid in head for oid in _WEAK_CIPHERS)
    # the first half may hold certificates of recipients
    return _checked(data[len(data) // 2 :], Encryption("cms", Grade.STRONG if is_strong else Grade.WEAK))


def _pkcs12(data: Buffer) -> Encryption:
    raw = bytes(data[:_CMS_HEAD_BYTES])
    is_strong = any(oid in raw for oid in _STRONG_CIPHERS) and not any(oid in raw for oid in _WEAK_CIPHERS)
    return Encryption("pkcs12", Grade.STRONG if is_strong else Grade.WEAK)


def _unbase64(body: bytes) -> bytes:
    clean = _NOT_BASE64.sub(b"", body)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return base64.b64decode(clean + b"=" * (-len(clean) % 4))


ENCRYPTED_TYPES: dict[str, Callable[[Buffer], Encryption]] = {
    magics.OPENPGP: openpgp_encryption,
    magics.AGE: _age,
    magics.SALTED: _salted,
    magics.LUKS: _luks,
    magics.KEEPASS: _keepass,
    magics.CMS: _cms,
    magics.PKCS12: _pkcs12,
}
"""Media type → what tells its encryption."""
