"""Types that the first bytes prove, so that libmagic need not be asked: containers, encrypted formats, media."""

from __future__ import annotations

import zlib

from gateway.transfer import Buffer

ZIP, OLE, PDF, SEVEN_ZIP, RAR, TAR = (
    "application/zip",
    "application/x-ole-storage",
    "application/pdf",
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/x-tar",
)
GZIP, BZIP2, XZ, ZSTD = "application/gzip", "application/x-bzip2", "application/x-xz", "application/zstd"
LZ4, COMPRESS, LZIP, LZMA, ZLIB = (
    "application/x-lz4",
    "application/x-compress",
    "application/x-lzip",
    "application/x-lzma",
    "application/zlib",
)
CAB, AR, DEB, CPIO, RPM, ISO = (
    "application/vnd.ms-cab-compressed",
    "application/x-archive",
    "application/vnd.debian.binary-package",
    "application/x-cpio",
    "application/x-rpm",
    "application/x-iso9660-image",
)
OPENPGP, AGE, SALTED = "application/pgp-encrypted", "application/x-age", "application/x-openssl-salted"
LUKS, KEEPASS, CMS, PKCS12 = (
    "application/x-luks",
    "application/x-keepass",
    "application/pkcs7-mime",
    "application/x-pkcs12",
)
EMPTY, UNKNOWN = "application/x-empty", "application/octet-stream"

PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"%PDF-", PDF),
    (b"7z\xbc\xaf\x27\x1c", SEVEN_ZIP),
    (b"Rar!\x1a\x07\x00", RAR),
    (b"Rar!\x1a\x07\x01\x00", RAR),
    (b"\x1f\x8b\x08", GZIP),
    (b"\xfd7zXZ\x00", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"\x04\x22\x4d\x18", LZ4),
    (b"\x02\x21\x4c\x18", LZ4),
    (b"\x1f\x9d\x8c", COMPRESS),  # block mode and 12 to 16 bits, as compress writes it
    (b"\x1f\x9d\x90", COMPRESS),
    (b"LZIP\x01", LZIP),
    (b"MSCF\x00\x00\x00\x00", CAB),
    (b"!<arch>\ndebian-binary", DEB),
    (b"!<arch>\n", AR),
    (b"\xed\xab\xee\xdb", RPM),
    (b"age-encryption.org/v1\n", AGE),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", AGE),
    (b"-----BEGIN PGP MESSAGE-----", OPENPGP),
    (b"Salted__", SALTED),
    (b"U2FsdGVkX1", SALTED),  # the same in base64
    (b"LUKS\xba\xbe", LUKS),
    (b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5", KEEPASS),
    (b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5", KEEPASS),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf"),
    (b"OggS\x00", "audio/ogg"),
    (b"fLaC\x00", "audio/flac"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"AC10", "image/vnd.dwg"),  # AutoCAD releases 14 and later: AC1014 … AC1032
)
"""First bytes → type."""
_BY_FIRST_BYTE: dict[int, tuple[tuple[bytes, str], ...]] = {
    first: tuple(pair for pair in PREFIXES if pair[0][0] == first) for first in {prefix[0] for prefix, _ in PREFIXES}
}
"""The same, found by their first byte: most contents are text and match none."""
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"heic": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
_OIDS = {
    bytes.fromhex("06092a864886f70d010702"): CMS,  # signedData: not encrypted, still a container of DER
    bytes.fromhex("06092a864886f70d010703"): CMS,  # envelopedData
    bytes.fromhex("06092a864886f70d010706"): CMS,  # encryptedData
    bytes.fromhex("060b2a864886f70d0109100117"): CMS,  # authEnvelopedData
    bytes.fromhex("02010330"): PKCS12,  # version 3, then the authenticated safe
}


def by_prefix(head: bytes) -> str:
    """Type that the first bytes prove, empty when they prove none; `head` holds at least 1 KiB where there is so much.

    >>> by_prefix(b"%PDF-1.7")
    'application/pdf'
    >>> by_prefix(b"hello")
    ''
    """
    for prefix, media_type in _BY_FIRST_BYTE.get(head[0], ()) if head else ():
        if head.startswith(prefix):
            return media_type
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if is_cpio(head):
        return CPIO
    if head[:3] == b"BZh" and head[3:4].isdigit() and head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}:
        return BZIP2
    if head[40:44] == b" EMF" and head[:4] == b"\x01\x00\x00\x00":
        return "image/emf"
    return _der(head) or (TAR if is_tar(head) else "")


def _der(head: bytes) -> str:
    """Type of a DER structure: a SEQUENCE that opens with one of the known identifiers."""
    if len(head) < 8 or head[0] != 0x30:
        return ""
    length = 2 if head[1] <= 0x80 else 2 + (head[1] & 0x7F)
    body = head[length : length + 16]
    return next((media_type for oid, media_type in _OIDS.items() if body.startswith(oid)), "")


def is_tar(head: bytes) -> bool:
    """Whether the first block is a tar header; the checksum decides, old archives have no magic."""
    if len(head) < 512 or not head[:100].strip(b"\x00"):
        return False
    stored = head[148:156].strip(b" \x00")
    if not stored or stored.strip(b"01234567"):
        return False
    return int(stored, 8) == sum(head[:148]) + 8 * 32 + sum(head[156:512])


def is_cpio(head: bytes) -> bool:
    """Whether a cpio header opens the data: a magic number alone is a number in a text.

    >>> is_cpio(b"070701 is the magic of cpio")
    False
    """
    if head[:6] in {b"070701", b"070702"}:
        return len(head) >= 110 and not head[6:110].strip(b"0123456789abcdefABCDEF")
    if head[:6] == b"070707":
        return len(head) >= 76 and not head[6:76].strip(b"01234567")
    name_bytes = int.from_bytes(head[20:22], "little" if head[:2] == b"\xc7\x71" else "big")
    return (
        head[:2] in {b"\xc7\x71", b"\x71\xc7"}
        and 1 < name_bytes <= 1024
        and head[25 + name_bytes : 26 + name_bytes] == b"\x00"
    )


def is_seven_zip(head: bytes) -> bool:
    """Whether a 7z signature is a real one: its start header has a checksum."""
    return len(head) >= 32 and zlib.crc32(head[12:32]) == int.from_bytes(head[8:12], "little")


def openpgp_encrypted(head: Buffer) -> bool:
    """Whether binary data open with an OpenPGP packet of an encrypted message (RFC 9580 §4.2, §5).

    One byte of tag proves little, so version and algorithm of the packet are looked at too.
    """
    first = bytes(head[:16])
    if len(first) < 16 or not first[0] & 0x80:
        return False
    if first[0] & 0x40:
        tag, skip = first[0] & 0x3F, 1 + (1 if first[1] < 192 else 2 if first[1] < 224 else 5 if first[1] == 255 else 1)
    else:
        tag, skip = (first[0] >> 2) & 0x0F, 1 + (1, 2, 4, 0)[first[0] & 3]
    version, algorithm = first[skip], first[skip + 1]
    if tag == 1:  # session key for a public key: version 3, 8 bytes of key id, algorithm
        return (version == 3 and first[skip + 9] in {1, 2, 16, 18, 25, 26}) or version == 6
    if tag == 3:  # session key from a password: version, cipher, kind of string-to-key
        return version in {4, 5, 6} and 1 <= algorithm <= 13
    return tag == 18 and version in {1, 2} and first[0] & 0x40 != 0
