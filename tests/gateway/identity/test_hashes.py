"""Which hashes are taken, and what fits them."""

import bcrypt
import pytest
from argon2 import PasswordHasher, Type

from gateway.identity.hashes import ABSENT_HASH, check_hash, fits

param = pytest.param
ALLOWED = "allowed: argon2 ($argon2id$) and bcrypt (htpasswd -B)"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
BCRYPT = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize(
    "stored",
    [
        param(CHEAP, id="argon2id"),
        param(CHEAP.replace("argon2id", "argon2i"), id="argon2i"),
        param(BCRYPT, id="bcrypt"),
        param(BCRYPT.replace("$2b$", "$2y$"), id="bcrypt of Apache"),
        param(ABSENT_HASH, id="the one of nobody"),
    ],
)
def test_taken(stored):
    assert check_hash(stored) == stored


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        param("$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", f"MD5 of Apache ($apr1$) is too weak; {ALLOWED}", id="apr1"),
        param("$1$salt$qJH7.N4xYta3aEG/dfqo/0", f"MD5 crypt ($1$) is too weak; {ALLOWED}", id="md5 crypt"),
        param("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", f"SHA-1 ({{SHA}}) is too weak; {ALLOWED}", id="sha1"),
        param("{SSHA}abcd", f"salted SHA-1 ({{SSHA}}) is too weak; {ALLOWED}", id="salted sha1"),
        param("$5$rounds=5000$a$b", f"SHA-256 crypt ($5$) is too weak; {ALLOWED}", id="sha256 crypt"),
        param("$6$a$b", f"SHA-512 crypt ($6$) is too weak; {ALLOWED}", id="sha512 crypt"),
        param("rl.3StKT.4T8M", f"DES crypt is too weak; {ALLOWED}", id="crypt"),
        param("hunter2", f"plain text or no hash that is known here; {ALLOWED}", id="plain"),
        param("", f"plain text or no hash that is known here; {ALLOWED}", id="empty"),
        param(BCRYPT[:-1], f"plain text or no hash that is known here; {ALLOWED}", id="bcrypt cut off"),
        param(BCRYPT.replace("$04$", "$15$"), "the bcrypt hash has a cost outside 4 to 14", id="dear bcrypt"),
        param(BCRYPT.replace("$04$", "$03$"), "the bcrypt hash has a cost outside 4 to 14", id="cheap bcrypt"),
        param(CHEAP.replace("m=8,", "m=1048576,"), "the hash asks for more than 256 MiB or 20 rounds", id="a gibibyte"),
        param(CHEAP.replace("t=1,", "t=21,"), "the hash asks for more than 256 MiB or 20 rounds", id="many rounds"),
    ],
)
def test_refused_without_a_word_of_it(stored, message):
    with pytest.raises(ValueError) as caught:
        check_hash(stored)
    assert str(caught.value) == message


@pytest.mark.parametrize("stored", [param(CHEAP, id="argon2"), param(BCRYPT, id="bcrypt")])
@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        param(b"correct horse", True, id="right"),
        param(b"correct horse ", False, id="longer"),
        param(b"Correct horse", False, id="case"),
        param(b"", False, id="empty"),
        param(b"correct horse\0x", False, id="NUL"),
    ],
)
def test_fits(stored, secret, expected):
    assert fits(stored, secret) is expected


def test_bcrypt_looks_at_the_first_72_bytes():
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert fits(stored, b"x" * 100)
    assert not fits(stored, b"x" * 71)


@pytest.mark.parametrize(
    "damaged",
    [
        param("$argon2id$v=19$m=8,t=1,p=1$x$y", id="argon2"),
        param("$2b$04$tooshort", id="bcrypt"),
        param("", id="empty"),
    ],
)
def test_a_damaged_hash_fits_nothing(damaged):
    assert not fits(damaged, b"x")


def test_other_kinds_of_argon2_are_checked_too():
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.I).hash("right")
    assert fits(old, b"right")
