"""The old encryption, opened again by the standard library."""

import io
import zipfile

import pytest

from gateway.demo.zipcrypto import zip_crypto

SALT = bytes(range(11))


@pytest.mark.parametrize("data", [b"", b"x", "合同".encode() * 5000], ids=["empty", "one byte", "long"])
@pytest.mark.parametrize("name", ["a.txt", "目录/合同.docx"])
def test_it_opens_with_its_password(name, data):
    with zipfile.ZipFile(io.BytesIO(zip_crypto(name, data, b"secret", SALT))) as archive:
        (info,) = archive.infolist()
        assert (info.filename, info.file_size, info.flag_bits & 1) == (name, len(data), 1)
        assert archive.read(info, pwd=b"secret") == data


def test_it_does_not_open_with_another():
    with zipfile.ZipFile(io.BytesIO(zip_crypto("a.txt", b"some text", b"secret", SALT))) as archive:
        with pytest.raises(RuntimeError, match="password required"):
            archive.read("a.txt")
        with pytest.raises(RuntimeError, match="Bad password"):
            archive.read("a.txt", pwd=b"other")


def test_salt_changes_the_bytes_and_not_the_content():
    first, second = (zip_crypto("a", b"same", b"p", bytes([n]) * 11) for n in (1, 2))
    assert first != second
    assert len(first) == len(second)


def test_known_bytes():
    """Written once and opened with the standard library; it must not change by accident."""
    assert zip_crypto("a", b"same", b"p", SALT).hex() == (
        "504b03041400010808000000215c44f150fc120000000400000001000000610ee71178e651fb9a239f299415a000630071"
        "504b010214001400010808000000215c44f150fc120000000400000001000000000000000000000000000000000061"
        "504b050600000000010001002f000000310000000000"
    )
