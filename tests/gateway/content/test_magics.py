"""Types by first bytes."""

import pytest

from gateway.content.magics import by_prefix, is_seven_zip, is_tar, openpgp_encrypted
from tests.samples.archives import cpio_bytes, gzip_bytes, seven_zip, tar_bytes, zip_bytes, zstd_bytes


def der(oid, *, long=False):
    body = bytes.fromhex(oid) + bytes(40)
    return (b"\x30\x82\x01\x00" if long else b"\x30\x40") + body


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        pytest.param(zip_bytes({"a": b"x"}), "application/zip", id="zip"),
        pytest.param(zip_bytes({}), "application/zip", id="empty zip"),
        pytest.param(b"%PDF-1.7", "application/pdf", id="pdf"),
        pytest.param(seven_zip({"a": b"x"}), "application/x-7z-compressed", id="7z"),
        pytest.param(b"Rar!\x1a\x07\x00", "application/vnd.rar", id="rar 4"),
        pytest.param(b"Rar!\x1a\x07\x01\x00", "application/vnd.rar", id="rar 5"),
        pytest.param(gzip_bytes(b"x"), "application/gzip", id="gzip"),
        pytest.param(b"BZh91AY&SY", "application/x-bzip2", id="bzip2"),
        pytest.param(b"BZh9\x17rE8P\x90", "application/x-bzip2", id="empty bzip2"),
        pytest.param(b"BZhello", "", id="a word like bzip2"),
        pytest.param(zstd_bytes(b"x"), "application/zstd", id="zstd"),
        pytest.param(tar_bytes({"a": b"x"}), "application/x-tar", id="tar"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "image/png", id="png"),
        pytest.param(b"\xff\xd8\xff\xe0", "image/jpeg", id="jpeg"),
        pytest.param(b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", id="webp"),
        pytest.param(b"RIFF\x00\x00\x00\x00XXXX", "", id="unknown RIFF"),
        pytest.param(b"\x00\x00\x00\x18ftypisom", "video/mp4", id="mp4"),
        pytest.param(b"\x00\x00\x00\x18ftypheic", "image/heic", id="heic"),
        pytest.param(b"\x01\x00\x00\x00" + bytes(36) + b" EMF", "image/emf", id="emf"),
        pytest.param(b"\x02\x00\x00\x00" + bytes(36) + b" EMF", "", id="no emf"),
        pytest.param(b"\x04\x22\x4d\x18\x60", "application/x-lz4", id="lz4"),
        pytest.param(b"\x1f\x9d\x90a", "application/x-compress", id="compress"),
        pytest.param(b"LZIP\x01\x0c", "application/x-lzip", id="lzip"),
        pytest.param(b"MSCF" + bytes(32), "application/vnd.ms-cab-compressed", id="cab"),
        pytest.param(b"MSCF in a text", "", id="a word like cab"),
        pytest.param(b"!<arch>\nname", "application/x-archive", id="ar"),
        pytest.param(b"!<arch>\ndebian-binary   ", "application/vnd.debian.binary-package", id="deb"),
        pytest.param(b"\xed\xab\xee\xdb\x03", "application/x-rpm", id="rpm"),
        pytest.param(cpio_bytes({"a": b"x"}, "newc"), "application/x-cpio", id="cpio, new"),
        pytest.param(cpio_bytes({"a": b"x"}, "odc"), "application/x-cpio", id="cpio, portable"),
        pytest.param(cpio_bytes({"a": b"x"}, "bin"), "application/x-cpio", id="cpio, binary"),
        pytest.param(b"070701 opens cpio archives; " + b"0" * 110, "", id="a text about cpio"),
        pytest.param(b"070707 and 070701 too; " + b"0" * 110, "", id="another text about cpio"),
        pytest.param(b"\xc7\x71" + bytes(40), "", id="no cpio"),
        pytest.param(b"Salted__12345678", "application/x-openssl-salted", id="openssl"),
        pytest.param(b"age-encryption.org/v1\n", "application/x-age", id="age"),
        pytest.param(b"-----BEGIN PGP MESSAGE-----", "application/pgp-encrypted", id="armored OpenPGP"),
        pytest.param(der("06092a864886f70d010703"), "application/pkcs7-mime", id="CMS"),
        pytest.param(der("06092a864886f70d010703", long=True), "application/pkcs7-mime", id="CMS, long"),
        pytest.param(der("0201033080"), "application/x-pkcs12", id="PKCS 12"),
        pytest.param(der("0603550406"), "", id="other DER"),
        pytest.param(b"\x30\x82", "", id="short DER"),
        pytest.param(b"plain text", "", id="text"),
        pytest.param(b"", "", id="empty"),
    ],
)
def test_by_prefix(head, media_type):
    assert by_prefix(head[:1024]) == media_type


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(tar_bytes({"a": b"x"})[:512], True, id="header"),
        pytest.param(tar_bytes({"a": b"x"})[:511], False, id="short"),
        pytest.param(bytes(512), False, id="zeros"),
        pytest.param(b"name" + bytes(508), False, id="no checksum"),
        pytest.param(b"n" * 512, False, id="letters"),
        pytest.param(tar_bytes({"a": b"x"})[:511] + b"\x01", False, id="wrong checksum"),
    ],
)
def test_is_tar(block, expected):
    assert is_tar(block) is expected


def test_is_seven_zip_wants_the_checksum():
    archive = seven_zip({"a": b"x"})
    assert is_seven_zip(archive)
    assert not is_seven_zip(archive[:31])
    assert not is_seven_zip(archive[:6] + bytes(40))


PADDING = bytes(16)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(b"\x85\x01\x0c\x03" + bytes(8) + b"\x01" + PADDING, True, id="key for RSA, old format"),
        pytest.param(b"\x84\x5e\x03" + bytes(8) + b"\x12" + PADDING, True, id="key for ECDH"),
        pytest.param(b"\x84\x5e\x03" + bytes(8) + b"\x63" + PADDING, False, id="unknown algorithm"),
        pytest.param(b"\xc1\x5e\x06" + PADDING, True, id="version 6"),
        pytest.param(b"\xc1\x5e\x02" + PADDING, False, id="unknown version"),
        pytest.param(b"\x8c\x0d\x04\x09" + PADDING, True, id="password, old format"),
        pytest.param(b"\xc3\x0d\x04\x09" + PADDING, True, id="password, new format"),
        pytest.param(b"\xc3\x0d\x04\x63" + PADDING, False, id="unknown cipher"),
        pytest.param(b"\xd2\xc0\x10\x01" + PADDING, True, id="data, two-byte length"),
        pytest.param(b"\xd2\xff\x00\x00\x10\x00\x01" + PADDING, True, id="data, five-byte length"),
        pytest.param(b"\xd2\xed\x01" + PADDING, True, id="data, partial length"),
        pytest.param(b"\xd2\xed\x07" + PADDING, False, id="data of another version"),
        pytest.param(b"\xcb\x10\x01" + PADDING, False, id="literal data"),
        pytest.param(b"plain text, long enough", False, id="text"),
        pytest.param(b"\x85\x01", False, id="short"),
    ],
)
def test_openpgp_encrypted(head, expected):
    assert openpgp_encrypted(head) is expected
