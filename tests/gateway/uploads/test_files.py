"""Raw bodies in files: appended whole or not at all, by one writer at a time."""

import errno
import os
import threading

import pytest

from gateway.errors import StoreError
from gateway.uploads.files import Files, append


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path / "files")


@pytest.fixture
def target(tmp_path):
    descriptor = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").write_bytes(b"0123456789")
    descriptor = os.open(tmp_path / "source", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def content(descriptor):
    return os.pread(descriptor, 100, 0)


def test_nobody_else_may_read_them(files, tmp_path):
    files.create("u")
    assert oct((tmp_path / "files").stat().st_mode & 0o777) == "0o700"
    assert oct((tmp_path / "files" / "u").stat().st_mode & 0o777) == "0o600"


def test_a_directory_that_was_open_is_closed(tmp_path):
    (tmp_path / "files").mkdir(mode=0o755)
    Files(tmp_path / "files")
    assert oct((tmp_path / "files").stat().st_mode & 0o777) == "0o700"


def test_a_file_from_start_to_end(files):
    files.create("u")
    with pytest.raises(FileExistsError):
        files.create("u")
    with files.locked("u") as descriptor:
        append(descriptor, 0, b"hello", 5)
    reading = files.reading("u")
    files.remove("u")
    files.remove("u")
    assert (content(reading), files.names()) == (b"hello", set())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(reading, b"x")
    os.close(reading)


def test_a_file_that_is_gone_is_closed(files):
    with pytest.raises(StoreError, match="closed"), files.locked("u"):
        pass
    with pytest.raises(FileNotFoundError):
        files.reading("u")


def test_a_link_is_not_followed(files, tmp_path):
    (tmp_path / "other").write_bytes(b"x")
    (tmp_path / "files" / "u").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"), files.locked("u"):
        pass


def test_one_writer_at_a_time(files):
    files.create("u")
    order = []

    def second():
        with files.locked("u"):
            order.append("second")

    with files.locked("u"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_bytes_are_appended(target):
    append(target, 0, b"hello, all", 5)
    append(target, 5, b" world", 6)
    assert content(target) == b"hello world"


def test_what_a_dead_writer_left_goes(target):
    os.write(target, b"hello, and garbage")
    append(target, 5, b"!", 1)
    assert content(target) == b"hello!"


def test_a_file_is_appended_from_its_start(target, source):
    os.lseek(source, 3, os.SEEK_SET)
    append(target, 0, source, 4)
    append(target, 4, source, 10)
    assert content(target) == b"01230123456789"
    assert os.lseek(source, 0, os.SEEK_CUR) == 3


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_does_not_copy_is_sent_from(target, source, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    append(target, 0, b"ab", 2)
    append(target, 2, source, 10)
    assert content(target) == b"ab0123456789"


def test_a_copy_that_takes_several_calls(target, source, monkeypatch):
    monkeypatch.setattr("gateway.uploads.files.COPY_BYTES", 3)
    append(target, 0, source, 10)
    assert content(target) == b"0123456789"


@pytest.mark.parametrize("of_bytes", [True, False], ids=["bytes", "file"])
def test_a_body_that_is_shorter_than_announced_leaves_nothing(target, source, of_bytes):
    append(target, 0, b"hello", 5)
    with pytest.raises(OSError, match="shorter"):
        append(target, 5, b"0123456789" if of_bytes else source, 11)
    assert content(target) == b"hello"


def test_a_full_disk_leaves_nothing(source):
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError):
        append(full.fileno(), 0, source, 10)


def test_a_copy_that_fails_leaves_nothing(target, source, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    append(target, 0, b"hello", 5)
    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="full"):
        append(target, 5, source, 10)
    assert content(target) == b"hello"
