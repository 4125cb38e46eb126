"""A list of people hidden in files that look like something else: each way is found, or the file is not readable."""

import base64
import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib

import pytest

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.limits import Limits
from gateway.parts import Part, Piece
from tests.samples import office

ID = "11010519491231002X"
"""The sample of GB 11643."""
LIST = "".join(f"{name},{ID}\n" for name in ("张三", "李四", "王五")).encode() * 3
TYPES = MediaTypes()
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(range(256)) * 2


def zipped(data: bytes, **extra: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("a.csv")
        entry.extra = extra.get("extra", b"")
        archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def marked_aes(content: bytes) -> bytes:
    """A zip with one entry whose headers claim AES-256 over `content`."""
    field = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 0)
    numbers = (99, 0, 0, 0, len(content), max(0, len(content) - 28), 5, len(field))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 51, 1, *numbers) + b"a.csv" + field
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 51, 51, 1, *numbers, 0, 0, 0, 0, 0) + b"a.csv" + field
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local) + len(content), 0)
    return local + content + entry + end


def parts(data: bytes, name: str = "a") -> list[Part]:
    return list(unpack(Piece(data, name), types=TYPES, limits=Limits(), budget=Budget()))


def is_read(found: list[Part]) -> bool:
    """Whether a part has the number in its text, or in base64, of which detection reads one layer."""
    texts = [text.text for part in found for text in part.texts]
    return any(ID in text or base64.b64encode(LIST).decode()[:40] in text for text in texts)


ZIP, GZIP = zipped(LIST), gzip.compress(LIST)
NOISE = bytes((i * 167 + i * i * 13) % 256 for i in range(3000))

READ = {
    "zip in base64": base64.b64encode(ZIP),
    "zip in base64, lines": base64.encodebytes(ZIP),
    "zip in base64 in a message": b"Hello,\nsee below:\n\n" + base64.encodebytes(ZIP) + b"\nRegards\n",
    "zip in base64, url alphabet": base64.urlsafe_b64encode(ZIP),
    "zip in base64 in base64": base64.b64encode(base64.b64encode(ZIP)),
    "gzip in base64": base64.b64encode(GZIP),
    "xz in base64": base64.b64encode(lzma.compress(LIST)),
    "bzip2 in base64": base64.b64encode(bz2.compress(LIST)),
    "zip in hexadecimal": ZIP.hex().encode(),
    "zip in hexadecimal, capitals": ZIP.hex(" ").upper().encode(),
    "zip as a C string": b'char *x = "' + "".join(f"\\x{byte:02x}" for byte in ZIP).encode() + b'";\n',
    "text in hexadecimal": LIST.hex().encode(),
    "text in hexadecimal, blanks": LIST.hex(" ").encode(),
    "text in two layers of base64": base64.b64encode(base64.b64encode(LIST)),
    "gzip behind a picture": JPEG + GZIP,
    "xz behind a picture": JPEG + lzma.compress(LIST),
    "bzip2 behind a picture": JPEG + bz2.compress(LIST),
    "gzip in a film": MP4 + GZIP + MP4,
    "gzip without its end in a film": MP4 + GZIP[:-8],
    "gzip behind words": b"a few words first " + GZIP,
    "gzip behind gzip and a gap": gzip.compress(b"clean") + b"\0\0" + GZIP,
    "text behind a PDF": office.pdf_bytes("clean") + LIST,
    "gzip behind a PDF": office.pdf_bytes("clean") + GZIP,
    "text before a PDF": LIST[:500] + office.pdf_bytes("clean"),
    "extra field of times": zipped(b"clean", extra=struct.pack("<HH", 0x5455, len(LIST)) + LIST),
}

NOT_READABLE = {
    "gzip marked as AES": marked_aes(gzip.compress(LIST + os.urandom(2000).hex().encode())),
    "zip marked as AES": marked_aes(ZIP),
    "xz marked as AES": marked_aes(lzma.compress(LIST + NOISE)),
    "deflate behind a salt, marked as AES": marked_aes(
        NOISE[:18] + zlib.compress(LIST + os.urandom(900).hex().encode())[2:-4] + NOISE[:10]
    ),
    "lzma": lzma.compress(LIST, format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress(LIST),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in READ.items()])
def test_is_read(data):
    found = parts(data)
    assert is_read(found), [(part.path, part.media_type) for part in found]


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in NOT_READABLE.items()])
def test_is_not_readable(data):
    found = parts(data)
    assert is_read(found) or any(
        part.opaque is not None and part.opaque.reason in {"malformed", "unsupported"} for part in found
    ), [(part.path, part.media_type, part.opaque) for part in found]


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo("a.txt")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"clean"))
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(NOISE) + b"-----END CERTIFICATE-----\n", id="certificate"),
        pytest.param(b"token H4sI" + base64.b64encode(NOISE), id="chance mark of gzip"),
        pytest.param(b"504b0304 is how a zip opens, 1f8b08 a gzip\n" * 20, id="marks in prose"),
        pytest.param(JPEG + NOISE + b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + NOISE, id="chance mark in a picture"),
        pytest.param(base64.encodebytes(zipped(b"clean")), id="clean archive in base64"),
        pytest.param(JPEG + gzip.compress(b"clean" * 20), id="clean gzip behind a picture"),
        pytest.param(office.pdf_bytes("clean") + b"\n\0\0\0\r\n", id="PDF with padding"),
        pytest.param(tarred(), id="clean tgz"),
        pytest.param(b"".join(b"%064x  file-%d.bin\n" % (i * 7919, i) for i in range(200)), id="checksums"),
    ],
)  # fmt: skip
def test_ordinary_content_stays_readable(data):
    assert [part.path for part in parts(data) if part.opaque is not None] == []
