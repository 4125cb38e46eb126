"""Office packages that are encrypted with a password everybody has: Office itself opens them without asking.

Excel and PowerPoint write such files for workbooks that are only protected against change. To a reader they are plain,
so they are opened here too. Source: MS-OFFCRYPTO §2.3.4, MS-XLS §2.2.10.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DEFAULT_PASSWORDS = ("VelvetSweatshop", "/01Hannes Ruescher/01")
"""Excel's and PowerPoint's."""
MAX_SPINS = 1_000_000
"""Most rounds of hashing that are tried, a second; Office writes 100 000 and accepts ten million."""
STANDARD_SPINS = 50_000
SEGMENT_BYTES = 4096
_INPUT, _VALUE, _KEY = (bytes.fromhex(each) for each in ("fea7d2763b4b9e79", "d7aa0f6d3061344e", "146e0be7abacd0d6"))
"""Block keys of the three encrypted fields (§2.3.4.13)."""
_HASHES = {"SHA1": "sha1", "SHA-1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
_ATTRIBUTE = re.compile(rb'([A-Za-z]{1,40})="([^"]{0,2000})"')


def opened_package(info: bytes, package: bytes) -> bytes | None:
    """The plain package when a default password opens it, None when none does; `info` is the stream EncryptionInfo."""
    try:
        lock = _agile(info[8:]) if info[:4] == b"\x04\x00\x04\x00" else _standard(info)
    except (ValueError, KeyError, struct.error, binascii.Error):
        return None
    for password in DEFAULT_PASSWORDS:
        key = lock.key(password.encode("utf-16-le")) if lock else None
        if lock and key:
            return lock.decrypt(key, package[8:])[: int.from_bytes(package[:8], "little")]
    return None


@dataclass(frozen=True, slots=True)
class _Agile:
    data_salt: bytes
    data_hash: str
    salt: bytes
    hash: str
    spins: int
    key_bytes: int
    verifier_input: bytes
    verifier_value: bytes
    encrypted_key: bytes

    def key(self, password: bytes) -> bytes | None:
        """Key of the package, None for the wrong password."""
        spun = _spun(self.hash, self.salt + password, self.spins)
        verifier = self._unlock(spun, _INPUT, self.verifier_input)
        expected = self._unlock(spun, _VALUE, self.verifier_value)
        digest = hashlib.new(self.hash, verifier[: len(self.salt)]).digest()
        if not hmac.compare_digest(digest, expected[: len(digest)]):
            return None
        return self._unlock(spun, _KEY, self.encrypted_key)[: self.key_bytes]

    def _unlock(self, spun: bytes, block: bytes, content: bytes) -> bytes:
        key = hashlib.new(self.hash, spun + block).digest()[: self.key_bytes].ljust(self.key_bytes, b"\x36")
        return _aes_cbc(key, self.salt, content)

    def decrypt(self, key: bytes, content: bytes) -> bytes:
        """The package, segment by segment, each with an initial vector of its own."""
        segments = []
        for number, start in enumerate(range(0, len(content) // 16 * 16, SEGMENT_BYTES)):
            vector = hashlib.new(self.data_hash, self.data_salt + struct.pack("<L", number)).digest()
            segments.append(_aes_cbc(key, vector, content[start : start + SEGMENT_BYTES]))
        return b"".join(segments)


def _agile(xml: bytes) -> _Agile | None:
    """The lock that the agile descriptor tells. Raises ValueError, KeyError or binascii.Error on damage."""
    head, mark, tail = xml.partition(b"encryptedKey")
    data = {name.decode(): value.decode("latin-1") for name, value in _ATTRIBUTE.findall(head)}
    told = {name.decode(): value.decode("latin-1") for name, value in _ATTRIBUTE.findall(tail)}
    if not mark or int(told["spinCount"]) > MAX_SPINS:
        return None
    return _Agile(
        data_salt=base64.b64decode(data["saltValue"]),
        data_hash=_HASHES[data["hashAlgorithm"]],
        salt=base64.b64decode(told["saltValue"]),
        hash=_HASHES[told["hashAlgorithm"]],
        spins=int(told["spinCount"]),
        key_bytes=int(told["keyBits"]) // 8,
        verifier_input=base64.b64decode(told["encryptedVerifierHashInput"]),
        verifier_value=base64.b64decode(told["encryptedVerifierHashValue"]),
        encrypted_key=base64.b64decode(told["encryptedKeyValue"]),
    )


@dataclass(frozen=True, slots=True)
class _Standard:
    key_bytes: int
    salt: bytes
    verifier: bytes
    verifier_hash: bytes

    def key(self, password: bytes) -> bytes | None:
        """Key of the package, None for the wrong password."""
        final = hashlib.sha1(_spun("sha1", self.salt + password, STANDARD_SPINS) + bytes(4)).digest()  # noqa: S324  # MS-OFFCRYPTO
        inner = bytes(byte ^ 0x36 for byte in final.ljust(64, b"\x00"))
        outer = bytes(byte ^ 0x5C for byte in final.ljust(64, b"\x00"))
        key = (hashlib.sha1(inner).digest() + hashlib.sha1(outer).digest())[: self.key_bytes]  # noqa: S324  # as above
        expected = self.decrypt(key, self.verifier_hash)[:20]
        digest = hashlib.sha1(self.decrypt(key, self.verifier)).digest()  # noqa: S324  # as above
        return key if hmac.compare_digest(digest, expected) else None

    def decrypt(self, key: bytes, content: bytes) -> bytes:
        """The content, block by block."""
        decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305  # the format has no other
        return decryptor.update(content[: len(content) // 16 * 16])


def _standard(info: bytes) -> _Standard | None:
    """The lock that a standard header tells, None for another cipher. Raises struct.error on damage."""
    (header_bytes,) = struct.unpack_from("<L", info, 8)
    algorithm, _, key_bits = struct.unpack_from("<3L", info, 20)
    start = 12 + header_bytes
    (salt_bytes,) = struct.unpack_from("<L", info, start)
    if algorithm not in {0x660E, 0x660F, 0x6610} or salt_bytes != 16 or key_bits not in {128, 192, 256}:
        return None
    salt, verifier, _, verifier_hash = struct.unpack_from("<16s16sL32s", info, start + 4)
    return _Standard(key_bits // 8, salt, verifier, verifier_hash)


def _spun(algorithm: str, seed: bytes, spins: int) -> bytes:
    new = getattr(hashlib, algorithm)
    digest: bytes = new(seed).digest()
    for number in range(spins):
        digest = new(struct.pack("<L", number) + digest).digest()
    return digest


def _aes_cbc(key: bytes, vector: bytes, content: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector[:16])).decryptor()
    return decryptor.update(content[: len(content) // 16 * 16])
