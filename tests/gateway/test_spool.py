"""Bytes of a held upload: small ones in memory, large ones in a file without a name, all of them back as they came."""

import errno
import hashlib
import os
import random
import resource
import stat

import pytest

from gateway import spool as module
from gateway.limits import KIB, MIB
from gateway.spool import CHUNK_BYTES, MEMORY_BYTES, Quota, Spool
from tests.support.disks import mounted
from tests.support.pool import in_child


@pytest.fixture
def spool(tmp_path):
    spool = Spool(str(tmp_path))
    yield spool
    spool.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, MEMORY_BYTES, MEMORY_BYTES + 1, 3 * MIB + 17]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [1000, 64 * KIB, 4 * MIB], ids=["small pieces", "socket reads", "whole"])
def test_what_was_written_comes_back(spool, tmp_path, size, piece):
    data = random.Random(size).randbytes(size)
    for start in range(0, size, piece):
        spool.write(data[start : start + piece])
    assert spool.size_bytes == size
    for _ in range(2):
        chunks = list(spool.chunks())
        assert b"".join(chunks) == data
        assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
    is_on_disk = size > MEMORY_BYTES
    assert isinstance(spool.payload, int) is is_on_disk
    assert spool.on_disk_bytes == (size if is_on_disk else 0)
    assert list(tmp_path.iterdir()) == []


def test_small_payload_is_the_bytes(spool):
    spool.write(b"abc")
    spool.write(b"def")
    assert spool.payload == b"abcdef"


def test_file_has_no_name_and_is_nobody_elses(spool):
    spool.write(bytes(MEMORY_BYTES + 1))
    found = os.fstat(spool.payload)
    assert (found.st_nlink, stat.S_IMODE(found.st_mode), found.st_size) == (0, 0o600, MEMORY_BYTES + 1)
    assert not os.get_inheritable(spool.payload)


def test_reading_does_not_move_what_an_inspector_reads(spool):
    spool.write(os.urandom(MEMORY_BYTES + 1))
    before = os.lseek(spool.payload, 0, os.SEEK_CUR)
    assert hashlib.sha256(b"".join(spool.chunks())).digest()
    assert os.lseek(spool.payload, 0, os.SEEK_CUR) == before


@pytest.mark.parametrize("size", [10, MEMORY_BYTES + 1], ids=["in memory", "on disk"])
def test_close_gives_everything_back(tmp_path, size):
    before = open_files()
    spool = Spool(str(tmp_path))
    spool.write(bytes(size))
    spool.close()
    spool.close()
    assert (open_files(), spool.size_bytes, spool.on_disk_bytes) == (before, size, 0)


def test_file_that_was_cut_is_noticed(spool):
    spool.write(bytes(MEMORY_BYTES + 100))
    os.ftruncate(spool.payload, MEMORY_BYTES)
    with pytest.raises(OSError, match="shorter than what was written"):
        list(spool.chunks())


def test_file_system_without_nameless_files(tmp_path, monkeypatch):
    """What overlay and network file systems answer to O_TMPFILE."""
    real = os.open

    def refuse(path, flags, *arguments, **named):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return real(path, flags, *arguments, **named)

    monkeypatch.setattr(module.os, "open", refuse)
    spool = Spool(str(tmp_path))
    spool.write(bytes(MEMORY_BYTES + 1))
    assert os.fstat(spool.payload).st_nlink == 0
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_full_disk_is_told_and_leaves_nothing(tmp_path):
    before = open_files()
    with mounted(tmp_path / "disk", "size=1m") as disk:
        spool = Spool(str(disk))
        spool.write(bytes(MEMORY_BYTES + 1))
        with pytest.raises(OSError, match="No space left on device"):
            spool.write(bytes(MIB))
        spool.close()
        assert os.statvfs(disk).f_bfree == os.statvfs(disk).f_blocks
    assert open_files() == before


def test_file_size_limit_is_told(tmp_path):
    def ask() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))
        spool = Spool(str(tmp_path))
        try:
            for _ in range(64):
                spool.write(bytes(64 * KIB))
        except OSError as error:
            return error.errno
        return 0

    assert in_child(ask) == errno.EFBIG


def test_folder_that_is_gone(tmp_path):
    spool = Spool(str(tmp_path / "gone"))
    spool.write(bytes(MEMORY_BYTES))
    with pytest.raises(FileNotFoundError):
        spool.write(b"x")
    spool.close()


@pytest.mark.parametrize("size", [10, MEMORY_BYTES + 10], ids=["in memory", "on disk"])
@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, slice(0, None)),
        (3, 4, slice(3, 7)),
        (3, 0, slice(3, 3)),
        (8, 1 << 30, slice(8, None)),
        (1 << 30, 5, slice(0, 0)),
    ],
    ids=["all", "some", "nothing", "over the end", "behind the end"],
)
def test_a_piece_of_it_comes_back(spool, size, start, length, expected):
    data = random.Random(size).randbytes(size)
    spool.write(data)
    assert b"".join(spool.chunks(start, length)) == data[expected]


def test_quota_counts_what_lies_on_the_disk(tmp_path):
    quota = Quota(2 * MEMORY_BYTES)
    small, large, late = (Spool(str(tmp_path), quota) for _ in range(3))
    small.write(bytes(MEMORY_BYTES))
    assert quota.taken_bytes == 0
    large.write(bytes(MEMORY_BYTES + 1))
    large.write(bytes(10))
    assert quota.taken_bytes == MEMORY_BYTES + 11
    with pytest.raises(OSError, match=r"[Qq]uota") as refused:
        late.write(bytes(MEMORY_BYTES + 1))
    assert refused.value.errno == errno.EDQUOT
    with pytest.raises(OSError, match=r"[Qq]uota"):
        large.write(bytes(MEMORY_BYTES))
    for spool in (small, large, large, late):
        spool.close()
    assert quota.taken_bytes == 0
