"""What an OpenDocument manifest says about encryption."""

import pytest

from gateway.content.odf_encryption import odf_encryptions
from gateway.errors import MalformedError

NS = 'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'


def manifest(algorithm, *, path="content.xml"):
    data = f'<manifest:encryption-data><manifest:algorithm manifest:algorithm-name="{algorithm}"/></manifest:encryption-data>'
    return (
        f'<manifest:manifest {NS}><manifest:file-entry manifest:full-path="/"/>'
        f'<manifest:file-entry manifest:full-path="{path}">{data}</manifest:file-entry>'
        '<manifest:file-entry manifest:full-path="mimetype"/></manifest:manifest>'
    ).encode()


@pytest.mark.parametrize(
    ("algorithm", "scheme", "grade"),
    [
        ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "odf-aes-256", "strong"),
        ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "odf-aes-256", "strong"),
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "odf-aes-128", "strong"),
        ("Blowfish CFB", "odf-blowfish", "weak"),
        ("", "odf-blowfish", "weak"),
    ],
)
def test_algorithms(algorithm, scheme, grade):
    found = odf_encryptions(manifest(algorithm))
    assert list(found) == ["content.xml"]
    assert (found["content.xml"].scheme, found["content.xml"].grade) == (scheme, grade)


def test_entries_without_encryption_are_not_there():
    assert odf_encryptions(f'<m {NS}><file-entry full-path="a"/><algorithm/></m>'.encode()) == {}


def test_encryption_without_an_algorithm_is_weak():
    found = odf_encryptions(b'<m><file-entry full-path="a"><encryption-data/></file-entry></m>')
    assert found["a"].grade == "weak"


def test_no_xml():
    with pytest.raises(MalformedError):
        odf_encryptions(b"<m>")
