"""The certificate authority: made once, kept, refused when broken."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

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


BOTH = "mitmproxy-ca.pem"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "ca"
    ensure_ca(folder)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other") / "ca"
    ensure_ca(folder)
    return folder


def key_and_certificate(folder: Path) -> tuple[bytes, bytes]:
    key, mark, certificate = (folder / BOTH).read_bytes().partition(b"-----BEGIN CERTIFICATE-----")
    return key, mark + certificate


def run_out(folder: Path) -> bytes:
    """The CA's key with a certificate that is no longer valid."""
    key, _ = key_and_certificate(folder)
    private = serialization.load_pem_private_key(key, None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sluice")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    old = builder.not_valid_after(datetime(2021, 1, 1, tzinfo=UTC)).sign(private, hashes.SHA256())
    return key + old.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        pytest.param(lambda good, other: b"broken", "its files are no key and certificate in PEM", id="no PEM"),
        pytest.param(lambda good, other: b"", "its files are no key and certificate in PEM", id="empty"),
        pytest.param(
            lambda good, other: key_and_certificate(good)[0],
            "its files are no key and certificate in PEM",
            id="key alone",
        ),
        pytest.param(
            lambda good, other: key_and_certificate(good)[1],
            "its files are no key and certificate in PEM",
            id="certificate alone",
        ),
        pytest.param(
            lambda good, other: key_and_certificate(good)[0] + key_and_certificate(other)[1],
            "the key does not belong to the certificate",
            id="key of another",
        ),
        pytest.param(lambda good, other: run_out(good), "the certificate ran out on 2021-01-01", id="run out"),
    ],
)
def test_broken_ca_is_one_sentence(tmp_path, good, other, broken, why):
    folder = tmp_path / "ca"
    shutil.copytree(good, folder)
    (folder / BOTH).write_bytes(broken(good, other))
    done = run(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{folder}: the certificate authority cannot be used ({why}); "
        "restore its files from a backup, or move the folder away to have a new one made\n"
    )


def test_copy_for_people_is_the_certificate_in_use(tmp_path, good):
    folder = tmp_path / "ca"
    shutil.copytree(good, folder)
    for name in ("mitmproxy-ca-cert.pem", "sluice-ca.pem"):
        (folder / name).write_bytes(b"broken")
    assert ensure_ca(folder).read_bytes() == (good / "sluice-ca.pem").read_bytes()


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    done = run(tmp_path / "file" / "ca")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be used (Not a directory)" in done.stderr


def test_lost_copy_is_made_again(tmp_path):
    path = ensure_ca(tmp_path / "ca")
    text = path.read_bytes()
    os.unlink(path)
    assert ensure_ca(tmp_path / "ca").read_bytes() == text
