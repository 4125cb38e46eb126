"""Policies by digest: whole or not there, private, bounded; the one in force is never in doubt."""

import os
import stat
import threading

import pytest

from gateway.errors import ConfigError
from gateway.policy import kept as module
from gateway.policy.kept import Kept
from gateway.policy.load import load_text
from tests.samples.records import largest_file

POLICY = "version: 1\n# {}\nsettings: {{size_unit: {}}}\n"
TEXTS = [POLICY.format("a comment", "MiB"), POLICY.format("another", "MB")]
DIGESTS = [load_text(text, "p.yaml").digest for text in TEXTS]
OTHERS = [f"{number:064x}" for number in range(1, 8)]


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "state")


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_what_is_put_in_force_is_loaded_as_it_was_written(kept):
    assert (kept.in_force(), kept.entries()) == ("", [])
    for text, digest in zip(TEXTS, DIGESTS, strict=True):
        kept.put_in_force(text, digest)
        assert (kept.in_force(), kept.text(digest), kept.load(digest).digest) == (digest, text, digest)
    assert {entry.digest for entry in kept.entries()} == set(DIGESTS)


def test_nobody_else_may_read_it_and_nothing_is_left_aside(kept):
    kept.put_in_force(TEXTS[0], DIGESTS[0])
    assert mode(kept.folder) == 0o700
    assert {path.name: mode(path) for path in kept.folder.iterdir()} == {f"{DIGESTS[0]}.yaml": 0o600, "in-force": 0o600}


def test_a_broken_writing_leaves_the_old_one_in_force(kept):
    kept.put_in_force(TEXTS[0], DIGESTS[0])
    with largest_file(16), pytest.raises(OSError, match="File too large"):
        kept.put_in_force(TEXTS[1], DIGESTS[1])
    assert kept.in_force() == DIGESTS[0]
    assert [entry.digest for entry in kept.entries()] == [DIGESTS[0]]
    kept.put_in_force(TEXTS[1], DIGESTS[1])
    assert kept.load(kept.in_force()).digest == DIGESTS[1]


def test_who_reads_while_another_writes_finds_a_whole_policy(kept):
    kept.put_in_force(TEXTS[0], DIGESTS[0])
    done = threading.Event()

    def write():
        for number in range(40):
            kept.put_in_force(TEXTS[number % 2], DIGESTS[number % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(kept.load(kept.in_force()).digest)
    writer.join()
    assert seen <= set(DIGESTS)


def test_a_changed_copy_is_not_loaded(kept):
    kept.put_in_force(TEXTS[0], DIGESTS[0])
    (kept.folder / f"{DIGESTS[0]}.yaml").write_text(TEXTS[1], "utf-8")
    with pytest.raises(ConfigError) as caught:
        kept.load(DIGESTS[0])
    (problem,) = caught.value.problems
    assert problem.message == "is not the policy of that digest; it was changed by hand"


def test_a_copy_that_is_gone_is_told(kept):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        kept.load(DIGESTS[0])


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"../../etc/passwd", b"A" * 64], ids=["empty", "bytes", "path", "no digest"]
)
def test_a_damaged_name_names_none(kept, content):
    kept.folder.mkdir(parents=True)
    (kept.folder / "in-force").write_bytes(content)
    assert kept.in_force() == ""


def test_the_oldest_go_and_the_one_in_force_stays(kept, monkeypatch):
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    for age, digest in enumerate(OTHERS):
        kept.put_in_force("version: 1\n", digest)
        os.utime(kept.folder / f"{digest}.yaml", (1_000 + age, 1_000 + age))
    kept.put_in_force("version: 1\n", OTHERS[4])
    assert [entry.digest for entry in kept.entries()] == [OTHERS[4], OTHERS[6], OTHERS[5]]
    os.utime(kept.folder / f"{OTHERS[6]}.yaml", (9e9, 9e9))
    monkeypatch.setattr(module, "MAX_KEPT", 1)
    kept.put_in_force("version: 1\n", OTHERS[0])
    assert {entry.digest for entry in kept.entries()} == {OTHERS[6], OTHERS[0]}


@pytest.mark.parametrize(
    ("beginning", "found"),
    [
        (OTHERS[0], OTHERS[0]),
        ("00000000", ""),
        ("", ""),
        ("00", ""),
        ("../x", ""),
        ("ffff", ""),
    ],
    ids=["whole", "two", "empty", "too short", "no digest", "none"],
)
def test_a_beginning_finds_one(kept, beginning, found):
    for digest in OTHERS[:2]:
        kept.put_in_force("version: 1\n", digest)
    assert kept.find(beginning) == found


def test_other_files_of_the_folder_are_left_alone(kept):
    kept.put_in_force(TEXTS[0], DIGESTS[0])
    for name in ("notes.txt", OTHERS[0]):
        (kept.folder / name).write_text("mine")
    assert [entry.digest for entry in kept.entries()] == [DIGESTS[0]]
    assert kept.find(DIGESTS[0][:8]) == DIGESTS[0]
