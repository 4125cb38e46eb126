"""`sluice signatures test`: the cases beside signatures and YARA rules."""

import shutil
from pathlib import Path

import pytest

SIGNATURES = Path("signatures").resolve()
SSN, KEYS = "identifiers/us.ssn.yaml", "yara/keys.cases.yaml"


@pytest.fixture
def own(folder, config):
    """A folder with one signature and one file of rules, and settings that name it."""
    for name in (SSN, "yara/keys.yar", KEYS):
        (folder / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SIGNATURES / name, folder / "own" / name)
    config(signatures=["own"])
    return folder / "own"


def insert(path: Path, after: str, line: str) -> int:
    """Put a line behind the first that begins so; its number."""
    lines = path.read_text("utf-8").splitlines()
    at = next(index for index, text in enumerate(lines) if text.strip().startswith(after)) + 1
    lines.insert(at, line)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return at + 1


def test_all_cases_pass(sluice, own):
    done = sluice("signatures", "test")
    assert (done.code, done.err, len(done.lines)) == (0, "", 2)
    assert done.lines[0].startswith("1 signatures: ")
    assert done.lines[1].startswith("4 signatures in YARA rules: ")
    assert all(line.endswith(" 0 failed") for line in done.lines)


def test_verbose_names_every_case(sluice, own):
    done = sluice("signatures", "test", "-v")
    total = int(done.lines[-2].split()[2])
    assert sum(": ok: us.ssn: " in line for line in done.lines) == total
    assert any(line.startswith("own/yara/keys.cases.yaml:") and "cases" in line for line in done.lines)


def test_failed_cases_are_named_with_their_lines(sluice, own):
    at = insert(own / SSN, "ignore:", "    - 'ssn 536-22-1234'")
    insert(own / KEYS, "find:", "    - nothing to find here")
    done = sluice("signatures", "test")
    assert done.code == 1
    failed = [line for line in done.lines if "FAILED" in line]
    assert failed[0] == f"own/{SSN}:{at}: FAILED: us.ssn: expected 0, found 1"
    assert failed[1].startswith(f"own/{KEYS}:")
    assert failed[1].endswith("0 found, 1 expected")
    assert [line.rpartition(" cases, ")[2] for line in done.lines[-2:]] == ["1 failed", "1 failed"]


def test_broken_signature_is_wrong_configuration(sluice, own):
    (own / SSN).write_text("name: [\n")
    done = sluice("signatures", "test")
    assert (done.code, done.out) == (2, "")
    assert "us.ssn.yaml:" in done.err
