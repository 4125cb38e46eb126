"""`sluice ca`: the path of a certificate that is there."""

import subprocess

import pytest

from gateway.cli.ca import ensure_ca
from gateway.errors import StartError


def test_certificate_is_made_and_its_path_printed(sluice, config, folder):
    done = sluice("ca", "--config", config(state_dir="state"))
    assert (done.code, done.out, done.err) == (0, f"{folder}/state/ca/sluice-ca.pem\n", "")
    text = (folder / "state" / "ca" / "sluice-ca.pem").read_text("ascii")
    assert text.startswith("-----BEGIN CERTIFICATE-----")
    assert sluice("ca", "--config", config(state_dir="state")).out == done.out
    assert (folder / "state" / "ca" / "sluice-ca.pem").read_text("ascii") == text


def test_broken_authority_is_one_sentence(sluice, config, folder):
    (folder / "ca").mkdir()
    (folder / "ca" / "mitmproxy-ca.pem").write_bytes(b"broken")
    done = sluice("ca", "--config", config(tls={"ca_dir": "ca"}))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"sluice: {folder}/ca: the certificate authority cannot be used (")
    assert len(done.err.splitlines()) == 1


def test_program_that_dies_without_a_word(monkeypatch, tmp_path):
    died = subprocess.CompletedProcess([], -9, "", "")
    monkeypatch.setattr("gateway.cli.ca.subprocess.run", lambda *_, **__: died)
    with pytest.raises(StartError, match=r"no CA could be made \(exit code -9\)"):
        ensure_ca(tmp_path)
