"""Apache's password file: what is read, and every mistake with its line."""

import bcrypt
import pytest
from argon2 import PasswordHasher

from gateway.errors import ConfigError
from gateway.identity import htpasswd
from gateway.identity.htpasswd import load_htpasswd

ARGON2 = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("p")
BCRYPT = bcrypt.hashpw(b"p", bcrypt.gensalt(4)).decode()


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "htpasswd"
    path.write_text(text, encoding)
    return path


def test_entries(tmp_path):
    text = f"# staff\n\nzhang:{ARGON2}\r\n  li.wei:{BCRYPT}  \n张三:{BCRYPT}"
    assert load_htpasswd(write(tmp_path, text)) == {"zhang": ARGON2, "li.wei": BCRYPT, "张三": BCRYPT}


def test_an_empty_file_has_nobody(tmp_path):
    assert load_htpasswd(write(tmp_path, "")) == {}


def test_every_problem_with_its_line_and_no_hash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path,
        f"""zhang:{ARGON2}
apr:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00
sha:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=
des:rl.3StKT.4T8M
md5:$1$salt$qJH7.N4xYta3aEG/dfqo/0
plain:hunter2
no colon
a b:{BCRYPT}
zhang:{BCRYPT}
:{BCRYPT}
""",
    )
    with pytest.raises(ConfigError) as caught:
        load_htpasswd("htpasswd")
    allowed = "allowed: argon2 ($argon2id$) and bcrypt (htpasswd -B)"
    entry = "not an entry; allowed: NAME:HASH with a name of up to 128 characters without blanks"
    assert [str(problem) for problem in caught.value.problems] == [
        f"htpasswd:2: MD5 of Apache ($apr1$) is too weak; {allowed}",
        f"htpasswd:3: SHA-1 ({{SHA}}) is too weak; {allowed}",
        f"htpasswd:4: DES crypt is too weak; {allowed}",
        f"htpasswd:5: MD5 crypt ($1$) is too weak; {allowed}",
        f"htpasswd:6: plain text or no hash that is known here; {allowed}",
        f"htpasswd:7: {entry}",
        f"htpasswd:8: {entry}",
        "htpasswd:9: the user zhang is in line 1 already; names must differ",
        f"htpasswd:10: {entry}",
    ]
    assert not any(part in str(caught.value) for part in ("hunter2", "5en6", "rl.3", "eIMz"))


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_htpasswd(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"is not UTF-8 \(byte 0\)"):
        load_htpasswd(write(tmp_path, "张三:x", "gb18030"))
    monkeypatch.setattr(htpasswd, "MAX_FILE_BYTES", 10)
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        load_htpasswd(write(tmp_path, "#" * 11))
