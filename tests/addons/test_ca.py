"""The certificate authority: made once, kept, refused when broken."""

import os
import subprocess
import sys
from pathlib import Path

from cryptography import x509

from addons.ca import ensure_ca


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "addons.ca", str(folder)], capture_output=True, text=True, check=False)


def test_made_once_and_kept(tmp_path):
    first = ensure_ca(tmp_path / "ca")
    text = first.read_bytes()
    certificate = x509.load_pem_x509_certificate(text)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (first.name, ensure_ca(tmp_path / "ca").read_bytes()) == ("sluice-ca.pem", text)
    assert oct((tmp_path / "ca").stat().st_mode)[-3:] == "700"
    assert not (tmp_path / "ca" / "mitmproxy-ca.pem").stat().st_mode & 0o077


def test_command_prints_the_path(tmp_path):
    done = run(tmp_path / "ca")
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "ca" / "sluice-ca.pem"))


def test_broken_ca_is_one_sentence(tmp_path):
    ensure_ca(tmp_path / "ca")
    (tmp_path / "ca" / "mitmproxy-ca.pem").write_bytes(b"broken")
    done = run(tmp_path / "ca")
    assert done.returncode == 1
    assert "the certificate authority cannot be used" in done.stderr
    assert "restore its files from a backup" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    done = run(tmp_path / "file" / "ca")
    assert (done.returncode, done.stdout) == (1, "")


def test_lost_copy_is_made_again(tmp_path):
    path = ensure_ca(tmp_path / "ca")
    text = path.read_bytes()
    os.unlink(path)
    assert ensure_ca(tmp_path / "ca").read_bytes() == text
