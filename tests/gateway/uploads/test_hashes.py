"""Digests instead of files: known ones are told apart, unknown ones are nothing."""

import base64
import sqlite3

import pytest

from gateway.errors import StoreError
from gateway.uploads.hashes import HashIndex, recognised

SHA256, MD5, SHA1 = "ab" * 32, "cd" * 16, "ef" * 20


@pytest.fixture
def index(tmp_path):
    index = HashIndex(tmp_path / "uploads")
    yield index
    index.close()


def test_a_file_is_known_by_each_of_its_digests(index):
    index.remember("protected", SHA256.upper(), MD5, SHA1, 7, 1.0)
    assert [index.lookup("sha256", SHA256), index.lookup("md5", MD5.upper()), index.lookup("sha1", SHA1)] == [
        "protected"
    ] * 3


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        pytest.param("md5", "00" * 16, id="another file"),
        pytest.param("sha1", MD5, id="another algorithm"),
        pytest.param("crc32", MD5, id="an algorithm nobody uses"),
        pytest.param("kind", "seen", id="another column"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_is_not_known(index, algorithm, digest):
    index.remember("seen", SHA256, MD5, SHA1, 7, 1.0)
    assert index.lookup(algorithm, digest) == ""


def test_a_digest_that_was_not_taken_is_not_known(index):
    index.remember("seen", SHA256, "", "", 7, 1.0)
    assert (index.lookup("md5", ""), index.lookup("sha256", SHA256)) == ("", "seen")


def test_files_of_which_one_digest_is_known_are_told_apart(index):
    index.remember("seen", "", MD5, "", 7, 1.0)
    index.remember("protected", "", "", SHA1, 7, 1.0)
    index.remember("protected", "", "00" * 16, "", 7, 1.0)
    assert (index.lookup("md5", MD5), index.lookup("sha1", SHA1), index.lookup("md5", "00" * 16)) == (
        "seen",
        "protected",
        "protected",
    )


def test_protected_comes_before_seen(index):
    for kind in ("seen", "protected", "seen"):
        index.remember(kind, SHA256, MD5, SHA1, 7, 1.0)
    assert index.lookup("md5", MD5) == "protected"


def test_the_oldest_go_and_protected_ones_are_counted_apart(tmp_path):
    index = HashIndex(tmp_path, max_entries=20)
    index.remember("protected", SHA256, MD5, SHA1, 7, 0.0)
    for number in range(21):
        index.remember("seen", f"{number:064x}", "", "", 7, float(number))
    kept = [number for number in range(21) if index.lookup("sha256", f"{number:064x}")]
    assert kept == list(range(3, 21))
    assert index.lookup("md5", MD5) == "protected"
    index.close()


def test_it_outlives_its_process(tmp_path, index):
    index.remember("seen", SHA256, MD5, SHA1, 7, 1.0)
    other = HashIndex(tmp_path / "uploads")
    assert (other.lookup("md5", MD5), other.set_aside) == ("seen", None)
    other.close()


def test_an_index_that_cannot_be_read_is_set_aside(tmp_path):
    (tmp_path / "hashes.db").write_bytes(b"no database" * 100)
    index = HashIndex(tmp_path)
    assert index.set_aside == tmp_path / "hashes.db.unreadable-1"
    assert index.lookup("md5", MD5) == ""
    index.close()


def test_an_index_that_fails_later_says_so(tmp_path, index):
    with sqlite3.connect(tmp_path / "uploads" / "hashes.db") as connection:
        connection.execute("DROP TABLE hashes")
    connection.close()
    with pytest.raises(StoreError, match="unusable"):
        index.lookup("md5", MD5)


@pytest.mark.parametrize(
    ("text", "algorithm", "digest"),
    [
        pytest.param(MD5, "md5", MD5, id="md5"),
        pytest.param(f" {SHA1.upper()}\n", "sha1", SHA1, id="sha1, upper case"),
        pytest.param(SHA256, "sha256", SHA256, id="sha256"),
        pytest.param(base64.b64encode(b"\xfb" * 16).decode(), "md5", "fb" * 16, id="base64"),
        pytest.param(base64.b64encode(b"\xfb" * 20).decode(), "sha1", "fb" * 20, id="base64 of sha1"),
        pytest.param(base64.b64encode(b"\xfb" * 32).decode().rstrip("="), "sha256", "fb" * 32, id="no padding"),
        pytest.param(base64.urlsafe_b64encode(b"\xfb\xff" * 8).decode(), "md5", "fbff" * 8, id="base64url"),
        pytest.param("BD686F11DKEA8DC5113480F530DA507E", "md5", "5d41402abc4b2a76b9719d911017c592", id="scrambled"),
        pytest.param("bd686f11dwea8dc5113480f530da507e", "", "", id="scrambled with a letter too far"),
        pytest.param("bd686f11dkea8dc5113480f530da507k", "", "", id="two letters"),
        pytest.param("0" * 31, "", "", id="one digit short"),
        pytest.param("0" * 128, "", "", id="sha512"),
        pytest.param("g" * 64, "", "", id="64 letters"),
        pytest.param("合同", "", "", id="not ASCII"),
        pytest.param("a" * 5, "", "", id="base64 of no length"),
        pytest.param("", "", "", id="empty"),
    ],
)
def test_digests_are_recognised(text, algorithm, digest):
    assert recognised(text) == (algorithm, digest)
