import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "geo.sh"
TOOLS = ("sh", "mktemp", "rm", "sha512sum", "tail", "tar", "cp", "mv", "mkdir", "chmod", "gzip")


@pytest.fixture
def run(tmp_path):
    """Runs the script with an `npm` of our own, or with none."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))

    def run(*arguments, npm=None):
        if npm is not None:
            (tools / "npm").write_text(f"#!/bin/sh\n{npm}\n", encoding="utf-8")
            (tools / "npm").chmod(0o755)
        return subprocess.run(
            [shutil.which("sh"), SCRIPT, *arguments],
            env={"PATH": str(tools)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_without_npm_it_says_so_and_goes_on(run, tmp_path):
    done = run(tmp_path / "geo")

    assert done.returncode == 0
    assert "npm is not installed" in done.stderr
    assert not (tmp_path / "geo").exists()


def test_what_is_not_pinned_is_not_installed(run, tmp_path):
    done = run(tmp_path / "geo", npm="echo forged > package-1.tgz")

    assert done.returncode == 1
    assert "SHA-512 differs" in done.stderr
    assert not (tmp_path / "geo").exists()


def test_a_failing_npm_is_told(run, tmp_path):
    done = run(tmp_path / "geo", npm="echo no such version >&2; exit 1")

    assert done.returncode == 1
    assert "no such version" in done.stderr


def test_without_a_directory_it_says_how(run):
    assert run().returncode == 2


def test_no_registry_is_named():
    assert "://" not in SCRIPT.read_text(encoding="utf-8")
