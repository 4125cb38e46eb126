"""Digests of files that were seen or are protected, to answer for an upload that sends a digest and no content (秒传)."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Literal

from gateway.uploads.database import Database

APPLICATION_ID = 0x534C4801
"""`SLH`, and the version of the table."""
MAX_ENTRIES = 200_000
"""Most entries of each kind; one takes about 250 bytes with its indexes."""
ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}
"""Hexadecimal digits → the algorithm that services use."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hashes (
    kind TEXT NOT NULL, sha256 TEXT NOT NULL, md5 TEXT NOT NULL, sha1 TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    at REAL NOT NULL, UNIQUE (kind, sha256, md5, sha1)
);
CREATE INDEX IF NOT EXISTS hashes_sha256 ON hashes (sha256);
CREATE INDEX IF NOT EXISTS hashes_md5 ON hashes (md5);
CREATE INDEX IF NOT EXISTS hashes_sha1 ON hashes (sha1);
CREATE INDEX IF NOT EXISTS hashes_age ON hashes (kind, at)
"""
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_SCRAMBLED = re.compile(r"[0-9a-f]{9}[g-v][0-9a-f]{22}")

type Kind = Literal["seen", "protected"]


class HashIndex:
    """Files by their digests; shared by worker processes. Every method raises StoreError."""

    def __init__(self, directory: Path, *, max_entries: int = MAX_ENTRIES) -> None:
        """An index that cannot be read is set aside, and starts empty: what it does not know does not pass."""
        self._max_entries = max_entries
        self._database = Database(directory / "hashes.db", _SCHEMA, APPLICATION_ID)
        self.set_aside = self._database.set_aside

    def remember(self, kind: Kind, sha256: str, md5: str, sha1: str, size_bytes: int, at: float) -> None:
        """A file that passed (`seen`) or must not leave (`protected`); digests in hexadecimal, empty where unknown.

        `at`: seconds; the oldest of a kind go when there are too many.
        """
        digests = [digest.lower() for digest in (sha256, md5, sha1)]
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", (kind, *digests, size_bytes, at)
            )
            (count,) = connection.execute("SELECT count(*) FROM hashes WHERE kind = ?", (kind,)).fetchone()
            if count > self._max_entries:
                # A tenth at once, so that counting is seldom followed by deleting.
                surplus = count - self._max_entries + self._max_entries // 10
                oldest = "SELECT rowid FROM hashes WHERE kind = ? ORDER BY at, rowid LIMIT ?"
                connection.execute(f"DELETE FROM hashes WHERE rowid IN ({oldest})", (kind, surplus))  # noqa: S608 - as it stands

    def lookup(self, algorithm: str, digest: str) -> str:
        """`protected`, `seen`, or empty for a digest nobody knows; a protected file stays so although it was seen too."""
        if algorithm not in ALGORITHMS.values() or not digest:
            return ""
        query = f"SELECT kind FROM hashes WHERE {algorithm} = ? ORDER BY kind LIMIT 1"  # noqa: S608 - one of three words
        with self._database.transaction(is_reading=True) as connection:
            found = connection.execute(query, (digest.lower(),)).fetchone()
        return str(found[0]) if found else ""

    def close(self) -> None:
        """Let the database go."""
        self._database.close()


def recognised(text: str) -> tuple[str, str]:
    """Algorithm and hexadecimal of a digest written in hexadecimal or base64; two empty texts for anything else.

    >>> recognised("D41D8CD98F00B204E9800998ECF8427E")
    ('md5', 'd41d8cd98f00b204e9800998ecf8427e')
    >>> recognised("1B2M2Y8AsgTpgAmY7PhCfg==")
    ('md5', 'd41d8cd98f00b204e9800998ecf8427e')
    >>> recognised("a name")
    ('', '')

    An MD5 as Baidu's web client scrambles it is told by its tenth character, which is no hexadecimal digit.

    >>> recognised("8e23f7635tb64136eddb0719602bc477")
    ('md5', 'd41d8cd98f00b204e9800998ecf8427e')
    """
    digest = _unscrambled(text.strip().lower())
    if not (len(digest) in ALGORITHMS and _HEXADECIMAL.fullmatch(digest)):
        try:
            plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
            digest = b64decode(plain + "=" * (-len(plain) % 4), validate=True).hex()
        except (Base64Error, ValueError):
            return "", ""
    algorithm = ALGORITHMS.get(len(digest), "")
    return (algorithm, digest) if algorithm else ("", "")


def _unscrambled(digest: str) -> str:
    """The MD5 behind Baidu's scrambling, any other text as it is.

    Each digit is combined with its place, groups of eight change places, and the tenth digit is written as a letter
    from `g` on. Source: published clients, which undo it to compare with a file's own MD5.
    """
    if not _SCRAMBLED.fullmatch(digest):
        return digest
    digits = [ord(each) - ord("g") if at == 9 else int(each, 16) for at, each in enumerate(digest)]
    plain = "".join(f"{digit ^ at & 15:x}" for at, digit in enumerate(digits))
    return plain[8:16] + plain[:8] + plain[24:] + plain[16:24]
